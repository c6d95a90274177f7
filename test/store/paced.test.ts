import t from 'tap';
import { overdue } from '../../lib/kernel/engine.ts';
import { atOnce, atOnceInPlace, type Paced } from '../../lib/store/paced.ts';

t.test('what it waits for is answered, also with an error', async (t) => {
  const work = function* (): Paced<unknown[]> {
    const one: unknown = yield Promise.resolve(1);
    let two: unknown;
    try {
      yield Promise.reject(new Error('no'));
    } catch (error) {
      two = (error as Error).message;
    }
    const three: unknown = yield undefined;
    return [one, two, three];
  };
  t.same(await atOnce(work()), [1, 'no', undefined]);
  await t.rejects(
    atOnce(
      (function* (): Paced<void> {
        yield Promise.reject(new Error('told'));
      })(),
    ),
    { message: 'told' },
  );
});

t.test('a part is over after a while, and others get their turn', async (t) => {
  let turns = 0;
  let others = 0;
  let over = false;
  const other = (): void => {
    others++;
    if (!over) setImmediate(other);
  };
  setImmediate(other);
  await atOnce(
    (function* (): Paced<void> {
      for (const until = performance.now() + 60; performance.now() < until;)
        if (overdue()) {
          turns++;
          yield undefined;
        }
    })(),
  );
  over = true;
  t.ok(turns >= 5, `${turns} parts`);
  t.ok(others >= turns - 1);
});

t.test('in place is for what waits for nothing', async (t) => {
  t.equal(
    atOnceInPlace(
      (function* (): Paced<number> {
        return 1;
      })(),
    ),
    1,
  );
  t.throws(
    () =>
      atOnceInPlace(
        (function* (): Paced<void> {
          yield undefined;
        })(),
      ),
    { message: 'this work has to wait' },
  );
});
