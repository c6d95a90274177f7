import { PassThrough } from 'node:stream';
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { createRunner, isRunner, runCommandGens, type Runner } from '../../lib/kernel/index.ts';
import { isGenerator, show, toRunner } from '../../lib/kernel/runnable.ts';
import '../../lib/runners/seed.ts';
import { failure, immediate } from './tools.ts';

t.test('in this order: runner, generator, function', async (t) => {
  const runner = immediate(1);
  t.equal(toRunner(runner), runner);
  // A runner that has `next` is a runner still.
  const both = Object.assign(createRunner({ ...runner.traits, spec: { type: 'both' } } as never), { next() {} });
  t.equal(toRunner(both), both);

  const generator = (function* () {})();
  t.match(toRunner(generator), { spec: { type: 'task', name: 'generator' }, label: 'generator' });
  t.match(toRunner(generator).traits.once, /task\(fn, \.\.\.args\)/);
  t.ok(isGenerator(generator));
  t.ok(isGenerator((async function* () {})()));
  t.notOk(isGenerator([][Symbol.iterator]), 'a function');
  t.notOk(isGenerator([1]));
  t.notOk(isGenerator(null));
  t.ok(isGenerator([1].values()), 'an iterator');

  t.match(
    toRunner(function* deploy() {}),
    { spec: { type: 'task', name: 'deploy' }, label: 'deploy' },
  );
  t.match(
    toRunner(() => runner as never),
    { label: 'anonymous' },
  );
});

t.test('a function is called when it is started, not before; each time', async (t) => {
  let calls = 0;
  const fn = function* (): Generator<any, number, any> {
    calls++;
    return yield* immediate(calls);
  };
  const runner = toRunner(fn);
  t.equal(calls, 0);
  t.same(await runCommandGens([runner, fn]), [1, 2]);
});

t.test('what a function may give', async (t) => {
  t.same(await runCommandGens([() => immediate(1) as never]), [1], 'a runner');
  t.same(
    await runCommandGens([
      async function* () {
        return 2;
      },
    ]),
    [2],
    'a generator',
  );
  const [result] = await runCommandGens([() => ({ streams: [], onComplete: () => 3 })]);
  t.equal(result, 3, "the seed's object");
  const pair = () => [() => 4, []] as const;
  t.same(await runCommandGens([pair]), [4], "the seed's pair");
  const lines: string[] = [];
  const stream = new PassThrough();
  stream.end('a\nb\n');
  const seed = () => ({
    streams: [[stream, (line: string) => void lines.push(line)]] as const,
    onComplete: () => lines.length,
  });
  t.same(await runCommandGens([seed]), [2]);
  for (const wrong of [5, undefined, { streams: [], onComplete: 5 }, [1, 2], Promise.resolve()])
    t.match(await failure(runCommandGens([() => wrong as never])), { errors: [{ name: 'TypeError' }] }, show(wrong));
});

t.test('a function that throws fails its run', async (t) => {
  const error = new RangeError('x');
  t.equal(
    (
      await failure(
        runCommandGens([
          () => {
            throw error;
          },
        ]),
      )
    ).errors[0],
    error,
  );
});

t.test('runners of another copy of the library are told by their brand', async (t) => {
  const foreign = Object.create({ [Symbol.for('sluice.runner')]: true }) as Runner;
  t.ok(isRunner(foreign));
  t.notOk(isRunner({}));
  t.notOk(isRunner(null));
  t.notOk(isRunner(() => {}));
});

t.test('the verb of the message is the place', async (t) => {
  t.throws(() => toRunner(5, undefined, 'race'), { name: 'TypeError', message: /^race: expected a runner/ });
  t.throws(() => all([5 as never]), { name: 'TypeError', message: /^all: expected a runner/ });
});

t.test('show', async (t) => {
  const cases: [unknown, string][] = [
    [undefined, 'undefined'],
    [null, 'null'],
    ['x', 'the string "x"'],
    [5, 'the number 5'],
    [5n, 'the bigint 5'],
    [true, 'the boolean true'],
    [Symbol('s'), 'the symbol Symbol(s)'],
    [function named() {}, 'the function named'],
    [[1, 2], 'an array of 2'],
    [Promise.resolve(), 'a promise'],
    [{ a: 1, b: 2 }, 'an object {a, b}'],
    [Object.create(null), 'an object {}'],
    [new Date(0), 'a Date'],
  ];
  for (const [value, text] of cases) t.equal(show(value), text);
  t.ok(show('x'.repeat(1000)).length < 120);
});
