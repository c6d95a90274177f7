import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { slots } from '../../lib/advice/slots.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { shield } from '../../lib/compose/shield.ts';
import { within } from '../../lib/compose/within.ts';
import { createRunner, runCommandGens, type Advice, type Runner } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(
  t,
  'around',
  around(function* (proceed) {
    return yield* proceed;
  }),
);
adviceContract(
  t,
  'around, asynchronous',
  around(async function* (proceed) {
    return yield* proceed;
  }),
);

t.test('before and after, replacing, concluding without running, proceeding again', async (t) => {
  const seen: string[] = [];
  const twice = around(function* (proceed, session) {
    seen.push(`before ${session.label}`);
    const first: number = yield* proceed;
    const second: number = yield* proceed;
    seen.push('after');
    return first + second;
  });
  const never = around(function* () {
    return 'concluded';
  });
  const step = driven();
  t.same(await runCommandGens([value(2).with(twice), step.runner.with(never)]), [4, 'concluded']);
  t.equal(step.starts, 0);
  t.same(seen, ['before value', 'after']);
  t.throws(() => around(3 as never), /around: expected a generator function/);
});

t.test('a failure is thrown at the proceed, and can be replaced', async (t) => {
  const rescued = around(function* (proceed) {
    try {
      return yield* proceed;
    } catch (error) {
      return (error as Error).message;
    }
  });
  t.equal(await failure(new Error('no')).with(rescued).run(), 'no');
});

t.test('a kill goes to the proceed first; finally runs, and the signal of the session is aborted', async (t) => {
  const step = driven();
  const seen: unknown[] = [];
  const cleaning = around(function* (proceed, session) {
    try {
      return yield* proceed;
    } finally {
      seen.push(session.id, session.spec, session.signal.aborted, [...step.kills]);
    }
  });
  const loop = runCommandGens([step.runner.with(cleaning)]);
  await settleDown();
  loop.kill('test');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.same(seen, ['1', { type: 'driven' }, true, ['test']]);
});

t.test('what gives no generator fails clearly; a runner is run', async (t) => {
  const wrong: [unknown, RegExp][] = [
    [() => 3, /around anonymous: its function gave the number 3, not a generator; write it as function\*/],
    [async () => 3, /gave a promise, not a generator/],
    [() => Promise.reject(new Error('nobody waits for it')), /gave a promise/],
    [() => undefined, /gave undefined/],
    [() => [() => {}, []], /gave an array of 2/],
  ];
  for (const [body, message] of wrong)
    await t.rejects(
      value(1)
        .with(around(body as never))
        .run(),
      like({ name: 'TypeError', message }),
    );
  const given = around(((proceed: Runner) => proceed.with(timeout('1h'))) as never);
  t.equal(await value(4).with(given).run(), 4);
});

/** A runner that counts how often it is begun and discarded. */
function held() {
  const calls: string[] = [];
  const runner = createRunner<number>({
    spec: { type: 'held' },
    leaf: true,
    discard: () => void calls.push('discard'),
    start(sink) {
      calls.push('start');
      sink.settle({ type: 'finished', value: 1 });
      return { pause() {}, play() {}, kill() {} };
    },
  });
  return { runner, calls };
}

t.test('a forgotten yield* is told: what is given back is not run by that', async (t) => {
  const step = driven();
  const advice = [
    around(function* forgets(proceed) {
      return proceed;
    }),
    around(async function* forgets(proceed) {
      return proceed;
    }),
  ];
  for (const one of advice)
    await t.rejects(
      step.runner.with(one).run(),
      like({ name: 'TypeError', message: /^around forgets: it returned the runner .* write return yield\* proceed$/ }),
    );
  t.equal(step.starts, 0);
  const other = driven().runner;
  const another = around(function* () {
    return other;
  });
  t.equal(await step.runner.with(another).run(), other, 'another one is a value');
});

t.test('a runner that holds something is discarded once if it is not run, and not if it is', async (t) => {
  const through = around(function* (proceed) {
    return yield* proceed;
  });
  const ends: [string, Advice, unknown][] = [
    [
      'concludes',
      around(function* () {
        return 0;
      }),
      ['discard'],
    ],
    [
      'concludes, asynchronously',
      around(async function* () {
        return await Promise.resolve(0);
      }),
      ['discard'],
    ],
    [
      'throws',
      around(function* () {
        throw new Error('no');
      }),
      ['discard'],
    ],
    ['gives nothing', around((() => 3) as never), ['discard']],
    ['runs it', through, ['start']],
    [
      'runs it twice, wrapped',
      around(function* (proceed) {
        return yield* all([proceed.with(timeout('1h')), proceed.with(timeout('1h'))]);
      }),
      ['start', 'start'],
    ],
  ];
  for (const [what, advice, calls] of ends) {
    const bare = held();
    await runCommandGens([bare.runner.with(advice)]).catch(() => {});
    t.same(bare.calls, calls, what);
    const deep = held();
    await runCommandGens([deep.runner.with(advice, through)], { advice: [through] }).catch(() => {});
    t.same(deep.calls, calls, `${what}, with more advice further in`);
    const yielded = held();
    await runCommandGens([
      function* () {
        yield* yielded.runner.with(advice);
      },
    ]).catch(() => {});
    t.same(yielded.calls, calls, `${what}, yielded by a task`);
  }
});

t.test('killed before, in and after the proceed: shielded clean-up runs, what was not run is discarded', async (t) => {
  for (const at of ['before', 'proceed', 'after']) {
    const { runner, calls } = held();
    const step = driven();
    const log: string[] = [];
    const advice = around(function* (proceed) {
      try {
        if (at === 'before') yield* step.runner;
        yield* at === 'proceed' ? all([proceed, step.runner]) : proceed;
        yield* step.runner;
        log.push('not killed');
      } finally {
        log.push(yield* shield(value('cleaned')));
      }
    });
    const loop = runCommandGens([runner.with(advice)]);
    await settleDown();
    loop.kill('me');
    await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
    t.same(log, ['cleaned'], at);
    t.same(calls, at === 'before' ? ['discard'] : ['start'], at);
  }
});

t.test('a generator object that is not run is discarded, through whatever is around it', async (t) => {
  const early = around(function* () {
    return 'early';
  });
  const gens: Record<string, (generator: Generator) => Runner> = {
    within: (generator) => within({}, generator),
    shield: (generator) => shield(generator),
    timeout: (generator) => within({}, generator).with(timeout('1m')),
    all: (generator) => all([within({}, generator)]),
  };
  for (const [name, make] of Object.entries(gens)) {
    const generator = (function* () {
      yield* sleep('1h');
    })();
    t.same(await runCommandGens([make(generator).with(early)]), ['early'], name);
    t.same(generator.next(), { value: undefined, done: true }, name);
    if (name === 'shield') continue; // no kill reaches it
    const waiting = (function* () {
      yield* sleep('1h');
    })();
    const one = slots(1);
    const loop = runCommandGens([sleep('1h').with(one), make(waiting).with(one)]);
    await settleDown();
    loop.kill('me');
    await t.rejects(loop, /killed by me/);
    t.same(waiting.next(), { value: undefined, done: true }, name);
  }
});
