import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, hand, immediate, Record, roomy, rounds, until } from './tools.ts';

const gen = function* <T>(value: T) {
  return yield* immediate(value);
};

t.test('the handle', async (t) => {
  t.test('is awaitable, and no Promise', async (t) => {
    const loop = runCommandGens([gen(1)]);
    t.notOk(loop instanceof Promise);
    t.same(await Promise.all([loop, loop.then((values) => values.length), loop.finally(() => {})]), [[1], 1, [1]]);
    t.equal(String(Object.prototype.toString.call(loop)), '[object Loop]');
  });

  t.test('iteration gives all events and ends; with the error of one that failed', async (t) => {
    const types: string[] = [];
    for await (const event of runCommandGens([gen(1)])) types.push(`${event.run} ${event.type}`);
    t.same(types, ['1 start', '1.1 start', '1.1 settle', '1 settle']);
    const error = await failure(
      (async () => {
        for await (const _ of runCommandGens([5 as never]));
      })(),
    );
    t.match(error, { name: 'AggregateError' });
  });

  t.test('late iteration begins with what is kept, also after the end', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner]);
    await until(() => h.starts.length === 1);
    h.last.sink.lines('stdout', ['early']);
    await rounds();
    h.last.finish();
    await loop;
    const events: Event[] = [];
    for await (const event of loop) events.push(event);
    t.match(events, [{ type: 'start' }, { type: 'line', line: 'early' }, { type: 'settle' }]);
  });

  t.test('leaving an iteration leaves the loop alone', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner]);
    for await (const _ of loop) break;
    await rounds();
    t.same(h.last.calls, []);
    h.last.finish(1);
    t.same(await loop, [1]);
  });

  t.test('pause and play', async (t) => {
    const clock = fakeClock();
    const loop = runCommandGens([sleep('10s')], { clock });
    let over = false;
    void loop.then(() => (over = true));
    await clock.advance('4s');
    loop.pause();
    await clock.advance('1h');
    t.notOk(over);
    loop.play();
    await clock.advance('5999ms');
    t.notOk(over);
    await clock.advance('1ms');
    t.ok(over);
  });

  t.test('list: each before those that it started', async (t) => {
    const h = hand();
    const loop = runCommandGens([all([all([h.runner])]), h.runner]);
    await until(() => h.starts.length === 2);
    t.same(
      loop.list().map((run) => `${run.id} ${run.label}`),
      ['1 all', '1.1 all', '1.1.1 hand', '2 hand'],
    );
    for (const start of h.starts) start.finish();
    await loop;
    t.same(loop.list(), []);
  });
});

t.test('a loop inside a task is a part of it', async (t) => {
  const record = new Record();
  const h = hand({ slot: true });
  const inner: string[] = [];
  const loop = runCommandGens(
    [
      async function* () {
        const values = await runCommandGens([h.runner, h.runner], { onEvent: (event) => inner.push(event.type) });
        return values;
      },
    ],
    { slots: 1, spawner: roomy(), onEvent: record.see, secrets: ['hidden'] },
  );
  await until(() => h.starts.length === 1);
  await rounds();
  t.equal(h.starts.length, 1);
  h.last.sink.lines('stdout', ['hidden line']);
  h.last.finish('a');
  await until(() => h.starts.length === 2);
  h.last.finish('b');
  t.same(await loop, [['a', 'b']]);
  t.ok(inner.includes('line'));
  t.same(record.said(), [['stdout', '*** line']]);
  record.wellFormed();

  const killed = hand();
  const outer = runCommandGens([
    async function* () {
      await runCommandGens([killed.runner]);
    },
  ]);
  const rejected = failure(outer);
  await until(() => killed.starts.length === 1);
  outer.kill('me');
  t.match(await rejected, { reason: { by: 'me' } });
  t.same(killed.last.calls, ['kill me']);
});
