import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { beforeAfter, type BeforeAfter } from '../../lib/advice/beforeAfter.ts';
import type { BeforeAfterSession } from '../../lib/advice/phase.ts';
import { retry } from '../../lib/advice/retry.ts';
import { shield } from '../../lib/compose/shield.ts';
import { isRunError, runCommandGens, type Advice, type RunError } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(
  t,
  'beforeAfter',
  beforeAfter({ before: (session) => session.proceed(), after: (session) => session.proceed() }),
);
adviceContract(t, 'beforeAfter, after alone', beforeAfter({ after: (session) => session.proceed() }));
adviceContract(
  t,
  'beforeAfter, asynchronous',
  beforeAfter({
    async before(session) {
      await settleDown();
      session.proceed();
    },
    async after(session) {
      await settleDown();
      session.proceed();
    },
  }),
);

const finished = (value: unknown) => ({ type: 'finished', value }) as const;

/** Notes when its functions are called; `change` overrides them. */
function noted(log: string[], name: string, change: Partial<BeforeAfter> = {}): Advice {
  return beforeAfter({
    name,
    before(session) {
      log.push(`before ${name}`);
      if (change.before === undefined) session.proceed();
      return change.before?.(session);
    },
    after(session) {
      const { outcome } = session;
      const told = outcome?.type === 'finished' ? String(outcome.value) : outcome?.type;
      log.push(`after ${name}: ${told}`);
      if (change.after === undefined) session.proceed();
      return change.after?.(session);
    },
  });
}

t.test('before in the order of the chain, after in reverse', async (t) => {
  const log: string[] = [];
  t.equal(await value(1).with(noted(log, 'a'), noted(log, 'b')).run(), 1);
  t.same(log, ['before a', 'before b', 'after b: 1', 'after a: 1']);
});

t.test('conclude in before skips what is further in and its own after', async (t) => {
  const log: string[] = [];
  const step = driven();
  const concludes = noted(log, 'b', { before: (session) => session.conclude(finished(undefined)) });
  t.equal(await step.runner.with(noted(log, 'a'), concludes, noted(log, 'c')).run(), undefined);
  t.equal(step.starts, 0);
  t.same(log, ['before a', 'before b', 'after a: undefined']);
});

t.test('conclude in after replaces the outcome, going outwards', async (t) => {
  const log: string[] = [];
  const rescues = noted(log, 'b', { after: (session) => session.conclude(finished('saved')) });
  t.equal(await failure(new Error('no')).with(noted(log, 'a'), rescues).run(), 'saved');
  t.same(log, ['before a', 'before b', 'after b: failed', 'after a: saved']);
  const error = new RangeError('not good enough');
  const spoils = noted(log, 'c', { after: (session) => session.conclude({ type: 'failed', error }) });
  await t.rejects(value(1).with(spoils).run(), error);
});

const misuses: [what: string, parts: BeforeAfter, message: RegExp][] = [
  ['neither in before', { name: 'log', before: () => 'something' }, /before of the advice log.*neither/s],
  ['neither in after', { name: 'log', after: async () => {} }, /after of the advice log.*neither/s],
  ['without a name', { before: () => {} }, /before of the advice anonymous.*neither/s],
  [
    'proceeds twice',
    {
      name: 'log',
      before(session) {
        session.proceed();
        session.proceed();
      },
    },
    /before of the advice log.*session\.proceed\(\) after session\.proceed\(\)/s,
  ],
  [
    'concludes, then proceeds, and catches what that throws',
    {
      name: 'log',
      after(session) {
        session.conclude(finished(1));
        try {
          session.proceed();
        } catch {
          // it can't be had
        }
      },
    },
    /after of the advice log.*session\.proceed\(\) after session\.conclude\(\)/s,
  ],
];
for (const [what, parts, message] of misuses) {
  t.test(`${what}: the run fails, those further out go on`, async (t) => {
    const log: string[] = [];
    const step = driven();
    const inner = parts.before === undefined ? value(1) : step.runner;
    await t.rejects(
      inner.with(noted(log, 'outer'), beforeAfter(parts), noted(log, 'inner')).run(),
      like({ message, reason: { type: 'callback' } }),
    );
    t.same(log.slice(-1), ['after outer: failed']);
    t.equal(step.starts, 0);
    t.equal(log.includes('before inner'), parts.before === undefined);
  });
}

t.test('one that throws fails the run with that very error; those further out may recover', async (t) => {
  const error = new RangeError('no');
  const throws = () => {
    throw error;
  };
  for (const change of [{ before: throws }, { after: throws }, { before: async () => throws() }]) {
    const log: string[] = [];
    await t.rejects(
      value(1)
        .with(noted(log, 'a'), noted(log, 'b', change))
        .run(),
      error,
    );
    t.equal(log.at(-1), 'after a: failed');
    const recovers = beforeAfter({
      after(session) {
        t.equal(session.outcome?.type === 'failed' && session.outcome.error, error);
        session.conclude(finished('recovered'));
      },
    });
    t.equal(
      await value(1)
        .with(recovers, noted([], 'b', change))
        .run(),
      'recovered',
    );
  }
});

t.test('conclude takes an outcome, nothing else', async (t) => {
  const wrong: [unknown, RegExp][] = [
    ['text', /got the string "text"/],
    [undefined, /got undefined/],
    [{ value: 3 }, /got an object \{value\}/],
    [{ type: 'killed', by: 'me' }, /killed from outside/],
    [{ type: 'failed', error: 'text' }, /error is an Error, not the string/],
  ];
  for (const [given, message] of wrong) {
    const advice = beforeAfter({ before: (session) => session.conclude(given as never) });
    await t.rejects(value(1).with(advice).run(), like({ name: 'TypeError', message }));
  }
  for (const falsy of [undefined, null, 0, '', false]) {
    const advice = beforeAfter({ before: (session) => session.conclude(finished(falsy)) });
    t.equal(await value(1).with(advice).run(), falsy);
  }
});

t.test('calls behind the end of the phase are errors', async (t) => {
  let kept: BeforeAfterSession | undefined;
  const step = driven();
  const loop = runCommandGens([
    step.runner.with(
      beforeAfter({
        before(session) {
          kept = session;
          session.proceed();
        },
      }),
    ),
  ]);
  await settleDown();
  t.throws(() => kept!.proceed(), /phase has ended/);
  t.throws(() => kept!.conclude(finished(1)), /phase has ended/);
  step.finish(7);
  t.same(await loop, [7]);
  t.throws(() => kept!.proceed(), /phase has ended/);
});

t.test('generator functions are run as tasks, with what they yield; the session is the one of around', async (t) => {
  const seen: unknown[] = [];
  const advice = beforeAfter({
    *before(session) {
      session.context.set('from before', yield* value('x'));
      session.proceed();
    },
    async *after(session) {
      seen.push(session.attempt, session.id, session.label, session.spec, session.context.get('from before'));
      const outcome = session.outcome;
      if (outcome?.type === 'finished') session.conclude(finished((outcome.value as number) + (yield* value(1))));
    },
  });
  let tries = 0;
  const flaky = around(function* (proceed) {
    if (++tries < 2) throw new Error('once more');
    return yield* proceed;
  });
  t.equal(
    await value(1)
      .with(retry({ backoff: 0 }), flaky, advice)
      .run(),
    2,
  );
  t.same(seen, [2, '1.2.1', 'value', { type: 'value' }, 'x']);
  const fails = beforeAfter({
    *before() {
      yield* failure(new RangeError('inside'));
    },
  });
  await t.rejects(value(1).with(fails).run(), /inside/);
});

t.test('killed while the runner runs: after sees it and may clean up, the outcome stays', async (t) => {
  const log: string[] = [];
  const step = driven();
  const outer = beforeAfter({ after: (session) => session.conclude(finished('saved')) });
  const cleaning = beforeAfter({
    *after(session) {
      log.push(session.outcome!.type, String(session.signal.aborted));
      log.push(yield* value('cleaned'));
      session.proceed();
    },
  });
  const loop = runCommandGens([step.runner.with(outer, cleaning)]);
  await settleDown();
  loop.kill('me');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
  t.same(log, ['killed', 'true', 'cleaned']);
  t.same(step.kills, ['me']);
});

t.test('killed in before: nothing further begins, a generator is told, its own after does not run', async (t) => {
  const log: string[] = [];
  const step = driven();
  const waits = beforeAfter({
    *before(session) {
      try {
        yield* sleep(Infinity);
      } catch (error) {
        log.push(String(isRunError(error, 'killed')));
        yield* shield(value(1));
        session.proceed();
        throw error;
      }
    },
    after: () => void log.push('after'),
  });
  const loop = runCommandGens([step.runner.with(noted(log, 'outer'), waits)]);
  await settleDown();
  loop.kill('me');
  await t.rejects(loop, like({ reason: { type: 'killed' } }));
  t.equal(step.starts, 0);
  t.same(log, ['before outer', 'true', 'after outer: killed']);
});

t.test(
  'killed in a promise that does not heed its signal: left behind after the grace, in before and in after',
  async (t) => {
    for (const phase of ['before', 'after'] as const) {
      const clock = fakeClock();
      let release!: () => void;
      const advice = beforeAfter({
        [phase]: (session: BeforeAfterSession) =>
          new Promise<void>((resolve) => (release = resolve)).then(() => session.proceed()),
      });
      const notes: string[] = [];
      const loop = runCommandGens([value(1).with(advice)], {
        clock,
        onEvent: (event) => event.type === 'note' && notes.push(event.text),
      });
      const ended = t.rejects(loop, like({ reason: { type: 'killed' } }));
      await settleDown();
      loop.kill();
      await settleDown();
      await clock.advance(5000);
      await ended;
      t.match(notes, [new RegExp(`${phase} of anonymous did not heed`)]);
      release(); // what it decides now comes too late: a rejection that nobody sees
      await settleDown();
    }
  },
);

t.test('a generator object that is not run is closed', async (t) => {
  let closed = 0;
  const made = (): Generator<never, number, any> => {
    const generator = (function* () {
      return 1;
    })();
    const { return: close } = generator;
    generator.return = (given) => {
      closed++;
      return close.call(generator, given);
    };
    return generator;
  };
  const { toRunner } = await import('../../lib/kernel/runnable.ts');
  const skip = beforeAfter({ before: (session) => session.conclude(finished(0)) });
  t.equal(await toRunner(made()).with(skip).run(), 0);
  t.equal(closed, 1);
  t.equal(
    await toRunner(made())
      .with(beforeAfter({ before: (session) => session.proceed() }))
      .run(),
    1,
  );
  t.equal(closed, 1);
});

t.test('what it is not', (t) => {
  t.throws(() => beforeAfter(3 as never), /beforeAfter: expected options, got the number 3/);
  t.throws(() => beforeAfter({}), /neither before nor after was given/);
  t.throws(() => beforeAfter({ befor: () => {} } as never), /unknown option befor/);
  t.throws(() => beforeAfter({ before: 3 } as never), /before is a function of the session, not the number 3/);
  t.throws(() => beforeAfter({ name: 3, before: () => {} } as never), /name is a string/);
  t.end();
});

t.test('retry leaves a misuse alone', async (t) => {
  let calls = 0;
  const forgets = beforeAfter({ name: 'forgets', before: () => void calls++ });
  const error = (await value(1)
    .with(retry({ backoff: 0 }), forgets)
    .run()
    .catch((thrown: unknown) => thrown)) as RunError;
  t.ok(isRunError(error, 'callback'));
  t.equal(calls, 1);
});
