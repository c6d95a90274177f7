import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { task } from '../../lib/compose/task.ts';
import { isRunError, runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

contract(t, 'task', () => ({
  runner: () =>
    task(function* (x: number) {
      return yield* value(x);
    }, 4),
  endless: () =>
    task(async function* () {
      yield* sleep(Infinity);
    }),
  failing: () =>
    task(function* () {
      yield* failure(new RangeError('no'));
    }),
  check: (given) => t.equal(given, 4),
}));

t.test('label, and once again', async (t) => {
  function* deploy(host: string, port: number) {
    yield* value(0);
    return `${host}:${port}`;
  }
  const runner = task(deploy, 'web07', 80);
  t.equal(runner.label, 'deploy web07 80');
  t.same(await runCommandGens([runner, runner]), ['web07:80', 'web07:80']);
  t.throws(() => task(3 as never), /task: expected a generator function/);
});

t.test('plain and async functions: what they return is the result', async (t) => {
  const plain = task((a: number, b: number) => a + b, 1, 2);
  const later = task(async (a: number) => {
    await settleDown();
    return `${a}`;
  }, 3);
  const runs = task((a: number) => value(a), 4);
  const makes = task((a: number) => ours(a), 5);
  const laterRuns = task(async (a: number) => value(a), 6);
  const laterMakes = task(async (a: number) => ours(a), 7);
  function* ours(a: number) {
    yield* value(0);
    return a;
  }
  const [sum, text] = await runCommandGens([
    function* () {
      const sum: number = yield* plain;
      const text: string = yield* later;
      const given: number = yield* runs;
      const made: number = yield* makes;
      const laterGiven: number = yield* laterRuns;
      const asyncMade: number = yield* laterMakes;
      const generated: string = yield* task(async function* (a: string) {
        return a;
      }, 'x');
      // @ts-expect-error: its result is a number
      const wrong: string = yield* plain;
      return [sum, text, given, made, laterGiven, asyncMade, generated, wrong];
    },
    later,
  ]);
  t.same(sum, [3, '3', 4, 5, 6, 7, 'x', 3]);
  t.equal(text, '3');
  for (const odd of [undefined, null, 0, '', [() => {}, []], { streams: [] }, () => 3])
    t.equal(await task(() => odd).run(), odd);
});

t.test('what a function throws is the failure; once more with retry', async (t) => {
  let calls = 0;
  const flaky = (): number => {
    if (++calls < 3) throw new RangeError('no');
    return calls;
  };
  await t.rejects(task(flaky).run(), like({ name: 'RangeError', message: 'no' }));
  t.equal(
    await task(async () => flaky())
      .with(retry({ backoff: 0 }))
      .run(),
    3,
  );
  await t.rejects(task(() => Promise.reject(new RangeError('later'))).run(), like({ message: 'later' }));
});

t.test('an async function: what it runs is its own; killed, it has the grace', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const notes: string[] = [];
  const log: string[] = [];
  const loop = runCommandGens(
    [
      task(async function waits() {
        await Promise.resolve();
        await step.runner.run().catch((error: unknown) => void log.push(String(isRunError(error, 'killed'))));
        return value('never run');
      }),
      task(async function hangs() {
        await new Promise(() => {});
      }),
    ],
    { clock, onEvent: (event) => event.type === 'note' && notes.push(`${event.run} ${event.text}`) },
  );
  const ended = t.rejects(loop, like({ reason: { type: 'killed' } }));
  await settleDown();
  t.same(
    loop.list().map(({ id }) => id),
    ['1', '1.1', '2'],
  );
  loop.kill('me');
  await settleDown();
  t.same(step.kills, ['me']);
  t.same(log, ['true']);
  await clock.advance(5000);
  await ended;
  t.same(notes, ['2 hangs did not heed its signal within the grace; left behind']);
});

export function named(..._args: unknown[]): string {
  return 'named';
}

t.test('of a module: told by its path in the project, name and arguments', async (t) => {
  const args = ['web07', 80, { tags: ['a', null, true] }] as const;
  const runner = task(import.meta, named, ...args);
  t.same(runner.spec, { type: 'task', module: 'test/compose/task.test.ts', name: 'named', args });
  t.equal(runner.label, 'named web07 80');
  t.equal(await runner.run(), 'named');
  t.same(runner.traits.code, { module: import.meta.url, name: 'named', fn: named, args });
  t.same(task(named, 1).traits.code, { name: 'named', fn: named, args: [1] });
  t.equal(runner.with(timeout('1s')).traits.code, undefined);
  const upper = async (a: string) => a.toUpperCase();
  const again: string = await task(import.meta, upper, 'x').run();
  t.equal(again, 'X');
});

t.test('arguments that are no JSON are told by their words', (t) => {
  const circle: unknown[] = [];
  circle.push(circle);
  class Own {}
  for (const odd of [undefined, NaN, -0, 1n, new Date(), new Map(), new Own(), () => 3, circle, [, 1], Symbol('x')])
    t.same(
      task(import.meta, named, 'x', 2, odd).spec['args'],
      typeof odd === 'number' ? ['x', '2', String(odd)] : ['x', '2'],
    );
  const evil = JSON.parse('{ "__proto__": { "polluted": 1 } }') as object;
  const told = task(import.meta, named, evil).spec['args'] as object[];
  t.equal(JSON.stringify(told), '[{"__proto__":{"polluted":1}}]');
  t.notOk('polluted' in told[0]!);
  const changed = { a: 1 };
  const before = task(import.meta, named, changed).spec;
  changed.a = 2;
  t.same(before['args'], [{ a: 1 }]);
  t.end();
});

t.test('modules of other places', (t) => {
  const spec = (url: string) => task({ url }, named).spec['module'];
  const [own = '', query] = [import.meta.url, '?v=2'];
  t.equal(spec(own + query), 'test/compose/task.test.ts?v=2');
  t.equal(spec('data:text/javascript,0'), 'data:text/javascript,0');
  t.equal(spec('https://example.org/x.js'), 'https://example.org/x.js');
  t.equal(spec('file:///nowhere/at/all/x.js'), 'file:///nowhere/at/all/x.js');
  const folder = t.testdir({ project: { 'package.json': '{}', lib: { 'a b.mjs': '' } } });
  t.equal(spec(pathToFileURL(join(folder, 'project/lib/a b.mjs')).href), 'lib/a b.mjs');
  t.end();
});

t.test('what it is not', (t) => {
  const bound = named.bind(undefined);
  const wrong: [unknown[], RegExp][] = [
    [[{}, named], /or import.meta and these; got an object/],
    [[{ url: 3 }, named], /import.meta and these/],
    [[undefined], /import.meta and these; got undefined/],
    [[import.meta], /expected a function of this module behind import.meta, got undefined/],
    [[import.meta, value(1)], /expected a function of this module/],
    [[import.meta, () => 1], /no name/],
    [[import.meta, bound], /bound named is bound, native or a proxy/],
    [[import.meta, Math.max], /max is bound, native/],
    [[import.meta, new Proxy(named, {})], /bound, native or a proxy/],
  ];
  for (const [args, message] of wrong) t.throws(() => (task as (...args: unknown[]) => unknown)(...args), message);
  t.end();
});
