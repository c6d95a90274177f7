import fc from 'fast-check';
import t from 'tap';
import { rate } from '../../lib/advice/rate.ts';
import { retry } from '../../lib/advice/retry.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, settleDown, value } from '../support.ts';

adviceContract(t, 'rate', rate(1, '1s'), () => {
  const clock = fakeClock();
  return { options: { clock }, finish: () => clock.advance('1s') };
});

t.test('so many begin at once, the next when those are as old as the interval, in order', async (t) => {
  const clock = fakeClock({ now: 0 });
  const starts: [number, number][] = [];
  const two = rate(2, '1s');
  const runs = Array.from({ length: 5 }, (_, i) =>
    task(function* () {
      starts.push([i, clock.now()]);
      yield* sleep('10s');
    }).with(two),
  );
  const loop = runCommandGens(runs, { clock });
  await settleDown();
  t.match(loop.find('3')!.detail, /waits for its turn: 2 begin in 1000 ms/);
  await clock.runAll();
  await loop;
  t.same(starts, [
    [0, 0],
    [1, 0],
    [2, 1000],
    [3, 1000],
    [4, 2000],
  ]);
  t.equal(clock.pending, 0);
});

t.test('a kill while it waits leaves the line and no timer; a pause lets others pass', async (t) => {
  const clock = fakeClock();
  const one = rate(1, '1s');
  const steps = Array.from({ length: 4 }, () => driven<number>());
  const loop = runCommandGens(
    steps.map(({ runner }) => runner.with(one)),
    { clock },
  );
  const starts = (): number[] => steps.map(({ starts }) => starts);
  await settleDown();
  loop.find('2')!.kill('not needed');
  loop.find('3')!.pause();
  await clock.advance('1s');
  t.same(starts(), [1, 0, 0, 1]);
  loop.find('3')!.play();
  await settleDown();
  t.same(starts(), [1, 0, 0, 1], 'it waits for its turn');
  await clock.advance('1s');
  t.same(starts(), [1, 0, 1, 1]);
  loop.kill();
  await t.rejects(loop);
  t.equal(clock.pending, 0);
});

t.test('those that are played on together still begin one after the other', async (t) => {
  const clock = fakeClock({ now: 0 });
  const starts: number[] = [];
  const one = rate(1, '1s');
  const run = task(function* () {
    starts.push(clock.now());
    yield* value(1);
  }).with(one);
  const loop = runCommandGens([run, run, run], { clock });
  await settleDown();
  loop.pause();
  await clock.advance('1m');
  t.equal(starts.length, 1);
  loop.play();
  await clock.runAll();
  await loop;
  t.same(starts, [0, 60_000, 61_000]);
});

t.test('tries count behind a retry, and not before it', async (t) => {
  const count = async (advice: readonly Parameters<ReturnType<typeof value>['with']>[0][]): Promise<number> => {
    const clock = fakeClock({ now: 0 });
    const given = failure(new Error('no'))
      .with(...advice)
      .run({ clock });
    given.catch(() => {});
    await clock.runAll();
    await given.catch(() => {});
    return clock.now();
  };
  t.equal(await count([retry({ count: 2, backoff: 0 }), rate(1, '1s')]), 2000);
  t.equal(await count([rate(1, '1s'), retry({ count: 2, backoff: 0 })]), 0);
});

t.test('a dry run waits for nothing; 10,000 in line', async (t) => {
  const clock = fakeClock({ now: 0 });
  const slow = rate(1, '1h');
  t.equal((await runCommandGens([value(1).with(slow), value(2).with(slow)], { clock, dryRun: true })).length, 2);
  const many = rate(100, '1s');
  const loop = runCommandGens(
    Array.from({ length: 10_000 }, () => value(1).with(many)),
    { clock },
  );
  await clock.runAll();
  t.equal((await loop).length, 10_000);
  t.equal(clock.now(), 99_000);
});

t.test('wrong numbers', async (t) => {
  for (const wrong of [0, -1, 1.5, NaN, Infinity, '3' as never]) t.throws(() => rate(wrong, '1s'), RangeError);
  t.throws(() => rate(1, 'soon'), TypeError);
  t.throws(() => rate(1, 0), RangeError);
  t.throws(() => rate(1, Infinity), RangeError);
  t.same(value(1).with(rate(10, '1s')).spec, { type: 'rate', count: 10, ms: 1000, of: { type: 'value' } });
});

t.test('never more than so many in any window, and everybody begins (any times of asking)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.double({ min: 0.1, max: 100, noNaN: true }),
      fc.array(fc.record({ at: fc.double({ min: 0, max: 300, noNaN: true }), kill: fc.boolean() }), { maxLength: 40 }),
      async (count, interval, asks) => {
        const clock = fakeClock();
        const limit = rate(count, interval);
        const starts: number[] = [];
        const work = task(function* () {
          starts.push(clock.now());
          yield* sleep(1);
        }).with(limit);
        const loop = runCommandGens(
          asks.map(({ at, kill }) =>
            task(function* () {
              yield* sleep(at);
              if (kill) yield* sleep(0);
              yield* work;
            }),
          ),
          { clock },
        );
        await settleDown();
        for (const [at, { kill }] of asks.entries()) if (kill) loop.find(String(at + 1))?.kill('test');
        loop.catch(() => {});
        await clock.runAll();
        await loop.catch(() => {});
        if (starts.length !== asks.filter(({ kill }) => !kill).length) throw new Error('somebody did not begin');
        for (let i = count; i < starts.length; i++)
          if (starts[i - count]! + interval > starts[i]!)
            throw new Error(`too many: ${starts.slice(i - count, i + 1)}`);
      },
    ),
    { numRuns: 60 },
  );
});
