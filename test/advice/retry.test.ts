import { inspect } from 'node:util';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { retryBudget } from '../../lib/advice/retryBudget.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { join, spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { RunError, runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { toRunner } from '../../lib/kernel/runnable.ts';
import { fully } from '../../lib/report/explain.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(t, 'retry', retry(2), () => {
  const clock = fakeClock();
  return { options: { clock }, finish: () => clock.advance('1s') };
});

t.test('tries again after a back-off, tells of it, and gives the value', async (t) => {
  const clock = fakeClock();
  const step = driven<string>();
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const loop = runCommandGens([step.runner.with(retry({ count: 5, backoff: '1s', jitter: 0 }))], { clock, onEvent });
  await settleDown();
  step.fail(new Error('once'));
  await settleDown();
  t.equal(step.starts, 1);
  await clock.advance('1s');
  t.equal(step.starts, 2);
  step.fail(new Error('twice'));
  await clock.advance('1999ms');
  t.equal(step.starts, 2, 'the wait is doubled');
  await clock.advance('1ms');
  t.equal(step.starts, 3);
  step.finish('third');
  t.same(await loop, ['third']);
  t.same(notes, ['retry 1 of 5 in 1000 ms: once', 'retry 2 of 5 in 2000 ms: twice']);
});

t.test('the last error, with those before', async (t) => {
  const clock = fakeClock();
  let n = 0;
  const step = task(function* () {
    yield* failure(new Error(`try ${++n}`));
  });
  const loop = runCommandGens([step.with(retry({ count: 2 }))], { clock });
  loop.catch(() => {});
  await clock.runAll();
  const { errors } = (await loop.catch((error: unknown) => error)) as unknown as AggregateError;
  t.equal(errors[0].message, 'try 3');
  t.same(
    errors[0].attempts.map((error: Error) => error.message),
    ['try 1', 'try 2'],
  );
});

t.test('retries within one another: no error is lost', async (t) => {
  let n = 0;
  const last = new Error('always the last');
  const step = task(() => {
    throw ++n % 4 === 0 ? last : new Error(`try ${n}`);
  });
  const once = retry({ count: 1, backoff: 0 });
  const attempts = async () => {
    const error: unknown = await step
      .with(once, once)
      .run()
      .catch((thrown: unknown) => thrown);
    t.equal(error, last);
    return last as unknown as { attempts: (Error & { attempts: Error[] })[] };
  };
  const messages = (errors: Error[]): string[] => errors.map(({ message }) => message);
  const { attempts: first } = await attempts();
  t.same(messages(first), ['try 2', 'try 3']);
  t.same(messages(first[0]!.attempts), ['try 1']);
  t.same(messages((await attempts()).attempts), ['try 6', 'try 7'], 'an error that is thrown again has its own alone');
});

t.test('the very same error at each try is no part of itself', async (t) => {
  const error = new Error('the same');
  const retried = failure(error).with(retry({ count: 2, backoff: 0 }));
  await t.rejects(retried.run(), error);
  t.doesNotThrow(() => JSON.stringify(Object.assign({}, error)));
});

t.test('when decides; what another try cannot mend is not tried again', async (t) => {
  let n = 0;
  const fails = (reason: RunError['reason']) =>
    task(function* () {
      n++;
      yield* failure(new RunError({ reason }));
    });
  const tries = async (reason: RunError['reason'], options = {}): Promise<number> => {
    n = 0;
    await runCommandGens([fails(reason).with(retry({ count: 2, backoff: 0, ...options }))]).catch(() => {});
    return n;
  };
  t.equal(await tries({ type: 'exit', exitCode: 1 }), 3);
  t.equal(await tries({ type: 'spawn', code: 'ENOENT' }), 1);
  t.equal(await tries({ type: 'connection', phase: 'lost', sent: 'maybe' }), 1);
  t.equal(await tries({ type: 'connection', phase: 'lost', sent: 'maybe' }, { idempotent: true }), 3);
  t.equal(await tries({ type: 'connection', phase: 'connect', sent: 'no' }), 3);
  t.equal(await tries({ type: 'callback', name: 'onEvent' }), 1);
  t.equal(await tries({ type: 'exit', exitCode: 2 }, { when: (r: { exitCode?: number }) => r.exitCode === 1 }), 1);
});

t.test('a kill is never retried, in a try or between', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens([step.runner.with(retry(3))], { clock });
  await settleDown();
  step.fail(new Error('x'));
  await settleDown();
  loop.kill('now');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'now' } }));
  await clock.advance('1h');
  t.equal(step.starts, 1);
});

t.test('killed, or out of time, in a try or between: what failed before is the cause', async (t) => {
  for (const tries of [1, 2, 3])
    for (const inTry of [true, false]) {
      const clock = fakeClock();
      const step = driven();
      const late = timeout(`${tries + (inTry ? 0.5 : -0.5)}s`);
      const times = { count: 9, backoff: '1s', jitter: 0, factor: 1 };
      const ended = step.runner
        .with(late, retry(times))
        .run({ clock })
        .catch((error: unknown) => error);
      await settleDown();
      for (let n = 1; n <= tries; n++) {
        if (n > 1) await clock.advance('1s');
        await settleDown();
        step.fail(new Error(`try ${n}`));
        await settleDown();
      }
      await clock.advance('1h');
      const { reason, cause } = (await ended) as RunError & { cause: Error & { attempts?: Error[] } };
      t.match(reason, { type: 'timeout' });
      t.equal(cause.message, `try ${tries}`);
      t.same(cause.attempts?.map(({ message }) => message) ?? [], ['try 1', 'try 2', 'try 3'].slice(0, tries - 1));
      t.equal(step.starts, tries + (inTry ? 1 : 0));
    }
});

t.test('a kill while it is paused and a try is due begins none', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens(
    [
      function* () {
        const run = yield* spawn(step.runner.with(retry(1)));
        yield* sleep('10ms');
        run.pause();
        yield* sleep('1h');
        run.kill('me');
        yield* join(run);
      },
    ],
    { clock },
  );
  const killed = t.rejects(loop, like({ errors: [{ reason: { type: 'killed', by: 'me' } }] }));
  await settleDown();
  step.fail(new Error('once'));
  await clock.runAll();
  await killed;
  t.equal(step.starts, 1);
});

t.test('nor is one that it has joined', async (t) => {
  let tries = 0;
  const joins = task(function* () {
    tries++;
    const step = yield* spawn(driven().runner);
    step.kill('elsewhere');
    yield* step.join();
  });
  const given = joins.with(retry({ backoff: 0, when: () => true })).run();
  await t.rejects(given, like({ reason: { type: 'killed', by: 'elsewhere' } }));
  t.equal(tries, 1);
});

t.test('a generator object can not begin again', async (t) => {
  const generator = (function* () {
    yield* value(1);
  })();
  t.throws(() => toRunner(generator).with(retry(1)), /runs once; wrap its function instead: task\(fn, \.\.\.args\)/);
  t.throws(() => retry({ jitter: 2 }), /jitter 2/);
  t.throws(() => retry(-1), /count -1/);
});

t.test('a `when` that throws, or gives a promise, fails the run by name', async (t) => {
  const failing = failure(new Error('the work'));
  const thrown = new RangeError('its own');
  const throwing = retry({
    count: 3,
    when() {
      throw thrown;
    },
  });
  const named = { reason: { type: 'callback', name: 'when of retry' } };
  await t.rejects(failing.with(throwing).run(), like({ ...named, cause: thrown, attempts: [{ message: 'the work' }] }));
  const late = retry({ when: (async () => false) as never });
  await t.rejects(
    failing.with(late).run(),
    like({ ...named, message: /when gave a promise; it has to decide at once/ }),
  );
  t.throws(() => retry({ when: true as never }), /when is a function/);
  t.throws(() => retry({ factor: NaN }), /factor NaN/);
});

t.test('an error that takes no more properties is given as it is', async (t) => {
  const clock = fakeClock();
  const error = Object.freeze(new Error('frozen'));
  const ended = failure(error)
    .with(retry(1))
    .run({ clock })
    .catch((thrown: unknown) => thrown);
  await clock.runAll();
  t.equal(await ended, error);
  const touchy = Object.defineProperty(new Error('touchy'), 'attempts', {
    get() {
      throw new Error('do not touch');
    },
  });
  await t.rejects(
    failure(touchy)
      .with(retry({ count: 1, backoff: 0 }))
      .run(),
    touchy,
  );
});

t.test('an endless row of tries keeps the latest errors, and its waits are numbers to the end', async (t) => {
  const clock = fakeClock();
  let n = 0;
  const step = task(function* () {
    if (n++ < 1100) yield* failure(new Error(`try ${n}`));
    yield* failure(new RunError({ reason: { type: 'file', path: 'x' } }));
  });
  const ended = step
    .with(retry({ count: Infinity, backoff: 0 }))
    .run({ clock })
    .catch((thrown: unknown) => thrown);
  await clock.runAll();
  const { reason, attempts } = (await ended) as RunError & { attempts: Error[] };
  t.equal(reason.type, 'file');
  t.equal(n, 1101);
  t.equal(attempts.length, 99);
  t.equal(attempts.at(-1)!.message, 'try 1100');
});

t.test('within: no try begins later, and none is waited for that could not', async (t) => {
  const clock = fakeClock({ now: 0 });
  const notes: string[] = [];
  let n = 0;
  const step = task(function* () {
    n++;
    yield* sleep('1s');
    yield* failure(new Error(`try ${n}`));
  });
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const ended = step
    .with(retry({ count: 100, backoff: '1s', factor: 1, jitter: 0, within: '5s' }))
    .run({ clock, onEvent })
    .catch((error: unknown) => error);
  await clock.runAll();
  t.match(await ended, { message: 'try 3' });
  t.equal(clock.now(), 5000, 'it gave up at once');
  t.equal(notes.at(-1), 'no retry: it would begin later than 5000 ms after the first try');
});

t.test('budget: many that fail together do not multiply the load', async (t) => {
  const clock = fakeClock();
  let tries = 0;
  const step = task(function* () {
    tries++;
    yield* failure(new Error('down'));
  });
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  for (const budget of [retryBudget({ ratio: 0.1, min: 5, within: '1m' }), { ratio: 0.1, min: 5, within: '1m' }]) {
    tries = 0;
    const patient = retry({ count: 5, budget, backoff: '1s' });
    const loop = runCommandGens(
      Array.from({ length: 1000 }, () => step.with(patient)),
      { clock, onEvent },
    );
    loop.catch(() => {});
    await clock.runAll();
    await loop.catch(() => {});
    t.equal(tries, 1000 + 100 + 5);
  }
  t.equal(notes.at(-1), 'no retry: the budget of retries is used up (5 and 0.1 for each first try in 60000 ms)');
  const shared = retryBudget({ ratio: 0, min: 1, within: '10s' });
  const one = async (): Promise<number> => {
    tries = 0;
    const ended = step.with(retry({ count: 1, budget: shared, backoff: 0 })).run({ clock });
    ended.catch(() => {});
    await clock.runAll();
    await ended.catch(() => {});
    return tries;
  };
  t.equal(await one(), 2);
  t.equal(await one(), 1, 'another retry shares it');
  await clock.advance('12s');
  t.equal(await one(), 2, 'it comes back with time');
  t.throws(() => retry({ budget: '2m' as never }), /a time for all tries is `within`/);
  t.throws(() => retry({ budget: [] as never }), TypeError);
  t.throws(() => retryBudget({ ratio: -1 }), RangeError);
  t.throws(() => retryBudget({ within: 0 }), RangeError);
  t.throws(() => retryBudget({ times: 3 } as never), /unknown option times/);
});

t.test('the errors before are shown with the last one, in a line each, and masked', async (t) => {
  let n = 0;
  const step = task(function* () {
    n++;
    yield* program(`echo noise >&2; echo 'the password is hunter22' >&2; exit ${n === 1 ? 9 : n === 4 ? 1 : 5}`);
  });
  const error = (await step
    .with(retry({ count: 3, backoff: 0 }))
    .run({ secrets: ['hunter22'] })
    .catch((thrown: unknown) => thrown)) as Error & { attempts: Error[] };
  t.equal(error.attempts.length, 3);
  for (const shown of [inspect(error), fully(error), JSON.stringify(error), error.attempts.map(String).join()]) {
    t.notMatch(shown, /hunter22/);
    t.match(shown, /exit/);
  }
  t.match(fully(error), /earlier tries:\n.*exit code 9\n.* exit code 5/s);
  n = 0;
  const plain: unknown = await step
    .with(retry({ count: 3, backoff: 0 }))
    .run()
    .catch((thrown: unknown) => thrown);
  t.match(inspect(plain), /attempts: \[\n +.*exit code 9\n +2 x .*exit code 5\n +\]/);
});

t.test('a backoff that is longer than the longest wait by default is waited for', async (t) => {
  const clock = fakeClock();
  const begun: number[] = [];
  const from = clock.now();
  const step = task(function* () {
    begun.push(clock.now() - from);
    yield* failure(new Error('down'));
  });
  for (const [options, at] of [
    [{ backoff: '2m' }, [0, 120_000, 240_000]],
    [{ backoff: '2m', max: '10s' }, [0, 10_000, 20_000]],
  ] as const) {
    begun.length = 0;
    const since = clock.now() - from;
    const ended = step.with(retry({ count: 2, jitter: 0, ...options })).run({ clock });
    ended.catch(() => {});
    await clock.runAll();
    await t.rejects(ended);
    t.same(
      begun.map((time) => time - since),
      at,
    );
  }
});

t.test('wrong options', async (t) => {
  for (const wrong of [
    { count: '3' },
    { count: null },
    { factor: true },
    { jitter: Symbol('x') },
    { idempotent: 'no' },
  ])
    t.throws(() => retry(wrong as never), TypeError);
  for (const wrong of [{ count: -1 }, { count: NaN }, { factor: 0 }, { jitter: 2 }])
    t.throws(() => retry(wrong), RangeError);
});

t.test('it is given options, not a runner', (t) => {
  t.throws(() => sleep(1).with(retry as never), { message: /runner\.with\(retry\(3\)\)/ });
  t.end();
});
