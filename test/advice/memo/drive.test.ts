import t from 'tap';
import { overdue } from '../../../lib/kernel/engine.ts';
import { createRunner, runCommandGens, sleep, type Outcome } from '../../../lib/index.ts';
import { drive } from '../../../lib/advice/memo/drive.ts';
import type { RunRecord } from '../../../lib/kernel/run.ts';
import type { Paced } from '../../../lib/store/paced.ts';

const driven = <T>(work: () => Paced<T>) =>
  createRunner<T>({
    spec: { type: 'driven' },
    start(sink, context) {
      const stop = drive(context as unknown as RunRecord, work(), (outcome: Outcome<T>) => sink.settle(outcome));
      return {
        pause() {},
        play() {},
        kill(by) {
          stop();
          sink.settle({ type: 'killed', by });
        },
      };
    },
  });

t.test('work of many parts lets the others have their turn, and uses no stack', async (t) => {
  let parts = 0;
  const work = function* (): Paced<number> {
    for (const until = performance.now() + 100; performance.now() < until;)
      if (overdue()) {
        parts++;
        yield undefined;
      }
    for (let i = 0; i < 20_000; i++) yield undefined;
    return 7;
  };
  let turns = 0;
  const [value] = await runCommandGens([
    driven(work),
    function* () {
      for (; turns < 5; turns++) yield* sleep(1);
      t.ok(parts < 25, 'long before the work was done');
    },
  ]);
  t.equal(value, 7);
  t.ok(parts >= 5);
});

t.test('promises are answered; what is thrown fails it; a kill ends it where it is', async (t) => {
  const work = function* (): Paced<unknown> {
    const one: unknown = yield Promise.resolve(1);
    try {
      yield Promise.reject(new Error('no'));
    } catch (error) {
      return [one, (error as Error).message];
    }
    return undefined;
  };
  t.same(await driven(work).run(), [1, 'no']);
  const failing = function* (): Paced<void> {
    yield Promise.reject(new Error('told'));
  };
  await t.rejects(driven(failing).run(), { message: 'told' });
  let cleaned = false;
  const loop = runCommandGens([
    driven(function* (): Paced<void> {
      try {
        yield new Promise(() => {});
      } finally {
        cleaned = true;
      }
    }),
  ]);
  await new Promise(setImmediate);
  loop.kill('enough');
  await t.rejects(loop, /killed by enough/);
  t.ok(cleaned);
});
