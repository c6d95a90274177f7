import { chmodSync, statSync, utimesSync } from 'node:fs';
import t from 'tap';
import { until } from '../../lib/testing/record.ts';
import { amend, dir, glob, memo } from '../../lib/advice/memo.ts';
import { retry } from '../../lib/advice/retry.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { all } from '../../lib/compose/all.ts';
import { task } from '../../lib/compose/task.ts';
import { within } from '../../lib/compose/within.ts';
import { RunError, runCommandGens } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { storeAt } from '../../lib/store/store.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, settleDown } from '../support.ts';
import { projectIn } from './memo/support.ts';

let turn = 0;
const folder = t.testdir();
adviceContract(
  t,
  'memo',
  memo({ key: 'contract', store: `${folder}/.store`, version: `${process.pid}` }) &&
    ((runner) => runner.with(memo({ key: ++turn, store: `${folder}/.store` }))),
);

/** Counts its runs in the file `runs`, and copies a to b. */
const COPY = 'echo run >> runs; cat a > b; echo copied; echo warned >&2';

t.test('what is unchanged is skipped, with its value, its lines and a note', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const step = program(COPY, { label: 'copy' }).with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  const first = await p.run(step);
  t.equal(first.error, undefined);
  t.same(first.lines.toSorted(), ['copied', 'warned']);
  t.same(first.notes, []);
  const second = await p.run(step);
  t.same(second.value, first.value);
  t.same(second.lines.toSorted(), ['~copied', '~warned']);
  t.same(second.notes, ['unchanged']);
  t.equal(p.runs(), 1);
  p.write('a', 'two');
  const third = await p.run(step);
  t.match(third.notes, [/^runs: input .*a changed \([0-9a-f]{12} → [0-9a-f]{12}\)$/]);
  t.equal(p.runs(), 2);
  t.equal(p.read('b'), 'two');
  t.same(p.locks(), []);
});

t.test('outputs: gone, changed, made executable: it runs; touched: it does not', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const step = program(COPY).with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  await p.run(step);
  utimesSync(p.path('b'), 1, 1);
  utimesSync(p.path('a'), 1, 1);
  await p.run(step);
  t.equal(p.runs(), 1, 'touched');
  await p.run(program('rm b'));
  t.match((await p.run(step)).notes, [/^runs: output .*b is gone/]);
  t.equal(p.runs(), 2);
  await p.run(program('chmod +x b'));
  t.match((await p.run(step)).notes[0], /^runs: output .*b may be executed now/);
  t.equal(p.runs(), 3);
  t.equal(statSync(p.path('b')).mode & 0o111, 0o111, 'the program writes into it');
  await p.run(program('chmod +x a'));
  t.match((await p.run(step)).notes[0], /^runs: input .*a may be executed now/);
});

t.test('values of every kind, falsy ones too', async (t) => {
  const p = projectIn(t);
  const values = [
    0,
    '',
    false,
    null,
    undefined,
    NaN,
    -0,
    [],
    {},
    new Map([[1, new Set([2])]]),
    Buffer.from([0, 255]),
    new Date(5),
    10n,
  ];
  for (const [index, given] of values.entries()) {
    let calls = 0;
    const step = task(() => {
      calls++;
      return given;
    }).with(p.memo({ key: index }));
    t.strictSame((await p.run(step)).value, given);
    const again = await p.run(step);
    t.strictSame(again.value, given);
    t.ok(Object.is(again.value, given) || typeof given === 'object');
    t.same(again.notes, ['unchanged']);
    t.equal(calls, 1, String(given));
  }
});

t.test('a value that cannot be stored still reaches the caller, and leaves nothing', async (t) => {
  const p = projectIn(t);
  const given = { at: { deep: () => 1 } };
  const step = task(() => given).with(p.memo({ key: 'f' }));
  const first = await p.run(step);
  t.equal(first.value, given);
  t.match(first.notes, [/^not remembered: .*value\.at\.deep/]);
  t.equal((await p.run(step)).value, given);
  t.same(
    p.stored().filter((name) => /contents|tmp/.test(name)),
    [],
  );
});

t.test('failed and killed runs are not remembered; unchecked inside is, outside is not', async (t) => {
  const p = projectIn(t);
  const fails = program('echo run >> runs; exit 3');
  for (const round of [1, 2]) {
    t.match((await p.run(fails.with(p.memo()))).error, { reason: { exitCode: 3 } });
    t.equal(p.runs(), round);
  }
  const outside = fails.with(unchecked, p.memo());
  await p.run(outside);
  t.equal((await p.run(outside)).value.exitCode, 3);
  t.equal(p.runs(), 4);
  const inside = fails.with(p.memo(), unchecked);
  await p.run(inside);
  const { value, notes } = await p.run(inside);
  t.equal(value.exitCode, 3);
  t.same(notes, ['unchanged']);
  t.equal(p.runs(), 5);
  const option = program('echo run >> runs; exit 4', { unchecked: true }).with(p.memo());
  await p.run(option);
  t.equal((await p.run(option)).value.exitCode, 4);
  t.equal(p.runs(), 6);
});

t.test('retry inside and outside, timeout around', async (t) => {
  const p = projectIn(t);
  const flaky = program('echo run >> runs; test $(wc -l < runs) -ge 2');
  const inside = flaky.with(p.memo(), retry({ count: 3, backoff: 0 }));
  await p.run(inside);
  t.equal(p.runs(), 2);
  t.same((await p.run(inside)).notes, ['unchanged']);
  const other = program('echo run >> more; test $(wc -l < more) -ge 3').with(retry({ count: 3, backoff: 0 }), p.memo());
  await p.run(other);
  t.equal(p.runs('more'), 3);
  t.same((await p.run(other)).notes, ['unchanged']);
  const slow = program('echo begun; exec sleep 60').with(timeout('50ms'), p.memo());
  t.match((await p.run(slow)).error, { reason: { type: 'timeout' } });
  t.same(p.locks(), []);
});

t.test('50 equal calls at once compute once; when it fails, each tries', async (t) => {
  const p = projectIn(t);
  let calls = 0;
  const step = task(function* () {
    calls++;
    yield* sleep(5);
    return calls;
  }).with(p.memo({ key: 'at once' }));
  const { value } = await p.run(all(Array.from({ length: 50 }, () => step)));
  t.same(
    value,
    Array.from({ length: 50 }, () => 1),
  );
  t.equal(calls, 1);
  let tries = 0;
  const fails = task(function* () {
    tries++;
    yield* sleep(1);
    throw new Error(`try ${tries}`);
  }).with(p.memo({ key: 'fails' }));
  await p.run(Array.from({ length: 50 }, () => fails));
  t.equal(tries, 50);
  const refreshed = await p.run(
    Array.from({ length: 5 }, () => step),
    { memo: 'refresh' },
  );
  t.equal(refreshed.error, undefined);
  t.equal(calls, 2, 'asked for anew: once too');
  t.same(p.locks(), []);
});

t.test('an input that is changed while it runs: not remembered, and said', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const step = program('echo run >> runs; cp a b; echo two > a').with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  t.match((await p.run(step)).notes, [/^not remembered: while it ran, input .*a changed/]);
  await p.run(step);
  t.equal(p.runs(), 2, 'the second left it as it was');
  t.same((await p.run(step)).notes, ['unchanged']);
});

t.test('early cutoff: the same bytes again make nothing after it run', async (t) => {
  const p = projectIn(t, { a: 'x' });
  const first = program('echo run >> runs1; tr -d " " < a > b').with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  const second = program('echo run >> runs2; cp b c').with(p.memo({ inputs: ['b'], outputs: ['c'] }));
  const main = task(function* () {
    yield* first;
    yield* second;
  });
  await p.run(main);
  p.write('a', 'x ');
  await p.run(main);
  t.same([p.runs('runs1'), p.runs('runs2')], [2, 1]);
});

t.test('an output of a step at work is no input yet: both labels; ancestors do not count', async (t) => {
  const p = projectIn(t, { a: 'x' });
  const make = program('cp a b; exec sleep 60', { label: 'maker' }).with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  for (const inputs of [['b'], ['.'], [glob('*')], [dir('sub/..')]]) {
    const use = program('cat b', { label: 'user' }).with(p.memo({ inputs, key: 'u' }));
    const { error } = await p.run([make, use], { failFast: true });
    t.match(error, { reason: { type: 'stale' }, message: /user.*maker.*yield it first/s });
  }
  const outer = task(function* () {
    yield* program('cp a b');
    return (yield* program('cat b').with(p.memo({ inputs: ['b'] }))).stdout;
  }).with(p.memo({ key: 'outer', inputs: ['a'], outputs: ['b'] }));
  t.equal((await p.run(outer)).value, 'x');
  t.same(p.locks(), []);
});

t.test('A, B, A: without outputs, and with keep, it is remembered', async (t) => {
  const p = projectIn(t, { a: 'A' });
  const cache = program('echo run >> runs1; cat a').with(p.memo({ inputs: ['a'] }));
  const plain = program('echo run >> runs2; cp a b').with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  const kept = program('echo run >> runs3; cp a c; chmod 750 c').with(
    p.memo({ inputs: ['a'], outputs: ['c'], keep: true }),
  );
  for (const text of ['A', 'B', 'A']) {
    p.write('a', text);
    const { value } = await p.run(cache);
    t.equal(value.stdout, text);
    await p.run(plain);
    await p.run(kept);
    t.equal(p.read('b'), text);
    t.equal(p.read('c'), text);
    t.equal(statSync(p.path('c')).mode & 0o100, 0o100);
  }
  t.same([p.runs('runs1'), p.runs('runs2'), p.runs('runs3')], [2, 3, 2]);
});

t.test('off, refresh, and refresh of one label', async (t) => {
  const p = projectIn(t);
  const step = program('echo run >> runs', { label: 'step' }).with(p.memo());
  await p.run(step, { memo: 'off' });
  t.same(p.stored(), []);
  await p.run(step);
  await p.run(step, { memo: 'off' });
  t.equal(p.runs(), 3);
  await p.run(step, { memo: { refresh: ['other'] } });
  t.equal(p.runs(), 3);
  t.match((await p.run(step, { memo: { refresh: ['step'] } })).notes, ['runs: it was asked for']);
  await p.run(step, { memo: 'refresh' });
  t.equal(p.runs(), 5);
  await p.run(step);
  t.equal(p.runs(), 5);
  t.throws(() => runCommandGens([step], { memo: 'no' as never }), /memo is 'on', 'off', 'refresh'/);
});

t.test('with a fake clock', async (t) => {
  const p = projectIn(t);
  let calls = 0;
  const step = task(() => ++calls).with(p.memo({ key: 1 }));
  for (const memo of ['on', 'on', 'refresh', 'refresh', 'on'] as const) await p.run(step, { memo, clock: fakeClock() });
  t.equal(calls, 3);
});

t.test('a dry run writes nothing, not even a store', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const step = program(COPY, { label: 'copy' }).with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  utimesSync(p.path('a'), 1, 1);
  const { notes, value } = await p.run(step, { dryRun: true, scope: 's' });
  t.same(notes, ['would run: for the first time']);
  t.equal(value.exitCode, 0);
  storeAt(p.store).files.save(); // as at the end of the process
  t.notOk(p.has('.store'));
  await p.run(step);
  t.same((await p.run(step, { dryRun: true })).notes, ['unchanged']);
  p.write('a', 'two');
  t.match((await p.run(step, { dryRun: true })).notes, [/^would run: input .*a changed/]);
  t.equal(p.read('b'), 'one');
  t.equal(p.runs(), 1);
});

t.test('pause and play: it goes on where it was', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const step = program(COPY).with(p.memo({ inputs: ['a'], outputs: ['b'] }));
  const loop = runCommandGens([step], { cwd: p.folder });
  loop.pause();
  let ended = false;
  loop.then(
    () => (ended = true),
    () => {},
  );
  // The program may have begun, and works on; what it says waits.
  await until(() => p.has('b') || loop.list().every(({ state }) => state.type === 'paused'));
  await settleDown();
  t.notOk(ended);
  loop.play();
  await loop;
  t.equal(p.read('b'), 'one');
});

t.test('a kill leaves no lock: while it runs, waits, or looks', async (t) => {
  const p = projectIn(t, { big: 'x'.repeat(3_000_000) });
  const step = driven<number>();
  const runner = (): any => step.runner.with(p.memo({ key: 'k', inputs: ['big'] }));
  const first = runCommandGens([runner()], { cwd: p.folder });
  first.catch(() => {});
  while (step.starts === 0) await settleDown();
  const waits = runCommandGens([runner()], { cwd: p.folder });
  waits.catch(() => {});
  await settleDown();
  waits.kill('waited long enough');
  await t.rejects(waits, { reason: { type: 'killed' } } as never);
  t.equal(p.locks().length, 1);
  first.kill('no more');
  await t.rejects(first, { reason: { type: 'killed' } } as never);
  t.same(p.locks(), []);
  p.write('big', 'y'.repeat(3_000_000));
  const looks = runCommandGens([runner()], { cwd: p.folder });
  looks.catch(() => {});
  await settleDown();
  looks.kill('at once');
  await t.rejects(looks, { reason: { type: 'killed' } } as never);
  t.equal(step.starts, 1);
  t.same(p.locks(), []);
});

t.test('memos in one another, around leaves of a loop, and of a part', async (t) => {
  const p = projectIn(t, { a: 'one' });
  const nested = program('echo run >> runs; cat a').with(p.memo({ inputs: ['a'] }), p.memo({ inputs: ['a'] }));
  await p.run(nested);
  t.same((await p.run(nested)).notes, ['unchanged']);
  t.equal(p.runs(), 1);
  const main = task(function* () {
    yield* program('echo run >> leaf');
    yield* sleep(1);
    yield* program('echo run >> leaf; :');
  });
  for (const _ of [1, 2]) t.equal((await p.run(main, { advice: [p.memo()] })).error, undefined);
  t.equal(p.runs('leaf'), 2);
  const part = within(
    { advice: [p.memo()] },
    task(function* () {
      yield* program('echo run >> part');
    }),
  );
  for (const _ of [1, 2]) t.equal((await p.run(part)).error, undefined);
  t.equal(p.runs('part'), 1);
});

t.test('amend: inputs, outputs and variables that are found while it runs', async (t) => {
  const p = projectIn(t, { a: 'one', h: 'header' });
  let calls = 0;
  const step = task(function* () {
    calls++;
    yield* amend({ inputs: ['h', 'later'], env: ['SLUICE_TEST_AMEND'] });
    yield* amend({ inputs: ['h'], outputs: ['o'] });
    yield* amend({ outputs: ['o', 'new/folder/o'] });
    yield* program('cat h > o; cp o new/folder/o');
  }).with(p.memo({ inputs: ['a'], key: 'amends' }));
  const is = async (runs: number, why: string): Promise<void> => {
    const { error } = await p.run(step);
    t.equal(error, undefined);
    t.equal(calls, runs, why);
  };
  await is(1, 'first');
  await is(1, 'unchanged');
  p.write('h', 'other');
  await is(2, 'input changed');
  await is(2, 'unchanged');
  p.write('later', '');
  await is(3, 'it appeared');
  await is(3, 'unchanged');
  p.write('o', 'by hand');
  const { notes } = await p.run(step);
  t.equal(calls, 4);
  t.match(notes, [/^runs: output .*o changed .*/, /o was changed by hand: what it was \(.*\) is kept as/]);
  process.env['SLUICE_TEST_AMEND'] = 'x';
  t.teardown(() => delete process.env['SLUICE_TEST_AMEND']);
  await is(5, 'variable');
  await is(5, 'unchanged');
  t.equal((await p.run(amend({ inputs: ['nothing'] }))).error, undefined, 'outside a memo');
  t.throws(() => amend({ inputs: [5 as never] }), /amend: inputs are paths, not the number 5/);
});

t.test('what can not be remembered is refused at the call', async (t) => {
  const p = projectIn(t);
  const lines = (function* () {})();
  t.throws(() => task(() => 1).with(memo()), /values that .* closes over can't be seen.*or give memo a key/);
  t.throws(() => program('cat', { stdin: 'pipe' }).with(memo()), /stdin is 'pipe'/);
  t.throws(() => program('cat', { stdin: ['a'] }).with(memo()), /stdin is a stream or an iterable/);
  t.throws(() => memo({ inputs: 'a' as never }), /memo: inputs is a list, not the string "a"/);
  t.throws(() => memo()(lines as never), /memo/);
  t.ok(p);
  t.ok(RunError);
});

t.test('a script that a command of the shell begins with is an input; the order of inputs is none', async (t) => {
  const p = projectIn(t, { a: '1', b: '2' });
  p.write('gen.sh', '#!/bin/sh\necho run >> runs\n');
  chmodSync(p.path('gen.sh'), 0o755);
  for (const command of ['./gen.sh', './gen.sh "$HOME" | cat']) {
    const step = (inputs = ['a', 'b']) => program(command).with(p.memo({ inputs }));
    await p.run(step());
    t.same((await p.run(step(['b', 'a']))).notes, ['unchanged']);
    p.write('gen.sh', `#!/bin/sh\n# ${command}\necho run >> runs\n`);
    chmodSync(p.path('gen.sh'), 0o755);
    t.match((await p.run(step())).notes, [/^runs: input .*gen\.sh changed/]);
  }
});
