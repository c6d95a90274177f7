import { PassThrough } from 'node:stream';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { race } from '../../lib/compose/race.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { stream } from '../../lib/runners/stream.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, settleDown, value, like } from '../support.ts';

contract(t, 'race', () => ({
  runner: () => race({ a: value(1), b: sleep(Infinity) }),
  endless: () => race({ a: sleep(Infinity), b: sleep(Infinity) }),
  failing: () => race({ a: failure(new Error('no')), b: sleep(Infinity) }),
  check: (given) => t.same(given, { key: 'a', value: 1 }),
}));

t.test('the first to settle wins; the losers are killed', async (t) => {
  const slow = driven<number>();
  const quick = driven<string>();
  const loop = runCommandGens([race({ slow: slow.runner, quick: quick.runner })]);
  await settleDown();
  quick.finish('q');
  const [won] = await loop;
  t.same(won, { key: 'quick', value: 'q' });
  t.same(slow.kills, ['lost the race']);
  if (won?.key === 'quick') t.equal(won.value.toUpperCase(), 'Q', 'key tells the type of value');
});

t.test('a failure that comes first fails the race', async (t) => {
  const loop = runCommandGens([race({ a: failure(new RangeError('first')), b: value(1) })]);
  await t.rejects(loop, like({ errors: [new RangeError('first')] }));
});

t.test('what would start after the winner does not', async (t) => {
  const late = driven();
  await runCommandGens([race({ a: value(1), late: late.runner })]);
  t.equal(late.starts, 0);
});

t.test('nobody can win an empty race', async (t) => {
  t.throws(() => race({}), /race: an empty record has no winner/);
  t.throws(() => race([value(1)] as never), /race: expected a record of runners/);
});

t.test('what would start after the winner is closed: generators and streams', async (t) => {
  const source = new PassThrough();
  const generator = (function* () {
    yield* sleep(1);
  })();
  await runCommandGens([race({ a: value(1), b: generator, c: stream(source, () => {}) })]);
  t.ok(source.destroyed);
  t.same(generator.next(), { value: undefined, done: true });
});

t.test('of a generator object it runs once: advice that repeats says so', async (t) => {
  const once = function* () {
    yield* sleep(1);
  };
  t.throws(() => race({ a: once() }).with(retry(1)), /retry: a generator object runs once/);
  t.doesNotThrow(() => race({ a: once }).with(retry(1)));
});
