// A build that does only what has to be done: each step says what it reads and writes, and is skipped while that is as it was. A
// report in TypeScript is a step too; its module and what it imports are inputs by themselves.
//
//   sluice run samples/build.ts
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { all, dir, glob, memo, note, program, task, within } from 'sluice';

const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'));
const store = join(folder, '.sluice'); // by default it is in the project

const chapters = ['one', 'two', 'three'];

/** A chapter in capitals. */
function chapter(name: string) {
  return program(`tr a-z A-Z < ${name}.txt > built/${name}.txt`, { label: name }).with(
    memo({ inputs: [`${name}.txt`], outputs: [`built/${name}.txt`], store }),
  );
}

/** How many words each file has: computed here, remembered like the output of a program. */
export function count(folder: string, names: readonly string[]) {
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(folder, `${name}.txt`), 'utf8').split(/\s+/).length]),
  );
}

function* build() {
  yield* all(chapters.map(chapter)); // side by side
  yield* program('cat built/*.txt > book', { label: 'book' }).with(
    memo({ inputs: [glob('built/*.txt')], outputs: ['book'], store }),
  );
  const words = yield* task(import.meta, count, join(folder, 'built'), chapters).with(
    memo({ inputs: [dir('built')], store }),
  );
  yield* note(`words: ${JSON.stringify(words)}`);
}

export default function* () {
  try {
    for (const name of chapters) writeFileSync(join(folder, `${name}.txt`), `this is chapter ${name}`);
    for (const title of ['first', 'again: nothing to do', 'with another chapter two']) {
      if (title.includes('two')) writeFileSync(join(folder, 'two.txt'), 'chapter two is longer now');
      yield* note(`--- ${title}`);
      yield* within({ cwd: folder }, build);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
