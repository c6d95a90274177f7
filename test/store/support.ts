// What tests of the store share.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from '../../lib/store/store.ts';
import { lacking } from '../missing.ts';

/** A store, and what it had to say. */
export function rig(folder: string): { readonly store: Store; readonly told: string[]; warn(text: string): void } {
  const told: string[] = [];
  return { store: new Store(join(folder, '.sluice')), told, warn: (text) => void told.push(text) };
}

/** Until the tick of what was written is over: what is read now is remembered. */
export function settled(path: string): void {
  const { mtimeMs, ctimeMs } = statSync(path);
  while (Date.now() < Math.max(mtimeMs, ctimeMs) + 30);
}

/** Why tests between two file systems can't be; false where they can. */
export function otherFileSystem(): string | false {
  const here = statSync(import.meta.dirname).dev;
  const there = statSync('/dev/shm', { throwIfNoEntry: false })?.dev;
  return there === undefined || there === here ? lacking('there is no other file system here') : false;
}
