import t from 'tap';
import { all } from '../../../lib/compose/all.ts';
import { shield } from '../../../lib/compose/shield.ts';
import { join, spawn } from '../../../lib/compose/spawn.ts';
import { createRunner, isRunError, runCommandGens, type Sink } from '../../../lib/kernel/index.ts';
import { failure, hand, immediate, Record, roomy, rounds, until } from '../tools.ts';

const quiet = { pause() {}, play() {}, kill() {} };

t.test('L3: a run settles once, after everything that it started', async (t) => {
  t.test('all but the first settle is ignored, and what is said after it', async (t) => {
    const record = new Record();
    let later!: Sink<number>;
    const twice = createRunner<number>({
      spec: { type: 'twice' },
      start(sink) {
        later = sink;
        sink.settle({ type: 'finished', value: 1 });
        sink.settle({ type: 'finished', value: 2 });
        sink.settle({ type: 'failed', error: new Error('no') });
        sink.lines('stdout', ['late']);
        return quiet;
      },
    });
    const values = await runCommandGens([twice], { onEvent: record.see });
    later.settle({ type: 'failed', error: new Error('no') });
    later.lines('stdout', ['later']);
    later.item(1);
    later.note('later');
    await rounds();
    t.same(values, [1]);
    t.same(record.types('1'), ['start', 'settle']);
    t.same(record.said(), []);
  });

  t.test('a task that returns kills what it has spawned ("parent ended"), and waits for it', async (t) => {
    const h = hand({ stubborn: true });
    const record = new Record();
    const loop = runCommandGens(
      [
        function* () {
          yield* spawn(h.runner);
          return 'done';
        },
      ],
      { onEvent: record.see },
    );
    let settled = false;
    void loop.then(() => (settled = true));
    await until(() => h.starts.length === 1 && h.last.calls.length > 0);
    t.same(h.last.calls, ['kill parent ended']);
    await rounds();
    t.notOk(settled);
    t.match(loop.find('1')?.detail, /waits for the runs that it started/);
    t.notOk(record.types('1').includes('settle'));
    h.last.finish('whatever');
    t.same(await loop, ['done']);
    record.wellFormed();
    t.match(
      record.events.filter((event) => event.type === 'settle').map((event) => event.outcome),
      [{ type: 'finished' }, { type: 'killed', by: 'parent ended' }, { type: 'finished', value: 'done' }],
    );
  });

  t.test('so does one that throws; its error stays', async (t) => {
    const h = hand({ stubborn: true });
    const loop = runCommandGens([
      function* () {
        yield* spawn(h.runner);
        throw new RangeError('mine');
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1 && h.last.calls.length > 0);
    h.last.fail(new Error('not this one'));
    t.match((await error).errors, [{ name: 'RangeError', message: 'mine' }]);
  });

  t.test('any runner: what it started is killed when it settles, shielded runs are waited for', async (t) => {
    const h = hand();
    const s = hand();
    const starter = createRunner<string>({
      spec: { type: 'starter' },
      start(sink, context) {
        context.start(h.runner, {});
        context.start(shield(s.runner), {});
        sink.settle({ type: 'finished', value: 'over' });
        return quiet;
      },
    });
    const loop = runCommandGens([starter]);
    await until(() => s.starts.length === 1);
    await rounds();
    t.same(h.last.calls, ['kill parent ended']);
    t.same(s.last.calls, []);
    t.same(
      loop.list().map((run) => run.id),
      ['1', '1.2', '1.2.1'],
    );
    s.last.finish();
    t.same(await loop, ['over']);
  });

  t.test('a failure of one child of all: the others are killed and waited for', async (t) => {
    const a = hand();
    const b = hand({ stubborn: true });
    const record = new Record();
    const loop = runCommandGens([all({ a: a.runner, b: b.runner })], { onEvent: record.see });
    const error = failure(loop);
    await until(() => b.starts.length === 1);
    a.last.fail(new Error('first'));
    await rounds();
    t.same(b.last.calls, ['kill a sibling failed']);
    t.equal(record.types('1').at(-1), 'start');
    b.last.finish();
    t.match((await error).errors, [{ message: 'first' }]);
    record.wellFormed();
  });

  t.test('a start that throws fails the run; what it had started is killed', async (t) => {
    const h = hand();
    const throws = createRunner({
      spec: { type: 'throws' },
      start(_sink, context) {
        context.start(h.runner, {});
        throw new RangeError('in start');
      },
    });
    t.match((await failure(runCommandGens([throws]))).errors, [{ name: 'RangeError', message: 'in start' }]);
    t.same(h.last.calls, ['kill parent ended']);
  });

  t.test('a kill that throws fails the run', async (t) => {
    const bad = createRunner({
      spec: { type: 'bad' },
      start: () => ({
        ...quiet,
        kill() {
          throw new Error('cannot');
        },
      }),
    });
    const loop = runCommandGens([bad]);
    const error = failure(loop);
    await until(() => loop.list().length === 1);
    loop.kill('me');
    t.match((await error).outcomes, [{ type: 'killed', by: 'me', cause: { message: 'cannot' } }]);
  });
});

t.test('each end is told once, also of one that ends with its last child while it is being started', async (t) => {
  const told: string[] = [];
  const busy = hand({ slot: true });
  const ends = createRunner({
    spec: { type: 'ends' },
    start(sink, context) {
      context.start(busy.runner, {}); // waits for a slot
      sink.settle({ type: 'finished', value: undefined });
      return quiet;
    },
  });
  const loop = runCommandGens(
    [
      busy.runner,
      createRunner<void>({
        spec: { type: 'teller' },
        start(sink, context) {
          context.start(ends, { settle: (outcome) => void told.push(outcome.type) });
          setImmediate(() => sink.settle({ type: 'finished', value: undefined }));
          return quiet;
        },
      }),
    ],
    { slots: 1, spawner: roomy() },
  );
  await until(() => loop.list().length === 1);
  t.same(told, ['finished']);
  busy.last.finish();
  t.equal((await loop).length, 2);
});

t.test('L7: spawned runs', async (t) => {
  t.test('spawn gives a Run at once; join its value', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      function* () {
        const run = yield* spawn<number>(h.runner);
        h.last.finish(7);
        return [(yield* run.join()) as number, yield* join(run), run.state];
      },
    ]);
    t.same(await loop, [[7, 7, { type: 'finished', value: 7 }]]);
  });

  t.test('one that fails while nobody joins it: the error at the current yield, the others killed', async (t) => {
    for (const kind of ['sync', 'async', 'async, yield*', 'for await']) {
      const fails = hand();
      const other = hand();
      const waits = hand();
      let caught: unknown;
      const body =
        kind === 'sync'
          ? function* () {
              yield* spawn(fails.runner);
              yield* spawn(other.runner);
              try {
                yield* waits.runner;
              } catch (error) {
                caught = error;
              }
              return 'went on';
            }
          : async function* () {
              yield* spawn(fails.runner);
              yield* spawn(other.runner);
              try {
                if (kind === 'async') yield waits.runner;
                else if (kind === 'async, yield*') yield* waits.runner;
                else for await (const _ of waits.runner);
              } catch (error) {
                caught = error;
              }
              return 'went on';
            };
      const loop = runCommandGens<unknown>([body]);
      await until(() => waits.starts.length === 1);
      await rounds();
      const error = new RangeError('of the spawned');
      fails.last.fail(error);
      t.same(await loop, ['went on'], kind);
      t.equal(caught, error, kind);
      t.same(other.last.calls, ['kill a spawned run failed']);
      t.same(waits.last.calls, ['kill a spawned run failed']);
    }
  });

  t.test('one that fails while its parent awaits something else: the error at the next yield', async (t) => {
    for (const kind of ['yield', 'yield*', 'for await'] as const) {
      const fails = hand();
      const waits = hand();
      const body = async function* () {
        yield* spawn(fails.runner);
        fails.last.fail(new RangeError('of the spawned'));
        await rounds();
        try {
          if (kind === 'yield') yield waits.runner;
          else if (kind === 'yield*') yield* waits.runner;
          else {
            for await (const _ of waits.runner);
            yield* immediate(1); // what it reads it has begun by itself; this is its yield
          }
        } catch (error) {
          return (error as Error).message;
        }
        return 'no error';
      };
      const loop = runCommandGens<unknown>([body]);
      if (kind === 'for await') {
        await until(() => waits.starts.length === 1);
        waits.last.finish();
      }
      t.same(await loop, ['of the spawned'], kind);
      t.ok(
        waits.starts.every(({ settled }) => settled),
        'nothing of it runs on',
      );
    }
  });

  t.test('is the failure of the task that does not catch it, or has no yield left', async (t) => {
    const fails = hand();
    const waits = hand();
    const loop = runCommandGens([
      function* () {
        yield* spawn(fails.runner);
        yield* waits.runner;
      },
      async function* () {
        yield* spawn(fails.runner);
        await rounds(20);
      },
    ]);
    const error = failure(loop);
    await until(() => fails.starts.length === 2);
    for (const start of fails.starts) start.fail(new RangeError('unheard'));
    t.match((await error).errors, [
      { name: 'RangeError', message: 'unheard' },
      { name: 'RangeError', message: 'unheard' },
    ]);
  });

  t.test('one that fails while it is joined: only the join throws', async (t) => {
    const fails = hand();
    const other = hand();
    const loop = runCommandGens([
      function* () {
        const run = yield* spawn(fails.runner);
        const beside = yield* spawn(other.runner);
        try {
          yield* run.join();
        } catch (error) {
          other.last.finish('unharmed');
          return [(error as Error).message, yield* beside.join()];
        }
      },
    ]);
    await until(() => loop.list().some((run) => run.spec.type === 'join'));
    fails.last.fail(new Error('joined'));
    t.same(await loop, [['joined', 'unharmed']]);
  });

  t.test('a task below may join a run of a task above', async (t) => {
    const fails = hand();
    const loop = runCommandGens([
      function* () {
        const run = yield* spawn(fails.runner);
        return yield* all([
          function* () {
            try {
              yield* run.join();
            } catch (error) {
              return (error as Error).message;
            }
          },
        ]);
      },
    ]);
    await until(() => loop.list().some((run) => run.spec.type === 'join'));
    fails.last.fail(new Error('heard below'));
    t.same(await loop, [['heard below']]);
  });

  t.test('joining one that was killed fails with the kill; the parent is not killed by that', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      function* () {
        const run = yield* spawn(h.runner);
        run.kill('me');
        try {
          yield* run.join();
        } catch (error) {
          return isRunError(error, 'killed') && error.message;
        }
      },
    ]);
    t.match(await loop, [/killed by me/]);
  });

  t.test('killed and not joined it is no failure', async (t) => {
    const h = hand();
    t.same(
      await runCommandGens([
        function* () {
          const run = yield* spawn(h.runner);
          run.kill();
          yield* immediate(1);
          return 'fine';
        },
      ]),
      ['fine'],
    );
  });

  t.test('an immediate failure of a spawned run comes at the yield of the spawn', async (t) => {
    const loop = runCommandGens([
      function* () {
        try {
          yield* spawn(function* () {
            throw new Error('at once');
          });
        } catch (error) {
          return (error as Error).message;
        }
      },
    ]);
    t.same(await loop, ['at once']);
  });
});

t.test('a runner whose sink throws at the settle of its child has failed, whatever it makes of the kill', async (t) => {
  const h = hand();
  const error = new RangeError('its own');
  const broken = createRunner<never>({
    spec: { type: 'broken' },
    start(_sink, context) {
      const child = context.start(h.runner, {
        settle() {
          throw error;
        },
      });
      return { ...quiet, kill: (by) => child.kill(by) };
    },
  });
  const rejected = failure(broken.run());
  await until(() => h.starts.length === 1);
  h.last.finish(1);
  t.equal(await rejected, error);
});
