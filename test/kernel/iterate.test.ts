import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { shield } from '../../lib/compose/shield.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { createRunner, isRunError, runCommandGens, type Event, type Runner } from '../../lib/kernel/index.ts';
import { failure, hand, immediate, Record, roomy, rounds, unhandledOf, until } from './tools.ts';

t.test('outside any loop', async (t) => {
  t.test('for await gives the events of the subtree, start to settle', async (t) => {
    const h = hand();
    const nested = all([
      function* () {
        yield* h.runner;
      },
    ]);
    const events: Event[] = [];
    const read = (async () => {
      for await (const event of nested) events.push(event);
    })();
    await until(() => h.starts.length === 1);
    h.last.sink.lines('stdout', ['a', 'b']);
    h.last.sink.item(1);
    h.last.finish();
    await read;
    t.same(
      events.map((event) => `${event.run} ${event.type}`),
      [
        '1 start',
        '1.1 start',
        '1.1.1 start',
        '1.1.1 line',
        '1.1.1 line',
        '1.1.1 item',
        '1.1.1 settle',
        '1.1 settle',
        '1 settle',
      ],
    );
  });

  t.test('its return value is the result', async (t) => {
    const iterator = immediate(5)[Symbol.asyncIterator]();
    t.match(await iterator.next(), { value: { type: 'start' }, done: false });
    t.match(await iterator.next(), { value: { type: 'settle' }, done: false });
    t.same(await iterator.next(), { value: 5, done: true });
    t.same(await iterator.next(), { value: undefined, done: true });
  });

  t.test('a failure is thrown after the settle event, the very error', async (t) => {
    const h = hand();
    const types: string[] = [];
    const read = failure(
      (async () => {
        for await (const event of h.runner) types.push(event.type);
      })(),
    );
    await until(() => h.starts.length === 1);
    const error = new RangeError('mine');
    h.last.fail(error);
    t.equal(await read, error);
    t.same(types, ['start', 'settle']);
  });

  t.test('nothing starts before the first next(); each iterator is a run of its own', async (t) => {
    const h = hand();
    const first = h.runner[Symbol.asyncIterator]();
    const second = h.runner[Symbol.asyncIterator]();
    await rounds();
    t.equal(h.starts.length, 0);
    await first.next();
    await second.next();
    t.equal(h.starts.length, 2);
    await first.return!();
    await second.return!();
    t.same(
      h.starts.map((start) => start.calls),
      [['kill its reader left'], ['kill its reader left']],
    );
  });

  t.test('several next() at once are answered in order', async (t) => {
    const h = hand();
    const iterator = h.runner[Symbol.asyncIterator]();
    const nexts = [iterator.next(), iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    await until(() => h.starts.length === 1);
    h.last.sink.lines('stdout', ['a']);
    h.last.finish('value');
    t.match(await Promise.all(nexts), [
      { value: { type: 'start' } },
      { value: { type: 'line' } },
      { value: { type: 'settle' } },
      { value: 'value', done: true },
      { value: undefined, done: true },
    ]);
  });

  t.test('return() before the first next() starts nothing', async (t) => {
    const h = hand();
    const iterator = h.runner[Symbol.asyncIterator]();
    t.same(await iterator.return!('x'), { value: 'x', done: true });
    t.same(await iterator.next(), { value: undefined, done: true });
    t.equal(h.starts.length, 0);
  });

  for (const way of ['break', 'return', 'throw'] as const) {
    t.test(`${way} kills the run, waits for its end and gives the consumer's own`, async (t) => {
      const h = hand({ stubborn: true });
      const consumer = async (): Promise<string> => {
        for await (const _ of h.runner) {
          if (way === 'break') break;
          if (way === 'return') return 'returned';
          throw new RangeError('its own');
        }
        return 'broke';
      };
      let over = false;
      const result = consumer()
        .catch((error: Error) => error.message)
        .finally(() => (over = true));
      await until(() => h.starts.length === 1 && h.last.calls.length > 0);
      t.same(h.last.calls, ['kill its reader left']);
      await rounds();
      t.notOk(over);
      h.last.fail(new Error('not this'));
      t.equal(await result, { break: 'broke', return: 'returned', throw: 'its own' }[way]);
    });
  }

  t.test('iterator.throw gives that error', async (t) => {
    const h = hand();
    const iterator = h.runner[Symbol.asyncIterator]();
    await iterator.next();
    const error = new Error('thrown in');
    t.equal(await failure(iterator.throw!(error)), error);
    t.same(h.last.calls, ['kill its reader left']);
  });

  t.test('one that is left is no unhandled rejection', async (t) => {
    const unheard = await unhandledOf(async () => {
      const h = hand();
      for await (const _ of h.runner) {
        h.last.fail(new Error('fails as it is left'));
        break;
      }
      await rounds();
    });
    t.same(unheard, []);
  });
});

t.test('in a task', async (t) => {
  t.test('the run belongs to the task: its id, its slots, its kill', async (t) => {
    const h = hand({ slot: true });
    const loop = runCommandGens(
      [
        async function* () {
          await rounds(1); // so that only AsyncLocalStorage knows
          for await (const _ of h.runner);
        },
        h.runner,
      ],
      { slots: 1, spawner: roomy() },
    );
    const rejected = failure(loop);
    await until(() => loop.list().length === 3);
    t.same(loop.find('1.1')?.state, { type: 'created' });
    h.starts[0]!.finish();
    await until(() => h.starts.length === 2);
    t.same(loop.find('1.1')?.state, { type: 'running' });
    loop.kill('me');
    await rejected;
    t.same(h.last.calls, ['kill me']);
  });

  t.test('a sync generator can begin one and leave it to the end of its task', async (t) => {
    const h = hand();
    let iterator!: AsyncIterator<Event>;
    await runCommandGens([
      function* () {
        iterator = h.runner[Symbol.asyncIterator]();
        void iterator.next();
        yield* immediate(0);
      },
    ]);
    t.same(h.last.calls, ['kill parent ended']);
  });

  t.test('return() while it is being started kills it', async (t) => {
    const h = hand();
    const results = await runCommandGens([
      async function* () {
        await rounds(1);
        const iterator = h.runner[Symbol.asyncIterator]();
        const first = iterator.next();
        await iterator.return!();
        await first;
        await rounds();
        return h.starts.map((start) => start.calls.join());
      },
    ]);
    t.same(results, [[]]);
  });

  t.test('while its body waits elsewhere the run goes on', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      async function* () {
        const lines: string[] = [];
        for await (const event of h.runner) {
          if (event.type !== 'line') continue;
          lines.push(event.line);
          yield* immediate(0);
          await rounds(3);
        }
        return lines;
      },
    ]);
    await until(() => h.starts.length === 1);
    for (const line of ['a', 'b', 'c']) h.last.sink.lines('stdout', [line]);
    await rounds();
    h.last.finish();
    t.same(await loop, [['a', 'b', 'c']]);
  });
});

t.test('yield* in an async generator', async (t) => {
  t.test('has the type of the result, and makes no events', async (t) => {
    const h = hand();
    const record = new Record();
    const loop = runCommandGens(
      [
        async function* () {
          const one: number = yield* immediate(1);
          const held = (yield* h.runner) as string;
          return [one, held] as const;
        },
      ],
      { onEvent: record.see },
    );
    await until(() => h.starts.length === 1);
    await rounds();
    for (let i = 0; i < 3000; i++) h.last.sink.lines('stdout', ['x']);
    await rounds();
    t.same(h.last.calls, [], 'nobody reads, so nobody is behind');
    h.last.finish('v');
    t.same(await loop, [[1, 'v']]);
    t.equal(record.said().length, 3000);
    record.wellFormed();
  });

  t.test('is not taken for a reader: only for await is', async (t) => {
    const seen: { [name: string]: boolean } = {};
    const looks = (name: string): Runner<void> =>
      createRunner<void>({
        spec: { type: 'looks' },
        start(sink, context) {
          setImmediate(() => {
            seen[name] = context.iterated;
            sink.settle({ type: 'finished', value: undefined });
          });
          return { pause() {}, play() {}, kill() {} };
        },
      });
    await runCommandGens([
      async function* () {
        yield* looks('yield*');
        yield looks('yield');
        for await (const _ of looks('for await'));
        await looks('run()').run();
      },
    ]);
    for await (const _ of looks('outside'));
    t.same(seen, { 'yield*': false, yield: false, 'for await': true, 'run()': false, outside: true });
  });

  t.test('in a nested async generator too', async (t) => {
    const inner = async function* (runner: Runner<number>): AsyncGenerator<any, number, any> {
      return (yield* runner) + 1;
    };
    t.same(
      await runCommandGens([
        async function* () {
          const a: number = yield* inner(immediate(1));
          const b: number = yield inner(immediate(2));
          return a + b;
        },
      ]),
      [5],
    );
  });

  t.test('an event that is not the first of a run of its own is no runner', async (t) => {
    const other = immediate(1);
    const events: Event[] = [];
    for await (const event of other) events.push(event);
    const [message] = await runCommandGens([
      async function* () {
        try {
          yield events[0];
        } catch (error) {
          return (error as Error).message;
        }
      },
    ]);
    t.match(message, /emit\(event\)/);
  });

  t.test('L4: killed, it throws the kill; then only shielded ones run', async (t) => {
    const h = hand();
    const other = hand();
    const cleanup = hand();
    const seen: unknown[] = [];
    const loop = runCommandGens([
      async function* () {
        try {
          yield* h.runner;
        } catch (error) {
          seen.push(isRunError(error, 'killed'));
          for (let i = 0; i < 3; i++) {
            try {
              yield* other.runner;
            } catch (again) {
              seen.push(isRunError(again, 'killed'));
            }
          }
          try {
            for await (const event of other.runner) seen.push(event.type);
          } catch (again) {
            seen.push(isRunError(again, 'killed'));
          }
          seen.push(isRunError(await failure(other.runner.run()), 'killed'));
          seen.push(isRunError(await failure(runCommandGens([other.runner])), 'killed'));
          seen.push(yield* shield(cleanup.runner));
          seen.push(await shield(cleanup.runner).run());
          for await (const _ of shield(cleanup.runner));
          seen.push('end');
        }
      },
    ]);
    const rejected = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    for (let i = 1; i <= 3; i++) {
      await until(() => cleanup.starts.length === i);
      cleanup.last.finish(`clean ${i}`);
    }
    t.match(await rejected, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.same(seen, [true, true, true, true, 'settle', true, true, true, 'clean 1', 'clean 2', 'end']);
    t.equal(other.starts.length, 0);
    for (const start of cleanup.starts) t.same(start.calls, []);
  });

  t.test('L4: a catch that swallows ends by return(), then is dropped', async (t) => {
    let yields = 0;
    const h = hand();
    const loop = runCommandGens([
      async function* () {
        for (;;) {
          try {
            yields++;
            yield* h.runner;
          } catch {
            // once more
          }
        }
      },
    ]);
    const rejected = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    t.match(await rejected, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.equal(yields, 1 + 16);
    t.equal(h.starts.length, 1);
  });
});

t.test('readers of a run', async (t) => {
  t.test('two see the same sequence, at their own pace', async (t) => {
    const h = hand();
    const seen: string[][] = [[], []];
    const loop = runCommandGens([
      function* () {
        const run = yield* spawn(h.runner);
        for (const [i, list] of seen.entries())
          void (async () => {
            for await (const event of run) {
              list.push(event.type === 'line' ? event.line : event.type);
              await rounds(i);
            }
          })();
        yield* run.join();
      },
    ]);
    await until(() => h.starts.length === 1);
    for (let i = 0; i < 10; i++) h.last.sink.lines('stdout', [`${i}a`, `${i}b`]);
    h.last.finish();
    await loop;
    await until(() => seen.every((list) => list.at(-1) === 'settle'));
    t.same(seen[0], seen[1]);
    t.equal(seen[0]!.length, 22);
  });

  t.test('leaving a run that one does not own leaves it alone', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner]);
    await until(() => h.starts.length === 1);
    for await (const _ of loop.find('1')!) break;
    await rounds();
    t.same(h.last.calls, []);
    h.last.finish();
    await loop;
  });

  t.test(
    'L5: one that is behind by more than 1,024 events holds the run; by half, and leaving, let it go',
    async (t) => {
      const h = hand();
      const loop = runCommandGens([h.runner]);
      await until(() => h.starts.length === 1);
      const fast = loop.find('1')![Symbol.asyncIterator]();
      const slow = loop.find('1')![Symbol.asyncIterator]();
      await Promise.all([fast.next(), slow.next()]);
      const line = (count: number): void => h.last.sink.lines('stdout', Array<string>(count).fill('x'), count);
      line(1024);
      await rounds();
      t.same(h.last.calls, []);
      line(1);
      await rounds();
      t.same(h.last.calls, ['flow false']);
      for (let i = 0; i < 1025; i++) await fast.next();
      t.same(h.last.calls, ['flow false'], 'the slowest governs');
      for (let i = 0; i < 512; i++) await slow.next();
      t.same(h.last.calls, ['flow false']);
      await slow.next();
      t.same(h.last.calls, ['flow false', 'flow true']);
      line(600);
      await rounds();
      t.same(h.last.calls.slice(2), ['flow false']);
      await slow.return!();
      t.same(h.last.calls.slice(2), ['flow false', 'flow true']);
      h.last.finish();
      await loop;
    },
  );

  t.test('what several runs below say counts together', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner, h.runner]);
    const reader = loop[Symbol.asyncIterator]();
    void reader.next();
    await until(() => h.starts.length === 2);
    for (const start of h.starts) start.sink.lines('stdout', Array<string>(600).fill('x'), 600);
    await rounds();
    t.same(
      h.starts.map((start) => start.calls),
      [[], ['flow false']],
    );
    await reader.return!();
    t.same(h.starts[1]!.calls, ['flow false', 'flow true']);
    for (const start of h.starts) start.finish();
    await loop;
  });
});
