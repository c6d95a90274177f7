import t from 'tap';
import { runCommandGens, type Loop, type Run, type Runnable } from '../../lib/kernel/index.ts';
import { all } from '../../lib/compose/all.ts';
import { race } from '../../lib/compose/race.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { failure, hand, rounds, until } from './tools.ts';

t.test('run.next() gives lines and items, one at a time, then undefined', async (t) => {
  const h = hand();
  const seen: unknown[] = [];
  const loop = runCommandGens([
    h.runner,
    function* () {
      const run = loop.find('1')!;
      for (;;) {
        const next: unknown = yield* run.next();
        seen.push(next);
        if (next === undefined) return;
      }
    },
  ]) as Loop<unknown[]>;
  await until(() => h.starts.length === 1);
  h.last.sink.lines('stdout', ['a', 'b']);
  h.last.sink.note('no line');
  h.last.sink.item({ x: 1 });
  await rounds();
  h.last.sink.lines('stderr', ['c']);
  h.last.finish();
  await loop;
  t.same(seen, [
    { stream: 'stdout', line: 'a' },
    { stream: 'stdout', line: 'b' },
    { item: { x: 1 } },
    { stream: 'stderr', line: 'c' },
    undefined,
  ]);
});

t.test('two that hear of a line in the same turn: the one that is killed gives its line back', async (t) => {
  const [a, b] = [hand(), hand()];
  const seen: unknown[] = [];
  const loop = runCommandGens([
    a.runner,
    b.runner,
    function* () {
      const [first, second] = [loop.find('1')!, loop.find('2')!];
      const won: { value: unknown } = yield* race({ first: first.next(), second: second.next() });
      seen.push(won.value, yield* second.next(), yield* second.next());
    },
  ]) as Loop<unknown[]>;
  await until(() => a.starts.length === 1 && b.starts.length === 1);
  await rounds();
  a.last.sink.lines('stdout', ['of the first']);
  b.last.sink.lines('stdout', ['of the second']);
  await rounds();
  a.last.finish();
  b.last.finish();
  await loop;
  t.same(seen, [{ stream: 'stdout', line: 'of the first' }, { stream: 'stdout', line: 'of the second' }, undefined]);
});

t.test('a run that is joined by itself, or from below, would wait for ever: a TypeError', async (t) => {
  const within = (join: (run: Run) => Runnable<unknown>) =>
    function* () {
      const itself: Run = yield* spawn(function* () {
        yield* sleep(1);
        yield join(itself);
      });
      yield* itself.join();
    };
  const error = { message: /can't be waited for by itself or what it has started/ };
  for (const main of [within((run) => run.join()), within((run) => all([run.join(), sleep(Infinity)]))])
    t.match((await failure(runCommandGens([main]))).errors, [error]);
});
