import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { shield } from '../../lib/compose/shield.ts';
import { join, spawn } from '../../lib/compose/spawn.ts';
import { createRunner, isRunError, runCommandGens, type Run, type Sink } from '../../lib/kernel/index.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, hand, immediate, Record, roomy, rounds, until } from './tools.ts';

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

t.test('what is seen of a run', async (t) => {
  t.test('ids are paths: keys of records, else ordinals', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      function* () {
        yield* immediate(0);
        yield* all({ db: all([h.runner]), 'web.1': h.runner });
      },
      h.runner,
    ]);
    await until(() => h.starts.length === 3);
    t.same(
      loop.list().map((run) => run.id),
      ['1', '1.2', '1.2.db', '1.2.db.1', '1.2.web.1', '2'],
    );
    t.equal(loop.find('1.2.db.1')?.spec.type, 'hand');
    t.equal(loop.find('1.1'), undefined);
    for (const start of h.starts) start.finish();
    await loop;
    t.equal(loop.find('1'), undefined);
  });

  t.test('state, since, lastLine, detail', async (t) => {
    const clock = fakeClock();
    const h = hand();
    const loop = runCommandGens(
      [
        function* () {
          yield* h.runner;
        },
      ],
      { clock },
    );
    const loose = failure(loop);
    await clock.advance(5);
    const [task, run] = loop.list() as [Run, Run];
    t.same(task.state, { type: 'waiting', on: '1.1' });
    t.same(run.state, { type: 'running' });
    t.equal(task.since, 1e12);
    t.match(task.detail, /waits for 1\.1 \(hand\)/);
    t.equal(run.detail, 'held by a test');
    t.equal(run.lastLine, undefined);
    h.last.sink.lines('stdout', ['one', 'two']);
    await rounds();
    t.equal(run.lastLine, 'two');
    loop.pause();
    await rounds();
    t.same(task.state, { type: 'paused', from: 'waiting' });
    t.same(run.state, { type: 'paused', from: 'running' });
    loop.play();
    run.kill('me');
    await loose;
    t.same(run.state, { type: 'killed', by: 'me' });
    t.match(task.state, { type: 'failed', error: { message: /hand: was killed by me/ } });
  });

  t.test('events have the times of the clock', async (t) => {
    const clock = fakeClock({ now: 1000 });
    const record = new Record();
    const h = hand();
    const loop = runCommandGens([h.runner], { clock, onEvent: record.see });
    await clock.advance(40);
    h.last.finish();
    await loop;
    t.match(record.events, [
      { type: 'start', run: '1', at: 1000, label: 'hand', spec: { type: 'hand' } },
      { type: 'settle', run: '1', at: 1040, ms: 40 },
    ]);
  });
});

t.test('pause and play', async (t) => {
  t.test('reach everything below once; nothing is delivered, nothing lost, order kept', async (t) => {
    const record = new Record();
    const h = hand();
    const loop = runCommandGens(
      [
        function* () {
          return yield* all([h.runner, h.runner]);
        },
      ],
      { onEvent: record.see },
    );
    await until(() => h.starts.length === 2);
    const [a, b] = h.starts as [typeof h.last, typeof h.last];
    loop.pause();
    loop.pause();
    loop.find('1')?.pause();
    await rounds();
    a.sink.lines('stdout', ['1']);
    a.sink.note('2');
    a.sink.item(3);
    a.sink.lines('stderr', ['4']);
    a.finish('a');
    b.finish('b');
    await rounds();
    t.same(record.said(), []);
    loop.play();
    await rounds();
    t.same(record.said(), []); // the task itself is still paused
    loop.find('1')?.play();
    t.same(await loop, [['a', 'b']]);
    t.same(record.said(), [['stdout', '1'], 3, ['stderr', '4']]);
    t.same(record.delivered, []);
    t.same(a.calls, ['pause', 'play']);
    t.same(record.types('1.1.1'), ['start', 'pause', 'play', 'line', 'note', 'item', 'line', 'settle']);
    record.wellFormed();
  });

  t.test('a kill goes through a pause, and plays first', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      function* () {
        yield* h.runner;
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.pause();
    await rounds();
    loop.kill('me');
    await error;
    t.same(h.last.calls, ['pause', 'play', 'kill me']);
  });

  t.test('a pause after a kill does not hold up the end', async (t) => {
    const h = hand({ stubborn: true });
    const loop = runCommandGens([
      function* () {
        yield* h.runner;
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.find('1.1')!.kill('me');
    await rounds();
    loop.pause();
    await rounds();
    loop.kill('all');
    await rounds();
    h.last.finish();
    t.match(await error, { reason: { by: 'all' } });
    t.same(h.last.calls, ['kill me']);
  });

  t.test('of a run that has not begun nothing is told', async (t) => {
    const h = hand({ slot: true });
    const record = new Record();
    const loop = runCommandGens([h.runner, h.runner], { slots: 1, spawner: roomy(), onEvent: record.see });
    await until(() => loop.list().length === 2);
    loop.pause();
    await rounds();
    t.same(loop.find('2')!.state, { type: 'paused', from: 'created' });
    loop.play();
    await rounds();
    h.last.finish();
    await until(() => h.starts.length === 2);
    h.last.finish();
    await loop;
    t.same(record.types('2'), ['start', 'settle']);
  });

  t.test('one run can be paused alone', async (t) => {
    const clock = fakeClock();
    const h = hand();
    const loop = runCommandGens([h.runner, h.runner], { clock });
    await until(() => h.starts.length === 2);
    loop.find('1')!.pause();
    await rounds();
    h.starts[0]!.finish(1);
    h.starts[1]!.finish(2);
    await rounds();
    t.same(
      loop.list().map((run) => run.id),
      ['1'],
    );
    loop.find('1')!.play();
    t.same(await loop, [1, 2]);
  });
});

t.test('send and end', async (t) => {
  t.test(
    'reach the runner, also what was sent before it began; after its end they are lost without harm',
    async (t) => {
      const h = hand();
      const loop = runCommandGens([
        function* () {
          const run = yield* spawn(h.runner);
          run.send('a');
          run.send('b');
          run.end();
          yield* run.join();
          run.send('too late');
          run.end();
        },
      ]);
      await until(() => h.starts.length === 1 && h.last.calls.length === 3);
      t.same(h.last.calls, ['send a', 'send b', 'end']);
      h.last.finish();
      await loop;
    },
  );

  t.test('to what takes nothing it is a failure', async (t) => {
    const mute = createRunner({ spec: { type: 'mute' }, start: () => quiet });
    const error = await failure(
      runCommandGens([
        function* () {
          const run = yield* spawn(
            createRunner({
              ...mute.traits,
              spec: { type: 'mute' },
              start: (sink) => ({ ...quiet, kill: (by) => sink.settle({ type: 'killed', by }) }),
            }),
          );
          run.send('x');
          yield* run.join();
        },
      ]),
    );
    t.match(error.errors, [{ reason: { type: 'closed' }, message: /nothing can be sent to a mute/ }]);
  });
});

t.test('L5: back-pressure', async (t) => {
  t.test('a run is held while its undelivered reports exceed 256 KiB', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner]);
    await until(() => h.starts.length === 1);
    const { sink, calls } = h.last;
    sink.lines('stdout', ['x'], 200 * 1024);
    t.same(calls, []);
    sink.lines('stdout', ['x'], 57 * 1024);
    t.same(calls, ['flow false']);
    await rounds();
    t.same(calls, ['flow false', 'flow true']);
    h.last.finish();
    await loop;
  });

  t.test('while it is paused they stay undelivered, so it is held', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner]);
    await until(() => h.starts.length === 1);
    loop.pause();
    await rounds();
    h.last.sink.lines('stdout', ['x'], 300 * 1024);
    await rounds();
    t.same(h.last.calls, ['pause', 'flow false']);
    loop.play();
    await rounds();
    t.same(h.last.calls, ['pause', 'flow false', 'play', 'flow true']);
    h.last.finish();
    await loop;
  });
});

t.test('what a runner says inside its own start is in order with the rest', async (t) => {
  const record = new Record();
  const says = createRunner<number>({
    spec: { type: 'says' },
    start(sink) {
      sink.lines('stdout', ['1']);
      sink.note('2');
      sink.item(3);
      sink.lines('stdout', []);
      setImmediate(() => {
        sink.lines('stdout', ['4']);
        sink.settle({ type: 'finished', value: 5 });
      });
      return quiet;
    },
  });
  t.same(await runCommandGens([says], { onEvent: record.see }), [5]);
  t.same(record.types('1'), ['start', 'line', 'note', 'item', 'line', 'settle']);
});

t.test("the runner's own callbacks get each report of lines before it is announced", async (t) => {
  const order: string[] = [];
  const delivers = createRunner<void>({
    spec: { type: 'delivers' },
    start(sink) {
      sink.lines('stdout', ['a', 'b']);
      sink.item('i');
      setImmediate(() => sink.settle({ type: 'finished', value: undefined }));
      return {
        ...quiet,
        deliver: (stream, lines) => void order.push(`${stream} ${lines.join()}`),
        deliverItem: (item) => void order.push(`item ${String(item)}`),
      };
    },
  });
  await runCommandGens([delivers], {
    onEvent(event) {
      if (event.type === 'line') order.push(`event ${event.line}`);
      if (event.type === 'item') order.push('event item');
    },
  });
  t.same(order, ['stdout a,b', 'event a', 'event b', 'item i', 'event item']);
});
