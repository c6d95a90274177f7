import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { beforeAfter } from '../../lib/advice/beforeAfter.ts';
import { chain } from '../../lib/advice/chain.ts';
import { retry } from '../../lib/advice/retry.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { task } from '../../lib/compose/task.ts';
import { within } from '../../lib/compose/within.ts';
import { createRunner, runCommandGens, type Runner } from '../../lib/kernel/index.ts';
import { settleDown, value } from '../support.ts';

/** An advice that notes the context of its chain. */
const marks = (seen: Map<unknown, unknown>[]) =>
  around(function* (proceed, session) {
    seen.push(session.context);
    return yield* proceed;
  });
const leaf = createRunner<number>({
  spec: { type: 'leaf' },
  leaf: true,
  start(sink) {
    sink.settle({ type: 'finished', value: 1 });
    return { pause() {}, play() {}, kill() {} };
  },
});

t.test('one context for all advice around one runner, a new one for each run', async (t) => {
  const seen: Map<unknown, unknown>[] = [];
  const mark = marks(seen);
  const further = around(function* (proceed, session) {
    seen.push(session.context);
    return yield* proceed.with(timeout('1h'), mark);
  });
  const parallel = around(function* (proceed) {
    return (yield* all([proceed, proceed]))[0];
  });
  const phases = beforeAfter({
    before(session) {
      seen.push(session.context);
      session.proceed();
    },
  });
  chain('session.test', mark);
  const runner = leaf
    .with(mark, within({ advice: [mark] }))
    .with(further, phases, timeout('1h'), parallel, chain('session.test'));
  const options = { advice: [mark] };
  await runCommandGens([runner], options);
  const first = seen.splice(0);
  t.ok(first.length >= 8, `${first.length}`);
  t.equal(new Set(first).size, 1);
  await runCommandGens([runner], options);
  t.equal(new Set(seen).size, 1);
  t.not(seen[0], first[0]);
});

t.test('what the runner starts itself has another one, also when that is the runner once more', async (t) => {
  const seen: Map<unknown, unknown>[] = [];
  const mark = marks(seen);
  const depths: number[] = [];
  const inner = task(function* () {
    depths.push(seen.length);
    yield* leaf.with(mark);
    if (seen.length < 4) yield* recursive;
    return 0;
  });
  const recursive: Runner<number> = inner.with(mark, mark);
  await recursive.run();
  t.equal(seen.length, 6);
  const [a, b, c, d, e, f] = seen;
  t.equal(a, b);
  t.equal(d, e);
  t.equal(new Set([a, c, d, f]).size, 4);
});

t.test('attempt is counted by the nearest retry around', async (t) => {
  const log: string[] = [];
  const told = (name: string) =>
    around(function* (proceed, session) {
      log.push(`${name}${session.attempt}`);
      return yield* proceed;
    });
  let runs = 0;
  const fails = task(function* () {
    yield* leaf.with(told('own'));
    if (++runs < 4) throw new Error('no');
    return runs;
  });
  const again = retry({ count: 1, backoff: 0 });
  t.equal(await fails.with(told('a'), again, told('b'), again, told('c')).run(), 4);
  t.equal(log.filter((each) => !each.startsWith('own')).join(' '), 'a1 b1 c1 c2 b2 c1 c2');
  t.ok(log.includes('own1') && !log.includes('own2'));
});

t.test('its fields', async (t) => {
  let fields: unknown[] = [];
  const looks = around(function* (proceed, { id, spec, label, attempt, signal, context }) {
    fields = [id, spec, label, attempt, signal.aborted, context.size];
    return yield* proceed;
  });
  await runCommandGens([value(1).with(looks, timeout('1s'))]);
  t.same(fields, ['1', { type: 'timeout', ms: 1000, of: { type: 'value' } }, 'value', 1, false, 0]);
  await settleDown();
});
