// Functions as work: told by module, text and arguments.
import { utimesSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { memo } from '../../../lib/advice/memo.ts';
import { task } from '../../../lib/compose/task.ts';
import type { Runner } from '../../../lib/kernel/index.ts';
import { projectIn, node, script } from './support.ts';

let calls = 0;
function* double(n: unknown) {
  calls++;
  return { twice: [n, n] };
}
function* triple(n: unknown) {
  calls++;
  return [n, n, n];
}
const same1 = (n: number): string => `1 ${n} ${++calls}`;
const same2 = (n: number): string => `1 ${n} ${++calls}`;
async function later(n: number) {
  calls++;
  await Promise.resolve();
  return n;
}

t.test('functions of a module: a hit for the same, never for another', async (t) => {
  const p = projectIn(t);
  const give = async (fn: any, ...args: unknown[]): Promise<[value: unknown, called: number]> => {
    const before = calls;
    const { value, error } = await p.run(task(import.meta, fn, ...args).with(p.memo()));
    if (error !== undefined) throw error;
    return [value, calls - before];
  };
  t.same(await give(double, 1), [{ twice: [1, 1] }, 1]);
  t.same(await give(double, 1), [{ twice: [1, 1] }, 0]);
  t.same(await give(triple, 1), [[1, 1, 1], 1]);
  t.same(await give(later, 1), [1, 1]);
  t.same(await give(later, 1), [1, 0]);
  const different = [2, '1', null, undefined, NaN, -0, 0, [1], { a: 1 }, new Map([[1, 1]]), new Date(1), 1n];
  for (const argument of different) t.equal((await give(double, argument))[1], 1);
  for (const argument of different) t.equal((await give(double, argument))[1], 0);
  t.equal((await give(double))[1], 1, 'no argument is not undefined');
  await t.rejects(
    give(double, () => 1),
    { name: 'TypeError', message: /argument 1/ } as never,
  );
  await t.rejects(give(double, 1, { deep: Symbol('x') }), { name: 'TypeError', message: /argument 2.*deep/s } as never);
  const inner = function* inner() {};
  await t.rejects(give(inner), {
    name: 'TypeError',
    message: /inner can't be told from others.*give memo a key/,
  } as never);
  const one = await give(same1, 1);
  const two = await give(same2, 1);
  t.not(one[0], two[0], 'with the same text');
});

t.test('with a key any function may be', async (t) => {
  const p = projectIn(t);
  const n = Math.random();
  let count = 0;
  const closure = task(() => (count++, n)).with(p.memo({ key: ['closure', n] }));
  for (const _ of [1, 2]) t.equal((await p.run(closure)).value, n);
  t.equal(count, 1);
  t.throws(() => task(() => n).with(p.memo()), {
    name: 'TypeError',
    message: /Pass them as arguments.*or give memo a key/,
  } as never);
  const generator = (function* () {})();
  t.throws(() => memo()(generator as never), TypeError);
});

t.test('under one key two functions, and two arguments that can be compared, are two', async (t) => {
  const p = projectIn(t);
  const one = p.memo({ key: 1 });
  const give = async (runner: Runner<unknown>): Promise<unknown> => (await p.run(runner.with(one))).value;
  for (const _ of [1, 2]) {
    t.equal(await give(task(() => 'a')), 'a');
    t.equal(await give(task(() => 'b')), 'b');
    t.equal(await give(task((n: number) => n, 1)), 1);
    t.equal(await give(task((n: number) => n, 2)), 2);
  }
  let runs = 0;
  const counts = (of: () => number): number => ++runs + of();
  for (const _ of [1, 2]) t.equal(await give(task(counts, () => 1)), 2, 'of an argument that can’t be the key tells');
});

for (const options of ['', `{ key: 'k' }`])
  t.test(`a helper module that changes, seen by the next process: memo(${options})`, async (t) => {
    const p = projectIn(t, {
      'helper.ts': `import { more } from './more.js';\nexport const help = (n: number) => n + more;`,
      'more.ts': `export const more = 1;`,
    });
    const code = `
    import { memo, runCommandGens, task } from 'sluice';
    import { help } from './helper.ts';
    export function compute(n: number) { console.log('computes'); return help(n); }
    const notes: string[] = [];
    const [value] = await runCommandGens([task(import.meta, compute, 1).with(memo(${options}))], { onEvent: (e) => e.type === 'note' && notes.push(e.text) });
    console.log(JSON.stringify({ value, notes }));`;
    const again = (): Promise<string> => node(p.folder, [p.path('main.ts')]);
    t.equal(await script(p.folder, 'main.ts', code), 'computes\n{"value":2,"notes":[]}\n');
    t.equal(await again(), '{"value":2,"notes":["unchanged"]}\n');
    writeFileSync(p.path('more.ts'), 'export const more = 2;');
    t.match(await again(), /^computes\n\{"value":3,"notes":\["runs: code more\.ts changed \(/);
    t.equal(await again(), '{"value":3,"notes":["unchanged"]}\n');
    writeFileSync(p.path('more.ts'), 'export const more = 1;');
    t.equal(await again(), '{"value":2,"notes":["unchanged"]}\n', 'as it was');
  });

t.test('code that was written since the process began is told by when that was, not by its own time', async (t) => {
  const p = projectIn(t, { 'helper.mjs': 'export const more = 1;' });
  const code = `
    import { utimesSync, writeFileSync } from 'node:fs';
    import { memo, runCommandGens, task } from 'sluice';
    import { more } from './helper.mjs';
    export function compute(n: number) { return n + more; }
    const [how] = process.argv.slice(2);
    if (how === 'write') {
      writeFileSync('helper.mjs', 'export const more = 2;');
      utimesSync('helper.mjs', 1, 1);
    }
    const notes: string[] = [];
    const [value] = await runCommandGens([task(import.meta, compute, 1).with(memo())], { onEvent: (e) => e.type === 'note' && notes.push(e.text) });
    console.log(JSON.stringify({ value, notes }));`;
  t.match(
    await script(p.folder, 'main.ts', code, ['write']),
    /"value":2,"notes":\["not remembered: .*code helper\.mjs was written after this process began"\]/,
  );
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(p.path('helper.mjs'), ahead, ahead);
  const again = (): Promise<string> => node(p.folder, [p.path('main.ts')]);
  t.match(await again(), /^\{"value":3,"notes":\[[^\]]*\]\}\n$/);
  t.equal(await again(), '{"value":3,"notes":["unchanged"]}\n');
});
