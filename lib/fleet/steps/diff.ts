import { isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import { SHOWN } from './shell.ts';

/** More lines than that have changed: nobody reads it, and finding out how takes its square in time. */
const EDITS = 2000;

/** A unified diff of two texts; undefined where one is none, or too long, or they have little in common. */
export function unifiedDiff(path: string, before: Uint8Array | undefined, after: Uint8Array): string | undefined {
  for (const bytes of [before ?? after, after])
    if (bytes.length > SHOWN || bytes.includes(0) || !isUtf8(bytes)) return undefined;
  const [old, young] = [before ?? new Uint8Array(), after].map((bytes) => new TextDecoder().decode(bytes));
  // Only here: few programs that import sluice compare files.
  const { createTwoFilesPatch } = createRequire(import.meta.url)('diff') as typeof import('diff');
  const from = before === undefined ? '/dev/null' : path;
  const patch = createTwoFilesPatch(from, path, old!, young!, undefined, undefined, {
    context: 3,
    maxEditLength: EDITS,
  });
  return patch?.slice(patch.indexOf('--- '));
}
