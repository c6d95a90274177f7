import t from 'tap';
import { all } from '../../../lib/compose/all.ts';
import { runCommandGens } from '../../../lib/kernel/index.ts';
import { fakeClock } from '../../../lib/testing/clock.ts';
import { failure, hand, Record, roomy, rounds, until } from '../tools.ts';

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
