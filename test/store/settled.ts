import { statSync } from 'node:fs';

/** Until the tick of what was written is over: what is read now is remembered. */
export function settled(path: string): void {
  const { mtimeMs, ctimeMs } = statSync(path);
  while (Date.now() < Math.max(mtimeMs, ctimeMs) + 30);
}
