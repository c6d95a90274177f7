import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { slots } from '../../lib/advice/slots.ts';
import { all } from '../../lib/compose/all.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { stream } from '../../lib/runners/stream.ts';
import { driven, like, settleDown, value } from '../support.ts';

adviceContract(t, 'slots', slots(1));

t.test('at most so many of the runs with this advice', async (t) => {
  const steps = [driven<number>(), driven<number>(), driven<number>()];
  const two = slots(2);
  const loop = runCommandGens(steps.map(({ runner }) => runner.with(two)));
  await settleDown();
  t.same(
    steps.map(({ starts }) => starts),
    [1, 1, 0],
  );
  steps[1]!.finish(1);
  await settleDown();
  t.equal(steps[2]!.starts, 1);
  steps[2]!.finish(2);
  steps[0]!.finish(0);
  t.same(await loop, [0, 1, 2]);
  t.throws(() => slots(0), /slots: 0/);
});

t.test('one that is killed while it waits leaves the line; the next has its place', async (t) => {
  const [first, second, third] = [driven(), driven(), driven()];
  const one = slots(1);
  const loop = runCommandGens([first, second, third].map(({ runner }) => runner.with(one)));
  await settleDown();
  t.equal(loop.find('2')!.detail, 'waits for one of 1 slots');
  loop.find('2')!.kill('not needed');
  await settleDown();
  first!.finish(1);
  await settleDown();
  t.same([second!.starts, third!.starts], [0, 1]);
  third!.finish(3);
  await t.rejects(loop, like({ outcomes: [{ value: 1 }, { type: 'killed', by: 'not needed' }, { value: 3 }] }));
});

t.test('a place is given back by failures and kills too, also over loops', async (t) => {
  const one = slots(1);
  const [failing, killed] = [driven(), driven()];
  const loop = runCommandGens([failing.runner.with(one), killed.runner.with(one)]);
  const other = driven<number>();
  const beside = runCommandGens([other.runner.with(one)]);
  await settleDown();
  failing.fail(new Error('no'));
  await settleDown();
  t.same([killed.starts, other.starts], [1, 0]);
  loop.kill('test');
  await t.rejects(loop);
  await settleDown();
  t.equal(other.starts, 1);
  other.finish(7);
  t.same(await beside, [7]);
});

t.test('a long line of runs that end at once', async (t) => {
  const one = slots(1);
  const first = driven<number>();
  const many = Array.from({ length: 20_000 }, () => value(1).with(one));
  const loop = runCommandGens([all([first.runner.with(one), ...many])]);
  await settleDown();
  first.finish(1);
  t.equal((await loop)[0]!.length, 20_001);
});

t.test('one that is killed while it waits lets go of its stream', async (t) => {
  const one = slots(1);
  const source = new PassThrough();
  const loop = runCommandGens([sleep(Infinity).with(one), stream(source, () => {}).with(one)]);
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.ok(source.destroyed);
});

const pool = slots({ disk: 4, gpu: 1 });
adviceContract(t, 'named slots', pool({ disk: 1, gpu: 1 }));

t.test('named: all of it at once, kept for the first in line, and the rest for who can use it', async (t) => {
  const pool = slots({ disk: 4, gpu: 1 });
  const steps = Array.from({ length: 5 }, () => driven<number>());
  const takes = [{ gpu: 1 }, { gpu: 1, disk: 2 }, { disk: 2 }, { disk: 3 }, { disk: 0 }];
  const loop = runCommandGens(steps.map(({ runner }, i) => runner.with(pool(takes[i]!))));
  const starts = (): number[] => steps.map(({ starts }) => starts);
  await settleDown();
  t.same(starts(), [1, 0, 1, 0, 1], 'the second has no gpu yet, but two disks are kept for it');
  t.same(pool.free, { disk: 2, gpu: 0 });
  t.equal(loop.find('2')!.detail, 'waits for gpu: 1, disk: 2');
  steps[0]!.finish(0);
  await settleDown();
  t.same(starts(), [1, 1, 1, 0, 1]);
  t.same(pool.free, { disk: 0, gpu: 0 });
  steps[1]!.fail(new Error('no'));
  await settleDown();
  t.same(starts(), [1, 1, 1, 0, 1]);
  steps[2]!.finish(2);
  steps[4]!.finish(4);
  await settleDown();
  t.same(starts(), [1, 1, 1, 1, 1]);
  steps[3]!.finish(3);
  await t.rejects(loop);
  t.same(pool.free, pool.limits);
});

t.test('named: a killed head of the line lets the next go', async (t) => {
  const pool = slots({ disk: 2 });
  const [holds, wide, narrow] = [driven(), driven(), driven()];
  const loop = runCommandGens([
    holds.runner.with(pool({ disk: 1 })),
    wide.runner.with(pool({ disk: 2 })),
    narrow.runner.with(pool({ disk: 1 })),
  ]);
  await settleDown();
  t.same([wide.starts, narrow.starts], [0, 0], 'the narrow one would keep the wide one waiting');
  loop.find('2')!.kill('not needed');
  await settleDown();
  t.equal(narrow.starts, 1);
  loop.kill();
  await t.rejects(loop);
  t.same(pool.free, { disk: 2 });
});

t.test('named: what is impossible is an error at the call', async (t) => {
  const pool = slots({ disk: 4, gpu: 1 });
  t.throws(() => pool({ gpu: 2 }), new RangeError('slots: gpu: 2 is more than there is, 1'));
  t.throws(() => pool({ tape: 1 } as never), new TypeError('slots: there is no tape; there is disk: 4, gpu: 1'));
  for (const wrong of [-1, 1.5, NaN]) t.throws(() => pool({ disk: wrong }), RangeError);
  t.throws(() => slots(undefined as never), /how many is undefined/);
  for (const wrong of [0, -1, '4', Symbol('x')]) t.throws(() => slots(wrong as never), RangeError);
  t.throws(() => pool({ disk: '1' as never }), TypeError);
  t.throws(() => pool(undefined as never), TypeError);
  t.throws(() => value(1).with(pool as never), /say what the run takes: runner\.with\(pool\(\{ disk: 1 \}\)\)/);
  t.throws(() => slots({}), /no resource is named/);
  t.throws(() => slots({ disk: -1 }), RangeError);
  t.throws(() => slots(null as never), TypeError);
  t.throws(() => slots({ disk: Infinity })({ disk: Infinity }), RangeError);
  t.throws(() => pool({ toString: 1 } as never), /there is no toString/);
  t.same(value(1).with(pool({ gpu: 1 })).spec, { type: 'slots', takes: { gpu: 1 }, of: { type: 'value' } });
});

t.test('one that waits inside for what it holds itself fails at once', async (t) => {
  const pool = slots({ disk: 2, gpu: 1 });
  const inner = value(1).with(pool({ gpu: 1 }));
  const outer = task(function* outer() {
    return yield* inner;
  });
  await t.rejects(
    outer.with(pool({ gpu: 1 })).run(),
    /value \(1\.1\.1\).* would wait for itself: it wants gpu: 1, and outer \(1\)/s,
  );
  t.equal(await outer.with(pool({ disk: 1 })).run(), 1, 'other resources may be nested');
  const one = slots(1);
  const nested = task(function* () {
    yield* value(1).with(one);
  });
  await t.rejects(nested.with(one).run(), /would wait for itself: it wants one, and .* holds 1 of 1 until/);
  t.same(pool.free, pool.limits);
});

t.test('those below a holder go first, so that the line behind a wide one is no deadlock', async (t) => {
  const pool = slots({ disk: 2 });
  const go = driven();
  const holder = task(function* () {
    yield* go.runner;
    return yield* value(7).with(pool({ disk: 1 }));
  });
  const loop = runCommandGens<unknown>([holder.with(pool({ disk: 1 })), value(8).with(pool({ disk: 2 }))]);
  await settleDown();
  go.finish(1);
  t.same(await loop, [7, 8]);
});

t.test('two that hold and want what the other holds: the second to ask fails, the first goes on', async (t) => {
  const pool = slots({ disk: 2 });
  const gates = [driven(), driven()];
  const crossing = gates.map((gate) =>
    task(function* crossing() {
      yield* gate.runner;
      return yield* value(1).with(pool({ disk: 2 - 1 }));
    }),
  );
  const loop = runCommandGens(crossing.map((one) => one.with(pool({ disk: 1 }))));
  await settleDown();
  gates[0]!.finish(1);
  await settleDown();
  t.match(loop.find('1.1.2')!.detail, /waits for disk: 1/);
  gates[1]!.finish(1);
  await t.rejects(loop, like({ outcomes: [{ value: 1 }, { error: { message: /none of them could go on/ } }] }));
  t.same(pool.free, { disk: 2 });
});

t.test('a paused one keeps its place, and what it holds', async (t) => {
  const pool = slots({ gpu: 1 });
  const steps = [driven<number>(), driven<number>(), driven<number>()];
  const loop = runCommandGens(steps.map(({ runner }) => runner.with(pool({ gpu: 1 }))));
  await settleDown();
  loop.find('1')!.pause();
  loop.find('2')!.pause();
  await settleDown();
  t.same(pool.free, { gpu: 0 });
  loop.find('1')!.play();
  await settleDown();
  steps[0]!.finish(0);
  await settleDown();
  t.same(
    steps.map(({ starts }) => starts),
    [1, 0, 1],
    'it lets the next pass',
  );
  loop.find('2')!.play();
  steps[2]!.finish(2);
  await settleDown();
  t.equal(steps[1]!.starts, 1);
  steps[1]!.finish(1);
  t.same(await loop, [0, 1, 2]);
});

t.test('a loop that is killed begins none of those that wait', async (t) => {
  const pool = slots({ disk: 2 });
  const [holds, wide, narrow, gate] = [driven(), driven(), driven(), driven()];
  const late = task(function* () {
    yield* gate.runner;
    yield* narrow.runner.with(pool({ disk: 1 }));
  });
  // The last of the list is killed first: then nothing would be kept from the narrow one any more.
  const loop = runCommandGens<unknown>([
    holds.runner.with(pool({ disk: 1 })),
    late,
    wide.runner.with(pool({ disk: 2 })),
  ]);
  await settleDown();
  gate.finish(1);
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.same([holds.starts, wide.starts, narrow.starts], [1, 0, 0]);
  t.same(pool.free, { disk: 2 });
});

t.test('never more than there is, and everybody is served (any requests, times and ends)', async () => {
  const request = fc.record({
    a: fc.nat(3),
    b: fc.nat(2),
    ms: fc.nat(50),
    begin: fc.nat(100),
    end: fc.constantFrom('finish', 'fail', 'kill', 'pause'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 30 }), async (requests) => {
      const limits = { a: 3, b: 2 };
      const pool = slots(limits);
      const clock = fakeClock();
      const used = { a: 0, b: 0 };
      let ended = 0;
      const work = ({ a, b, ms, end }: (typeof requests)[number]) =>
        task(function* () {
          used.a += a;
          used.b += b;
          if (used.a > limits.a || used.b > limits.b) throw new Error(`over-committed: ${JSON.stringify(used)}`);
          try {
            yield* sleep(ms);
            if (end === 'fail') throw new Error('its own');
          } finally {
            used.a -= a;
            used.b -= b;
          }
        });
      const loop = runCommandGens(
        requests.map((one, at) =>
          task(function* () {
            yield* sleep(one.begin);
            const run = yield* spawn(work(one).with(pool({ a: one.a, b: one.b })));
            if (one.end === 'kill') {
              yield* sleep(at);
              run.kill('test');
            } else if (one.end === 'pause') {
              run.pause();
              yield* sleep(at);
              run.play();
            }
            try {
              yield* run.join();
            } catch (error) {
              if (!/its own|killed by test/.test(String(error))) throw error;
            }
            ended++;
          }),
        ),
        { clock },
      );
      const given = loop.then(
        () => undefined,
        (error: unknown) => error,
      );
      await clock.runAll();
      if ((await given) !== undefined) throw (await given) as Error;
      if (ended !== requests.length) throw new Error(`${ended} of ${requests.length} were served`);
      if (JSON.stringify(pool.free) !== JSON.stringify(limits)) throw new Error('not all was given back');
    }),
    { numRuns: 60 },
  );
});
