// A thousand advice around one runner, ten thousand runs within one another: no stack is used up, no matter who listens.
import { inspect } from 'node:util';
import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { beforeAfter } from '../../lib/advice/beforeAfter.ts';
import { chain } from '../../lib/advice/chain.ts';
import { retry } from '../../lib/advice/retry.ts';
import { slots } from '../../lib/advice/slots.ts';
import { idle, timeout } from '../../lib/advice/timeout.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { task } from '../../lib/compose/task.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type Advice, type Event, type Runner } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { json } from '../../lib/report/index.ts';
import { failure, like, settleDown, value } from '../support.ts';

const ADVICE = 1000;
const RUNS = 10_000;

chain('depth', timeout('1h'));
const kinds: Record<string, () => Advice> = {
  identity: () => (runner) => runner,
  around: () =>
    around(function* (proceed, session) {
      session.context.set('count', (session.attempt as number) + 1);
      return yield* proceed;
    }),
  'around, asynchronous': () =>
    around(async function* (proceed) {
      return yield* proceed;
    }),
  beforeAfter: () => beforeAfter({ before: (session) => session.proceed(), after: (session) => session.proceed() }),
  'beforeAfter, generators': () =>
    beforeAfter({
      *before(session) {
        yield* value(1);
        session.proceed();
      },
      async after(session) {
        await Promise.resolve();
        session.proceed();
      },
    }),
  retry: () => retry({ count: 1, backoff: 0 }),
  timeout: () => timeout('1h'),
  idle: () => idle('1h'),
  slots: () => slots(1),
  unchecked: () => unchecked,
  within: () => within({ cwd: '.' }),
  'within advice': () => within({ advice: [timeout('1h')] }),
  chain: () => chain('depth'),
};
const through = (runner: Runner<any>, kind: string): Runner<any> =>
  runner.with(...Array.from({ length: ADVICE }, kinds[kind]!));

for (const kind of Object.keys(kinds)) {
  t.test(`${ADVICE} advice: ${kind}`, async (t) => {
    t.equal(await through(value('secret-value'), kind).run(), 'secret-value');
    if (kind !== 'retry') await t.rejects(through(failure(new RangeError('no')), kind).run(), like({ message: 'no' }));
    const loop = runCommandGens([through(sleep(Infinity), kind)]);
    await settleDown();
    loop.kill('me');
    await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
  });
}

t.test(`${ADVICE} advice with all listening: masked, as JSON, inspected`, async (t) => {
  const runner = task(named, 'hunter2xx').with(...Array.from({ length: ADVICE }, kinds['beforeAfter']!));
  let last: Event | undefined;
  const written: string[] = [];
  await runCommandGens([runner], {
    secrets: ['hunter2xx'],
    report: json({ write: (text: string) => void written.push(text) } as never),
    onEvent: (event) => (last = event.type === 'start' && event.run === '1' ? event : last),
  });
  t.match(JSON.stringify(last), /\*\*\*/);
  t.notMatch(JSON.stringify(last), /hunter2xx/);
  t.match(inspect(runner), /beforeAfter/);
  t.match(inspect(runner, { depth: Infinity }), /hunter2xx/);
});

t.test('building it takes time by the number of advice', (t) => {
  const took = (count: number): number => {
    const advice = Array.from({ length: count }, kinds['timeout']!);
    const began = performance.now();
    value(1).with(...advice);
    return performance.now() - began;
  };
  took(5000);
  t.ok(took(20_000) < 40 * Math.max(5, took(2000)));
  t.end();
});

function named(word: string): string {
  return word;
}

/** Runs in runs, down to the innermost. */
function nest(innermost: () => Runner<any>, depth: number): Runner<any> {
  return task(function* () {
    return (yield* depth === 1 ? innermost() : nest(innermost, depth - 1)) as unknown;
  });
}
function nestAsync(innermost: () => Runner<any>, depth: number): Runner<any> {
  return task(async function* () {
    return (yield* depth === 1 ? innermost() : nestAsync(innermost, depth - 1)) as unknown;
  });
}
/** Each a function that awaits the next one. */
function nestPlain(innermost: () => Runner<any>, depth: number): Runner<any> {
  return task(() => (depth === 1 ? innermost() : nestPlain(innermost, depth - 1)));
}

for (const [name, nested] of Object.entries({
  generators: nest,
  'async generators': nestAsync,
  functions: nestPlain,
})) {
  for (const listening of [false, true]) {
    t.test(`${RUNS} runs nested by ${name}${listening ? ', listened to' : ''}`, async (t) => {
      let events = 0;
      const options = listening
        ? {
            secrets: ['hunter2xx'],
            onEvent: () => void events++,
            extensions: [{ onAfter: () => void events++ }],
          }
        : {};
      t.equal(await nested(() => value(7), RUNS).run(options), 7);
      await t.rejects(
        nested(() => failure(new RangeError('no hunter2xx')), RUNS).run(options),
        like({ name: 'RangeError' }),
      );
      const loop = runCommandGens([nested(() => sleep(Infinity), RUNS)], options);
      while (loop.list().length <= RUNS) await settleDown();
      t.ok(inspect(loop.list()[RUNS]).length > 0);
      t.ok(loop.list()[RUNS]!.id.length >= 2 * RUNS);
      loop.kill('me');
      await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
      if (listening) t.ok(events >= 9 * RUNS, `${events}`);
    });
  }
}
