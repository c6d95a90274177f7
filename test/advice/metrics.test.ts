import fc from 'fast-check';
import t from 'tap';
import { log } from '../../lib/advice/log.ts';
import { metrics } from '../../lib/advice/metrics.ts';
import { retry } from '../../lib/advice/retry.ts';
import { Sketch } from '../../lib/advice/sketch.ts';
import { task } from '../../lib/compose/task.ts';
import { RunError, runCommandGens } from '../../lib/kernel/index.ts';
import { execaSpawner, posixSpawner } from '../../lib/spawn/local.ts';
import { pipe } from '../../lib/runners/pipe.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { displayWidth } from '../../lib/advice/width.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { lacking } from '../missing.ts';
import { driven, failure, settleDown, value } from '../support.ts';

adviceContract(t, 'metrics', metrics());

t.test('counts, ends, reasons and durations, by label', async (t) => {
  const clock = fakeClock();
  const m = metrics();
  const nap = (ms: number) =>
    task(function* nap() {
      yield* sleep(ms);
    }).with(m);
  const exit = failure(new RunError({ reason: { type: 'exit', exitCode: 1 } })).with(m);
  const loop = runCommandGens(
    [...Array.from({ length: 100 }, (_, i) => nap(i + 1)), exit, failure(new Error('x')).with(m)],
    { clock },
  );
  loop.catch(() => {});
  await clock.runAll();
  await loop.catch(() => {});
  const killed = runCommandGens([driven().runner.with(m)]);
  await settleDown();
  t.match(m.toJSON().groups['driven'], { started: 1, finished: 0, failed: 0, killed: 0 });
  killed.kill();
  await killed.catch(() => {});
  const { groups, total } = m.toJSON();
  t.match(groups['nap'], {
    started: 100,
    finished: 100,
    failed: 0,
    killed: 0,
    ms: { count: 100, sum: 5050, min: 1, max: 100 },
  });
  const { p50, p95, p99 } = groups['nap']!.ms;
  for (const [given, right] of [
    [p50, 50],
    [p95, 95],
    [p99, 99],
  ] as const)
    t.ok(Math.abs(given! - right) <= right / 100, `${given} is ${right}, or so`);
  t.match(groups['failure'], { started: 2, failed: 2, reasons: { exit: 1, error: 1 } });
  t.match(groups['driven'], {
    started: 1,
    killed: 1,
    ms: { count: 0, min: null, p50: null },
    programs: { count: 0, maxRss: null },
  });
  t.match(total, { started: 103, finished: 100, failed: 2, killed: 1, ms: { count: 102 } });
  t.same(JSON.parse(JSON.stringify(m)), m.toJSON());
  const lines = m.table().split('\n');
  t.match(lines[0], /runs +finished +failed +killed +sum +min +p50 +p95 +p99 +max$/, 'no programs, so no cpu');
  t.match(lines[1], /^nap +100 +100 +0 +0 +5\.\d s +1 ms/);
  t.match(lines.at(-1), /^all +103/);
  m.reset();
  t.same(m.toJSON().groups, {});
});

t.test(
  'what programs used, where the system tells',
  { skip: posixSpawner.joint?.() === undefined && lacking('no posix_spawn here') },
  async (t) => {
    const m = metrics({ by: ({ spec }) => spec.type });
    const busy = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done';
    await program(busy).with(m).run({ spawner: posixSpawner });
    const once = m.toJSON().groups['program']!.programs;
    t.equal(once.count, 1);
    t.ok(once.userMs + once.systemMs > 0, JSON.stringify(once));
    await t.rejects(program(`${busy}; exit 3`).with(m).run({ spawner: posixSpawner }));
    const large = program([process.execPath, '-e', 'Buffer.alloc(400e6, 1)']);
    await large.with(m).run({ spawner: posixSpawner });
    await pipe(program(busy), program('cat')).with(m).run({ spawner: posixSpawner });
    const { program: programs, pipe: piped } = m.toJSON().groups;
    t.equal(programs!.programs.count, 3, 'a failed one too');
    t.ok(programs!.programs.maxRss! > 400e6);
    t.equal(piped!.programs.count, 2);
    t.match(m.table(), /cpu +memory\n/);
    const untold = metrics();
    await program('true').with(untold).run({ spawner: execaSpawner });
    t.equal(untold.toJSON().total.programs.count, 0);
  },
);

t.test('as advice of a loop: each leaf, each try where it is behind a retry; no dry runs', async (t) => {
  const clock = fakeClock();
  const m = metrics();
  const loop = runCommandGens([() => [sleep(1), sleep(2)].values() as never, sleep(3)], { advice: [m], clock });
  await clock.runAll();
  await loop;
  t.equal(m.toJSON().total.started, 3);
  const tries = metrics();
  const failed = failure(new Error('no'))
    .with(retry({ count: 2 }), tries)
    .run({ clock });
  failed.catch(() => {});
  await clock.runAll();
  await failed.catch(() => {});
  t.equal(tries.toJSON().total.failed, 3);
  const dry = metrics();
  await program('true').with(dry).run({ dryRun: true });
  t.equal(dry.toJSON().total.started, 0);
});

t.test('groups are bounded and masked, whatever they are called', async (t) => {
  const m = metrics({ groups: 2, by: ({ label }) => label });
  const labelled = (label: string) => program('true', { label }).with(m);
  await runCommandGens(['a', '__proto__', 'c', 'd', 'a'].map(labelled), { spawner: execaSpawner });
  const { groups } = m.toJSON();
  t.same(Object.keys(groups), ['a', '__proto__', '(others)']);
  t.equal(groups['(others)']!.started, 2);
  const masked = metrics({ by: () => 'hunter22' });
  await value(1)
    .with(masked)
    .run({ secrets: ['hunter22'] });
  t.notMatch(masked.table(), /hunter22/);
});

t.test('columns of the table stand below one another, whatever the labels are', async (t) => {
  const labels = ['short', '日本語のラベル', '🙂'.repeat(30)];
  let next = 0;
  const m = metrics({ by: () => labels[next++]! });
  for (const _ of labels) await value(1).with(m).run();
  const lines = m.table().split('\n');
  t.equal(new Set(lines.map(displayWidth)).size, 1, lines.join('\n'));
  t.notMatch(m.table(), /\p{Cs}/u, 'no half of a character');
});

t.test('wrong options; a `by` that throws', async (t) => {
  t.throws(() => metrics({ by: 'label' as never }), /by is a function/);
  for (const groups of [0, NaN, '5']) t.throws(() => metrics({ groups: groups as never }), RangeError);
  t.throws(() => metrics({ label: true } as never), /unknown option label/);
  t.throws(() => value(1).with(metrics as never), /const m = metrics\(\)/);
  const thrown = new Error('a bug');
  const m = metrics({
    by() {
      throw thrown;
    },
  });
  await t.rejects(value(1).with(m).run(), {
    reason: { type: 'callback', name: 'by of metrics' },
    cause: thrown,
  } as never);
});

t.test('results of any kind are counted as what they are', async (t) => {
  const m = metrics();
  const round: { stages?: unknown[] } = {};
  round.stages = [round];
  const odd = [
    { usage: { userMs: NaN, systemMs: 1 } },
    { usage: { userMs: 1, systemMs: 1, maxRss: 'much' } },
    {
      get usage(): never {
        throw new Error('not now');
      },
      get exitCode(): never {
        throw new Error('nor this');
      },
    },
    round,
  ];
  for (const one of odd)
    await value<unknown>(one)
      .with(
        m,
        log(() => {}),
      )
      .run();
  t.match(m.toJSON().total, { finished: odd.length, programs: { count: 0, userMs: 0, maxRss: null } });
});

t.test('quantiles are within 1 %, of any numbers', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 1e9, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (numbers, part) => {
        const [all, one, two] = [new Sketch(), new Sketch(), new Sketch()];
        for (const [i, number] of numbers.entries()) {
          all.add(number);
          (i % 2 === 0 ? one : two).add(number);
        }
        one.merge(two);
        const sorted = numbers.toSorted((a, b) => a - b);
        const right = sorted[Math.max(1, Math.ceil(part * numbers.length)) - 1]!;
        for (const sketch of [all, one])
          if (Math.abs(sketch.quantile(part)! - right) > right * 0.0101)
            throw new Error(`${sketch.quantile(part)} is not ${right}`);
      },
    ),
  );
});
