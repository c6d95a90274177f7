import t from 'tap';
import { drive } from '../../../lib/advice/memo/drive.ts';
import { overdue } from '../../../lib/kernel/engine.ts';
import { createRunner, runCommandGens, type Outcome } from '../../../lib/kernel/index.ts';
import type { RunRecord } from '../../../lib/kernel/run.ts';
import type { Paced } from '../../../lib/store/paced.ts';
import { sleep } from '../../../lib/runners/sleep.ts';
import { settleDown } from '../../support.ts';

/** Drives work in a run of its own; `stop` ends it. */
async function driven<T>(work: (cleaned: () => void) => Paced<T>, act?: (stop: () => void) => void) {
  let cleaned = 0;
  let outcome: Outcome<T> | undefined;
  await runCommandGens([
    createRunner<void>({
      spec: { type: 'x' },
      start(sink, context) {
        const stop = drive(
          context as unknown as RunRecord,
          work(() => cleaned++),
          (given) => {
            outcome = given;
            sink.settle({ type: 'finished', value: undefined });
          },
        );
        if (act !== undefined)
          void settleDown().then(() => {
            act(stop);
            sink.settle({ type: 'finished', value: undefined });
          });
        return { pause() {}, play() {}, kill() {} };
      },
    }),
  ]);
  return { outcome, cleaned };
}

t.test('work at once, in parts, with promises that are answered or thrown', async (t) => {
  t.match(
    await driven(function* () {
      return 1;
    }),
    { outcome: { type: 'finished', value: 1 } },
  );
  t.match(
    await driven(function* (): Paced<unknown> {
      yield undefined;
      const two = (yield Promise.resolve(2)) as number;
      try {
        yield Promise.reject(new Error('three'));
      } catch (error) {
        return [two, (error as Error).message];
      }
      return undefined;
    }),
    { outcome: { type: 'finished', value: [2, 'three'] } },
  );
  t.match(
    await driven(function* () {
      yield undefined;
      throw new RangeError('x');
    }),
    { outcome: { type: 'failed', error: { message: 'x' } } },
  );
  t.match(
    await driven(function* () {
      throw 'text' as never;
    }),
    { outcome: { type: 'failed', error: Error } },
  );
});

t.test('work that is stopped is cleaned up once and tells nothing', async (t) => {
  const work = function* (cleaned: () => void): Paced<void> {
    try {
      yield new Promise(() => {});
    } finally {
      cleaned();
    }
  };
  t.same(await driven(work, (stop) => (stop(), stop())), { outcome: undefined, cleaned: 1 });
});

t.test('work of many parts lets the others have their turn, and uses no stack', async (t) => {
  let parts = 0;
  const work = function* (): Paced<number> {
    while (parts < 40)
      if (overdue()) {
        parts++;
        yield undefined;
      }
    for (let i = 0; i < 20_000; i++) yield undefined;
    return 7;
  };
  const working = driven(work);
  await runCommandGens([
    function* () {
      for (let turns = 0; turns < 5; turns++) yield* sleep(1);
    },
  ]);
  t.ok(parts < 40, 'before the work was done');
  t.match(await working, { outcome: { type: 'finished', value: 7 } });
});
