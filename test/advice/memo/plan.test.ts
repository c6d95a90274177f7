// What a memo goes by: everything that decides makes another key, nothing else does.
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { memo, type MemoOptions } from '../../../lib/advice/memo.ts';
import { program } from '../../../lib/runners/program.ts';
import { pipe } from '../../../lib/runners/pipe.ts';
import { file } from '../../../lib/runners/programOptions.ts';
import { sh } from '../../../lib/runners/sh.ts';
import { task } from '../../../lib/compose/task.ts';
import { via } from '../../../lib/fleet/via.ts';
import { within, type Change } from '../../../lib/compose/within.ts';
import type { Runner } from '../../../lib/kernel/index.ts';
import type { ProgramOptions } from '../../../lib/runners/programOptions.ts';
import { projectIn } from './support.ts';

/** Runs each twice; each is run once only, which makes them all different. */
async function allDiffer(t: Test, p: ReturnType<typeof projectIn>, all: readonly (() => Runner<any>)[]) {
  for (const [index, make] of all.entries()) {
    const first = await p.run(make());
    t.equal(first.error, undefined, `${index}`);
    t.notOk(first.notes.includes('unchanged'), `${index} is another one`);
    t.same((await p.run(make())).notes, ['unchanged'], `${index} is known`);
  }
}

t.test('values as inputs, keys and versions', async (t) => {
  const p = projectIn(t);
  const inputs: unknown[] = [
    0,
    -0,
    null,
    undefined,
    NaN,
    false,
    true,
    1n,
    [],
    {},
    [0],
    ['a'],
    [['a']],
    { a: 1 },
    { a: undefined },
    [undefined],
    new Map(),
    new Set(),
    new Map([[1, 2]]),
    Buffer.from('a'),
    new Date(0),
    /a/g,
    /a/i,
  ];
  const all: MemoOptions[] = [
    {},
    ...inputs.map((input) => ({ inputs: [input] })),
    { inputs: [1, 2] },
    { inputs: [2, 1] },
    ...['a', 0, '0', null, [], {}, { a: null }, { a: [1, 2] }, ['a', 'b']].map((key) => ({ key })),
    { key: new Map([[1, 2]]) as never },
    { key: new Map([[1, 3]]) as never },
    { key: NaN },
    { version: 1 },
    { version: '1' },
    { version: 2 },
    { env: ['PATH'] },
    { env: ['SLUICE_IS_NOT_SET'] },
  ];
  await allDiffer(
    t,
    p,
    all.map((options) => () => program('true').with(p.memo(options))),
  );
  const same: [MemoOptions, MemoOptions][] = [
    [
      { inputs: [{ a: 1, b: { c: 1, d: [{ x: 1, y: 2 }] } }] },
      { inputs: [{ b: { d: [{ y: 2, x: 1 }], c: 1 }, a: 1 }] },
    ],
    [{ key: { m: 1, n: 2 } }, { key: { n: 2, m: 1 } }],
    [
      { key: 'lines', lines: '1KiB' },
      { key: 'lines', lines: '2KiB' },
    ],
    [{ env: ['A', 'B'] }, { env: ['B', 'A', 'A'] }],
  ];
  for (const [one, other] of same) {
    await p.run(program('true').with(p.memo(one)));
    t.same((await p.run(program('true').with(p.memo(other)))).notes, ['unchanged']);
  }
});

t.test('programs: words, options that change the result, and not those that do not', async (t) => {
  const p = projectIn(t, { sub: '', in: 'x', other: 'x' });
  const programs: [string | readonly string[], ProgramOptions?][] = [
    ['echo a'],
    [['echo', 'a']],
    [['echo', 'a', '']],
    [['echo', 'a ']],
    ['true; echo a'],
    ['echo a', { env: { A: '1' } }],
    ['echo a', { env: { A: '2' } }],
    ['echo a', { env: { A: undefined } }],
    ['echo a', { exactEnv: { PATH: process.env['PATH']! } }],
    ['echo a', { cwd: '/' }],
    ['echo a', { stdin: 'a' }],
    ['echo a', { stdin: 'b' }],
    ['echo a', { stdin: Buffer.from('c') }],
    ['echo a', { stdin: file('in') }],
    ['echo a', { encoding: 'buffer' }],
    ['echo a', { encoding: 'latin1' }],
    ['echo a', { capture: false }],
    ['echo a', { capture: 3 }],
    ['echo a', { stripFinalNewline: false }],
    ['echo a', { unchecked: true }],
    ['echo a', { stdout: file('out') }],
    ['echo a', { stderr: file('out2') }],
  ];
  await allDiffer(t, p, [
    ...programs.map(
      ([command, options]) =>
        () =>
          program(command as string, options as never).with(p.memo()),
    ),
    () => sh`echo a ${'b'}`.with(p.memo()),
    () => pipe(program('echo a'), program('cat')).with(p.memo()),
    () => pipe(program('echo a'), program('cat'), program('cat')).with(p.memo()),
  ]);
  const lines: string[] = [];
  const heard = await p.run(
    program('echo a', {
      stdout: (line: string) => void lines.push(line),
      label: 'other',
      grace: '1s',
      timeout: '1m',
    }).with(p.memo()),
  );
  t.same(heard.error, undefined);
});

t.test('what is around: folders, variables, ways', async (t) => {
  const p = projectIn(t);
  const plain = () => program('true').with(p.memo());
  const changes: Change[] = [
    { env: { A: '1' } },
    { env: { A: '2' } },
    { env: { PATH: `${process.env['PATH']}:` } },
    { env: { HOME: undefined } },
    { cwd: '/' },
    { via: via.nice(1) },
    { via: via.nice(2) },
    { via: (command) => ({ ...command, argv: ['env', ...command.argv] }) },
    { via: (command) => ({ ...command, argv: ['nice', ...command.argv] }) },
  ];
  await allDiffer(t, p, [plain, ...changes.map((change) => () => within(change, plain()))]);
  await allDiffer(
    t,
    p,
    changes.slice(0, 7).map((change) => () => within(change, program('true')).with(p.memo())),
  );
  const { error } = await p.run(plain(), { cwd: '/' }).then(() => p.run(plain(), { cwd: '/' }));
  t.equal(error, undefined);
  process.env['SLUICE_TEST_UNLISTED'] = 'x';
  t.teardown(() => delete process.env['SLUICE_TEST_UNLISTED']);
  t.same((await p.run(plain())).notes, ['unchanged'], 'what Node has in its environment counts when it is listed');
  const listed = () => program('true').with(p.memo({ env: ['SLUICE_TEST_UNLISTED'] }));
  await p.run(listed());
  process.env['SLUICE_TEST_UNLISTED'] = '';
  t.match((await p.run(listed())).notes, [/^runs: \$SLUICE_TEST_UNLISTED changed/]);
  delete process.env['SLUICE_TEST_UNLISTED'];
  t.match((await p.run(listed())).notes, [/^runs: \$SLUICE_TEST_UNLISTED/], 'unset is not empty');
  process.env['SLUICE_TEST_UNLISTED'] = 'unset';
  t.match((await p.run(listed())).notes, [/^runs: \$SLUICE_TEST_UNLISTED/], 'unset is not "unset"');
});

t.test('what has no end to tell is refused', async (t) => {
  const refused: [Runner<any>, RegExp][] = [
    [program('cat', { stdin: Readable.from(['a']) }), /a stream can be read only once/],
    [program('cat', { stdin: 'inherit' }), /stdin is 'inherit'/],
    [program('cat', { stdout: process.stderr }), /stdout goes to a stream/],
    [pipe(program('cat', { stdin: Readable.from(['a']) }), program('cat')), /a stream can be read only once/],
    [task(function* () {}), /values that .* closes over/],
    [within({ via: (command) => command }, program('true')), /rewriting of its commands is a function/],
  ];
  for (const [runner, why] of refused) {
    t.throws(() => runner.with(memo()), { message: why, name: 'TypeError' } as never);
  }
  t.throws(() => memo({ key: (() => 1) as never }), /memo: key/);
  t.throws(() => memo({ key: { a: 1n } as never, inputs: ['\0'] }), TypeError);
  t.throws(() => memo({ inputs: [''] }), /inputs\[0\].*empty/);
  t.throws(() => memo({ output: ['x'] } as never), /outputs/);
  const p = projectIn(t);
  const at = async (options: MemoOptions): Promise<any> => (await p.run(program('true').with(p.memo(options)))).error;
  t.match(await at({ inputs: [() => 1] }), { name: 'TypeError', message: /input 1/ });
  t.match(await at({ inputs: ['a', Symbol('x')] }), { name: 'TypeError', message: /input 2/ });
  t.match(await at({ inputs: [program('true')] }), { message: /input 1 is a runner/ });
  t.match(await at({ inputs: [{ [Symbol('s')]: 1 }] }), { message: /input 1/ });
  t.match(await at({ outputs: ['.'] }), { message: /is a folder with the whole project/ });
  t.match(await at({ outputs: ['/'] }), { message: /whole project/ });
  for (const outputs of [
    ['a', 'a/b'],
    ['a/b/c', 'x', 'a'],
    ['a/b/c/d', 'a/b'],
  ])
    t.match(await at({ outputs }), { message: /one is inside the other/ });
  t.match(await at({ outputs: ['a/b', 'a/c', 'ab', 'a/b'] }), { reason: { type: 'file' } }, 'not made');
  t.match(await at({ outputs: ['.store/x'] }), { message: /in the store/ });
  t.match(await at({ inputs: ['a'], outputs: ['a'] }), { message: /both an input and an output/ });
});

t.test('files that programs name by themselves', async (t) => {
  const p = projectIn(t, { in: 'one', 'gen.sh': '#!/bin/sh\necho generated' });
  await p.run(program('chmod +x gen.sh'));
  const step = program('cat', { stdin: file('in'), stdout: file('out') }).with(p.memo());
  await p.run(step);
  t.same((await p.run(step)).notes, ['unchanged']);
  p.write('in', 'two');
  t.match((await p.run(step)).notes, [/in changed/]);
  t.equal(p.read('out'), 'two');
  p.write('out', 'hand');
  t.match((await p.run(step)).notes, [/output .*out changed/, /out was changed by hand/]);
  const script = program(['./gen.sh']).with(p.memo());
  t.equal((await p.run(script)).value.stdout, 'generated');
  p.write('gen.sh', '#!/bin/sh\necho other');
  t.equal((await p.run(script)).value.stdout, 'other');
  const gone = program(['./none.sh']).with(p.memo());
  t.match((await p.run(gone)).error, { reason: { type: 'file' }, message: /none\.sh does not exist/ });
  t.equal(
    (await p.run(program('cat', { stdin: file('/dev/null'), stdout: file('/dev/null') }).with(p.memo()))).error,
    undefined,
  );
});
