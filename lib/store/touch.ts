import { utimesSync } from 'node:fs';

/** A hit is noted on its file, for who cleans, once in so many milliseconds. */
const USED = 3_600_000;

/** It is of use now; `usedMs`: when it was so the last time. */
export function touch(path: string, usedMs: number): void {
  const now = Date.now();
  if (now - usedMs <= USED) return;
  try {
    utimesSync(path, now / 1000, now / 1000);
  } catch {
    // Another's file, or gone meanwhile.
  }
}
