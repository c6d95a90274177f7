import t from 'tap';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { emit } from '../../lib/compose/note.ts';
import { race } from '../../lib/compose/race.ts';
import { join, spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { until } from '../../lib/compose/until.ts';
import { isRunError, runCommandGens, type Run } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, settleDown, value } from '../support.ts';

contract(t, 'spawn and join', () => ({
  runner: () =>
    task(function* () {
      return yield* join(yield* spawn(value(8)));
    }),
  endless: () =>
    task(function* () {
      yield* join(yield* spawn(sleep(Infinity)));
    }),
  failing: () =>
    task(function* () {
      yield* spawn(failure(new Error('no')));
    }),
  check: (given) => t.equal(given, 8),
}));

t.test('gives a Run at once; join gives its value', async (t) => {
  const beside = driven<number>();
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(beside.runner);
      t.equal(run.state.type, 'running');
      beside.finish(5);
      const first = yield* run.join();
      return [first, yield* join(run), run.state];
    },
  ]);
  t.same(await loop, [[5, 5, { type: 'finished', value: 5 }]]);
});

t.test(
  'L7: a failure that nobody joins is thrown at the yield of the parent, whose other runs are killed',
  async (t) => {
    const bad = driven();
    const waited = driven();
    const loop = runCommandGens([
      function* () {
        yield* spawn(bad.runner);
        try {
          yield* waited.runner;
        } catch (error) {
          return (error as Error).message;
        }
        return 'not told';
      },
    ]);
    await settleDown();
    bad.fail(new Error('beside'));
    t.same(await loop, ['beside']);
    t.same(waited.kills, ['a spawned run failed']);
  },
);

t.test('L7: a failure before the join fails the parent; one that is joined is thrown there', async (t) => {
  const bad = driven();
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(bad.runner);
      try {
        yield* run.join();
      } catch (error) {
        return (error as Error).message;
      }
      return 'not told';
    },
    function* () {
      yield* spawn(failure(new Error('early')));
      yield* sleep(Infinity);
    },
  ]);
  await settleDown();
  bad.fail(new Error('joined'));
  const error = await loop.then(
    () => undefined,
    (thrown: AggregateError & { outcomes: unknown[] }) => thrown,
  );
  t.match(error?.outcomes, [
    { type: 'finished', value: 'joined' },
    { type: 'failed', error: new Error('early') },
  ]);
});

t.test('L7: unchecked keeps a failure for whoever joins later', async (t) => {
  const bad = driven();
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(bad.runner.with(unchecked));
      bad.fail(new Error('later'));
      yield* sleep(1);
      try {
        yield* run.join();
      } catch (error) {
        return (error as Error).message;
      }
      return 'not told';
    },
  ]);
  t.same(await loop, ['later']);
});

t.test('L3: what is still running when its task returns is killed, and waited for', async (t) => {
  const beside = driven();
  const loop = runCommandGens([
    function* () {
      yield* spawn(beside.runner);
      return 'done';
    },
  ]);
  t.same(await loop, ['done']);
  t.same(beside.kills, ['parent ended']);
});

t.test('killing a spawned run is no failure of its parent', async (t) => {
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(sleep(Infinity));
      run.kill('enough');
      yield* sleep(1);
      return run.state;
    },
  ]);
  t.same(await loop, [{ type: 'killed', by: 'enough' }]);
});

t.test('next() gives lines and items one by one, and undefined after the last', async (t) => {
  const loop = runCommandGens([
    function* () {
      const run: Run = yield* spawn(program('echo one; echo two >&2'));
      return [yield* run.next(), yield* run.next(), yield* run.next(), yield* run.next()];
    },
    function* () {
      const run: Run = yield* spawn(function* () {
        yield* emit({ n: 1 });
        yield* emit(undefined);
      });
      return [yield* run.next(), yield* run.next(), yield* run.next()];
    },
  ]);
  const [lines, items] = await loop;
  t.same(new Set((lines as { line: string }[]).slice(0, 2).map(({ line }) => line)), new Set(['one', 'two']));
  t.same((lines as unknown[]).slice(2), [undefined, undefined]);
  t.same(items, [{ item: { n: 1 } }, { item: undefined }, undefined]);
});

t.test('select: a race of next() loses no line', async (t) => {
  const [seen] = await runCommandGens([
    function* () {
      const a: Run = yield* spawn(program('seq 1 300'));
      const b: Run = yield* spawn(program('seq 301 600'));
      const open = new Map([
        ['a', a],
        ['b', b],
      ]);
      const lines: number[] = [];
      while (open.size > 0) {
        const { key, value: next } = yield* race(
          Object.fromEntries([...open].map(([name, run]) => [name, run.next()])),
        );
        if (next === undefined) open.delete(key);
        else if ('line' in next) lines.push(Number(next.line));
      }
      return lines;
    },
  ]);
  t.same(
    seen?.sort((x, y) => x - y),
    Array.from({ length: 600 }, (_, index) => index + 1),
  );
});

t.test('with one slot, a spawned server and its client run', async (t) => {
  const loop = runCommandGens(
    [
      function* () {
        const server = yield* spawn(program('echo up; exec sleep 1000'));
        yield* until(server, 'up');
        return (yield* program('echo client')).stdout;
      },
    ],
    { slots: 1 },
  );
  t.same(await loop, ['client']);
});

t.test('send before, during and after', async (t) => {
  const loop = runCommandGens([
    function* () {
      const cat: Run<{ stdout: string }> = yield* spawn(program('cat', { stdin: 'pipe' }));
      cat.send('one');
      cat.send(Buffer.from('two\n'));
      yield* cat.next();
      cat.end();
      const { stdout } = yield* cat.join();
      cat.send('three');
      cat.end();
      cat.kill();
      return stdout;
    },
  ]);
  t.same(await loop, ['one\ntwo']);
});

t.test('send to what takes nothing fails that run, and says so', async (t) => {
  const error = await runCommandGens([
    function* () {
      const run = yield* spawn(sleep(Infinity));
      run.send('x');
      yield* run.join();
    },
  ]).catch((thrown: AggregateError) => thrown.errors[0] as Error);
  t.ok(isRunError(error, 'closed'));
  t.match((error as Error).message, /nothing can be sent to a sleep/);
});

t.test('spawn needs a task', async (t) => {
  await t.rejects(runCommandGens([spawn(value(1))]), /only a task can spawn/);
  t.throws(() => join({} as never), /join: expected a Run/);
});
