import t from 'tap';
import { deadline } from '../../lib/advice/deadline.ts';
import { retry } from '../../lib/advice/retry.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { shield } from '../../lib/compose/shield.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens, type Event, type RunError } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

const timed = () => {
  const clock = fakeClock();
  return { options: { clock }, finish: () => clock.advance('1s') };
};
adviceContract(t, 'deadline', deadline('1h'), timed);
adviceContract(t, 'deadline at a time', deadline(new Date(2e12)), timed);

t.test('ends what runs at that time, with the reason timeout', async (t) => {
  for (const when of ['5s', new Date(5000), 5000]) {
    const clock = fakeClock({ now: 0 });
    const step = driven();
    const ended = step.runner.with(deadline(when)).run({ clock, secrets: ['hunter22'] });
    ended.catch(() => {});
    await settleDown();
    step.line('the password is hunter22');
    await clock.advance('4999ms');
    t.same(step.kills, []);
    await clock.advance('1ms');
    t.same(step.kills, ['deadline']);
    const expected = {
      reason: { type: 'timeout', ms: 5000 },
      message: /timed out after 5000 ms.*last line: the password is \*\*\*/,
    };
    await t.rejects(ended, like(expected));
    t.equal(clock.pending, 0);
  }
});

t.test('what finishes before, fails or is killed is that, and leaves no timer', async (t) => {
  const clock = fakeClock();
  const step = driven<string>();
  const ended = step.runner.with(deadline('5s')).run({ clock });
  await settleDown();
  step.finish('done');
  t.equal(await ended, 'done');
  await t.rejects(failure(new RangeError('its own')).with(deadline('5s')).run({ clock }), RangeError);
  const loop = runCommandGens([driven().runner.with(deadline('5s'))], { clock });
  await settleDown();
  loop.kill('me');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
  t.equal(clock.pending, 0);
});

t.test('one that is over starts nothing', async (t) => {
  const clock = fakeClock({ now: 10_000 });
  const step = driven();
  for (const when of [new Date(0), 0, 10_000, '0ms'])
    await t.rejects(
      step.runner.with(deadline(when)).run({ clock }),
      like({ reason: { type: 'timeout' }, message: /not started: its time was over/ }),
    );
  t.equal(step.starts, 0);
});

t.test('one for all tries, where a timeout is each one’s own; and it is not tried again', async (t) => {
  const clock = fakeClock({ now: 0 });
  let tries = 0;
  const step = task(function* () {
    tries++;
    yield* sleep('2s');
    yield* failure(new Error('no'));
  });
  const times = { count: 10, backoff: '1s', factor: 1, jitter: 0 };
  const each = async (advice: ReturnType<typeof deadline>): Promise<unknown> => {
    tries = 0;
    const since = clock.now();
    const ended = step
      .with(retry(times), advice)
      .run({ clock })
      .catch((error: unknown) => error);
    await clock.runAll();
    return [tries, clock.now() - since, ((await ended) as RunError).reason?.type];
  };
  t.same(await each(deadline('5s')), [2, 5000, 'timeout']);
  t.same(await each(timeout('5s')), [11, 32_000, undefined]);
});

t.test('a pause costs time', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens([step.runner.with(deadline('5s'))], { clock });
  await settleDown();
  loop.pause();
  await clock.advance('5s');
  t.same(step.kills, ['deadline']);
  loop.play();
  await t.rejects(loop, like({ errors: [{ reason: { type: 'timeout' } }] }));
});

t.test('what is below ends with it, but for clean-up', async (t) => {
  const clock = fakeClock();
  const events: Event[] = [];
  let cleaned = false;
  const body = task(function* () {
    try {
      yield* sleep('1h').with(deadline('30m'));
    } finally {
      yield* shield(sleep('1m'));
      cleaned = true;
    }
  });
  const ended = body.with(deadline('5s')).run({ clock, onEvent: (event) => void events.push(event) });
  const rejected = t.rejects(ended, like({ reason: { type: 'timeout', ms: 5000 } }));
  await clock.advance('2m');
  await rejected;
  t.ok(cleaned);
});

t.test('what is no time', async (t) => {
  for (const wrong of ['soon', NaN, new Date(NaN), undefined, null, {}] as never[])
    t.throws(() => deadline(wrong), TypeError);
  t.same(value(1).with(deadline('5m')).spec, { type: 'deadline', ms: 300_000, of: { type: 'value' } });
  t.same(value(1).with(deadline(new Date(0))).spec, {
    type: 'deadline',
    at: '1970-01-01T00:00:00.000Z',
    of: { type: 'value' },
  });
});
