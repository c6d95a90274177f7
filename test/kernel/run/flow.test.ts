import t from 'tap';
import { runCommandGens } from '../../../lib/kernel/index.ts';
import { hand, rounds, until } from '../tools.ts';

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
