// The JavaScript of TypeScript files, remembered in the project's store where there is one: what removes the types takes longer to load
// than most scripts to run.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sha256of } from '../digest.ts';
import { nearestWith } from '../folders.ts';
import { readSealed, seal, writeAtomically } from '../sealed.ts';

/** What `strip` gives for some code of a file, or gave for it before. */
export function remembered(code: string, path: string, strip: () => string): string {
  const store = storeAbove(dirname(path));
  if (store === undefined) return strip();
  const file = join(store, 'stripped', sha256of([version(), code]));
  const found = readSealed('stripped', file);
  if (typeof found === 'object' && 'text' in found) return found.text;
  const text = strip();
  try {
    writeAtomically(file, seal('stripped', text), join(store, 'tmp'));
  } catch {
    // The next one strips it again.
  }
  return text;
}

const stores = new Map<string, string | undefined>();

function storeAbove(folder: string): string | undefined {
  if (stores.has(folder)) return stores.get(folder);
  const project = nearestWith(['.sluice'], folder);
  const found = project === undefined ? undefined : join(project, '.sluice');
  stores.set(folder, found);
  return found;
}

let known: string | undefined;

/** Of what strips: another one may do it in another way. */
function version(): string {
  known ??= readFileSync(createRequire(import.meta.url).resolve('@swc/wasm-typescript/package.json'), 'utf8');
  return (JSON.parse(known) as { version: string }).version;
}
