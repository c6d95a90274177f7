import t from 'tap';
import { all } from '../../../lib/compose/all.ts';
import { runCommandGens, type Run } from '../../../lib/kernel/index.ts';
import { fakeClock } from '../../../lib/testing/clock.ts';
import { failure, hand, immediate, Record, rounds, until } from '../tools.ts';

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
