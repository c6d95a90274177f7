import assert from 'node:assert/strict';
import t from 'tap';
import { idle, timeout } from '../../lib/advice/timeout.ts';
import { task } from '../../lib/compose/task.ts';
import { createRunner, runCommandGens, type RunError, type Sink } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, like, settleDown, value } from '../support.ts';

const timed = () => {
  const clock = fakeClock();
  return { options: { clock }, finish: () => clock.advance('1s') };
};

adviceContract(t, 'timeout', timeout('1m'), timed);
adviceContract(t, 'idle', idle('1m'), timed);

t.test('timeout and idle', async (t) => {
  const clock = fakeClock();
  const silent = driven();
  const talking = driven();
  const loop = runCommandGens(
    [silent.runner.with(idle('10s')), talking.runner.with(idle('10s')), sleep('1h').with(timeout('15s'))],
    {
      clock,
    },
  );
  loop.catch(() => {});
  await clock.advance('9s');
  talking.line('still here');
  await clock.advance('2s');
  t.same(silent.kills, ['idle']);
  t.same(talking.kills, []);
  await clock.advance('5s');
  talking.finish('fine');
  const error = (await loop.catch((thrown: unknown) => thrown)) as { outcomes: unknown[] };
  t.match(error.outcomes, [
    { type: 'failed', error: { reason: { type: 'timeout', ms: 10_000 } } },
    { type: 'finished', value: 'fine' },
    { type: 'failed', error: { reason: { type: 'timeout', ms: 15_000 } } },
  ]);
});

t.test('a pause does not count', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens([step.runner.with(timeout('10s'))], { clock });
  await clock.advance('9s');
  loop.pause();
  await clock.advance('1h');
  loop.play();
  await clock.advance('500ms');
  step.finish('in time');
  t.same(await loop, ['in time']);
});

t.test('idle: items and notes count as something said; the error tells the last line', async (t) => {
  const clock = fakeClock();
  let sink: Sink<unknown, unknown> | undefined;
  const runner = createRunner<unknown, unknown>({
    spec: { type: 'talk' },
    start(own) {
      sink = own;
      return { pause() {}, play() {}, kill: (by) => own.settle({ type: 'killed', by }) };
    },
  });
  const ended = runner
    .with(idle('10s'))
    .run({ clock })
    .catch((error: unknown) => error);
  for (const say of [
    () => sink!.lines('stdout', ['the last line']),
    () => sink!.item(1),
    () => sink!.note('still here'),
    () => sink!.partial!('stdout', '50 %'),
  ]) {
    await clock.advance('9s');
    say();
  }
  await clock.advance('9999ms');
  t.equal(clock.pending, 1, 'lines don’t each pay for a timer');
  await clock.advance('1ms');
  const error = (await ended) as RunError;
  t.match(error, { reason: { type: 'timeout', ms: 10_000 }, message: /its last line: the last line/ });
});

t.test('a kill for being late is a timeout, whatever the clean-up throws and the runner says', async (t) => {
  const clock = fakeClock();
  const cleaning = task(function* () {
    try {
      yield* sleep(Infinity);
    } finally {
      assert.fail('while cleaning up');
    }
  });
  const stubborn = createRunner<string>({
    spec: { type: 'stubborn' },
    start: (sink) => ({ pause() {}, play() {}, kill: () => sink.settle({ type: 'finished', value: 'after all' }) }),
  });
  const loop = runCommandGens<unknown>([cleaning.with(timeout('1s')), stubborn.with(timeout('1s'))], { clock });
  loop.catch(() => {});
  await clock.advance('1s');
  const reason = { type: 'timeout', ms: 1000 };
  const cause = { message: 'while cleaning up' };
  await t.rejects(
    loop,
    like({
      errors: [
        { reason, cause },
        { reason, cause: undefined },
      ],
    }),
  );
});

t.test('timeout: the last line of what was still at work is told', async (t) => {
  const clock = fakeClock();
  const [ended, waits] = [driven<number>(), driven()];
  const main = task(function* () {
    yield* ended.runner;
    yield* waits.runner;
  });
  const error = main
    .with(timeout('1s'))
    .run({ clock })
    .catch((thrown: unknown) => thrown);
  await settleDown();
  ended.line('over');
  ended.finish(1);
  await settleDown();
  waits.line('connecting to the secret-mirror');
  await clock.advance('1s');
  t.match((await error) as Error, {
    message: /timed out after 1000 ms \(its last line: connecting to the secret-mirror\)/,
  });
});

t.test('what has ended when its time is up has ended in time', async (t) => {
  const clock = fakeClock();
  const step = driven<string>();
  clock.after(1000, () => step.finish('just so')); // before the advice sets its own timer
  const given = step.runner.with(timeout('1s')).run({ clock });
  await clock.advance('1s');
  t.equal(await given, 'just so');
});

t.test('no timer is left after an end in time', async (t) => {
  const clock = fakeClock();
  for (const advice of [timeout('1h'), idle('1h')]) {
    const step = driven<number>();
    const loop = runCommandGens([step.runner.with(advice), value(1).with(advice)], { clock });
    await settleDown();
    t.equal(clock.pending, 1);
    step.finish(1);
    await loop;
    t.equal(clock.pending, 0);
  }
});

t.test('idle: whoever is not read, because its reader is behind, is not silent', async (t) => {
  const clock = fakeClock();
  const talks = driven();
  const loop = runCommandGens([talks.runner.with(idle('10s'))], { clock });
  const events = loop[Symbol.asyncIterator]();
  await events.next();
  for (let i = 0; i < 2000; i++) talks.line('more than a reader may be behind');
  await settleDown();
  t.same(talks.flows, [false]);
  await clock.advance('1m');
  t.same(talks.kills, []);
  while (talks.flows.length < 2) await events.next();
  await clock.advance('20s');
  t.same(talks.kills, ['idle'], 'it is read again, and says nothing');
  await events.return!();
  await t.rejects(loop, like({ errors: [{ reason: { type: 'timeout', ms: 10_000 } }] }));
});
