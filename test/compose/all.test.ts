import { PassThrough } from 'node:stream';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { all } from '../../lib/compose/all.ts';
import { race } from '../../lib/compose/race.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { stream } from '../../lib/runners/stream.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, settleDown, value, like } from '../support.ts';

contract(t, 'all', () => ({
  runner: () => all([value(1), value(2)]),
  endless: () => all([sleep(Infinity), value(2)]),
  failing: () => all([failure(new Error('no')), sleep(Infinity)]),
  check: (given) => t.same(given, [1, 2]),
}));

t.test('gives an array for an iterable, in order, whatever ends first', async (t) => {
  const first = driven<string>();
  const second = driven<string>();
  const loop = runCommandGens([all(new Set([first.runner, second.runner]))]);
  await settleDown();
  second.finish('b');
  first.finish('a');
  t.same(await loop, [['a', 'b']]);
});

t.test('gives a record for a record, and its keys are in the ids', async (t) => {
  const ids: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'start' && ids.push(event.run));
  const given = await runCommandGens(
    [
      all({
        db: value(1),
        web: function* () {
          return yield* value('x');
        },
      }),
    ],
    { onEvent },
  );
  t.same(given, [{ db: 1, web: 'x' }]);
  t.same(ids, ['1', '1.db', '1.web', '1.web.1']);
});

t.test('all([]) is []', async (t) => {
  t.same(await runCommandGens([all([]), all({})]), [[], {}]);
});

t.test('the first failure kills the rest, waits for them, and is the failure', async (t) => {
  const good = driven();
  const bad = driven();
  const never = driven();
  const loop = runCommandGens([all([good.runner, bad.runner, never.runner], { slots: 2 })]);
  await settleDown();
  bad.fail(new RangeError('bad'));
  await t.rejects(loop, like({ errors: [new RangeError('bad')] }));
  t.same(good.kills, ['a sibling failed']);
  t.equal(never.starts, 0, 'what had no slot never starts');
});

t.test('slots: so many at work at once, in order', async (t) => {
  let now = 0;
  let most = 0;
  const order: number[] = [];
  const step = (index: number) =>
    function* () {
      order.push(index);
      most = Math.max(most, ++now);
      yield* sleep(1);
      now--;
      return index;
    };
  const indices = Array.from({ length: 20 }, (_, index) => index);
  t.same(await runCommandGens([all(indices.map(step), { slots: 3 })]), [indices]);
  t.same(order, indices);
  t.equal(most, 3);
});

t.test('100,000 that settle at once use no stack', async (t) => {
  const [given] = await runCommandGens([
    all(
      Array.from({ length: 100_000 }, (_, index) => value(index)),
      { slots: 1 },
    ),
  ]);
  t.equal(given?.length, 100_000);
});

t.test('bad input is told at the call', async (t) => {
  t.throws(() => all(3 as never), /all: expected an iterable or a record of runners, got number/);
  t.throws(() => all([1] as never), /all: expected a runner, a generator or a function, got the number 1/);
  t.throws(() => all([], { slots: 0 }), /slots: 0 is no number of programs/);
});

t.test('children of all spawn into the task above', async (t) => {
  const beside = driven();
  const loop = runCommandGens([
    function* () {
      yield* all([spawn(beside.runner)]);
      yield* value(0);
      return 'done';
    },
  ]);
  t.same(await loop, ['done']);
  t.same(beside.kills, ['parent ended']);
});

t.test('what a failure or a kill leaves unstarted is closed: generators and streams', async (t) => {
  const parts = () => {
    const source = new PassThrough();
    const generator = (function* () {
      yield* sleep(1);
    })();
    const closed = (): void => {
      t.ok(source.destroyed);
      t.same(generator.next(), { value: undefined, done: true });
    };
    return { rest: [stream(source, () => {}), generator], closed };
  };
  const failed = parts();
  await t.rejects(all([failure(new Error('no')), ...failed.rest], { slots: 1 }).run(), /no/);
  failed.closed();
  const killed = parts();
  const loop = runCommandGens([all([sleep(Infinity), ...killed.rest], { slots: 1 })]);
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  killed.closed();
});

t.test('of a generator object it runs once: advice that repeats says so', async (t) => {
  const once = function* () {
    yield* sleep(1);
  };
  t.throws(() => all([once()]).with(retry(1)), /retry: a generator object runs once/);
  t.throws(() => all({ a: once() }).with(retry(1)), /retry: a generator object runs once/);
});

t.test('when one of them is killed by itself, all and race fail with its error', async (t) => {
  const both = { one: sleep('1h'), other: sleep('2h') };
  for (const several of [all(both), race(both)]) {
    const loop = runCommandGens([several]);
    await settleDown();
    loop.find('1.one')!.kill('me');
    await t.rejects(loop, like({ errors: [{ run: '1.one', message: 'sleep 1h: was killed by me' }] }));
  }
});
