import { concatMap, map, Observable, of, Subject, throwError } from 'rxjs';
import t from 'tap';
import { emit } from '../../lib/compose/note.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { lines$, observe, toIterable } from '../../lib/rx/index.ts';
import { like, settleDown } from '../support.ts';

t.test('waits, fails or drops', async (t) => {
  const seen: string[] = [];
  for await (const line of toIterable(lines$(program('seq 3')))) seen.push(line);
  t.same(seen, ['1', '2', '3']);

  const emitting = function* () {
    for (let i = 0; i < 5000; i++) yield* emit(i);
  };
  let count = 0;
  for await (const event of toIterable(observe(runCommandGens([emitting])))) if (event.type === 'item') count++;
  t.equal(count, 5000, 'wait: nothing is lost');

  const subject = new Subject<number>();
  const dropping = toIterable(subject, { limit: 2, policy: 'drop-oldest' })[Symbol.asyncIterator]();
  const first = dropping.next();
  for (let i = 1; i <= 5; i++) subject.next(i);
  t.same(await first, { value: 1, done: false });
  t.same(await dropping.next(), { value: 4, done: false });
  await dropping.return?.();
  t.notOk(subject.observed);

  const failing = toIterable(subject, { limit: 2, policy: 'fail' })[Symbol.asyncIterator]();
  const one = failing.next();
  for (let i = 1; i <= 5; i++) subject.next(i);
  t.same([(await one).value, (await failing.next()).value, (await failing.next()).value], [1, 2, 3]);
  await t.rejects(failing.next(), like({ reason: { type: 'overflow', limit: 2 } }));
  t.same(await failing.next(), { value: undefined, done: true });

  t.throws(() => toIterable(of(1), { policy: 'wait' }), /cannot be made to wait/);
  const errors = toIterable(of(1).pipe(concatMap(() => throwError(() => new RangeError('x')))))[Symbol.asyncIterator]();
  await t.rejects(errors.next(), new RangeError('x'));
});

t.test("'wait' makes the source wait", async (t) => {
  let emitted = 0;
  const loop = runCommandGens([
    function* () {
      for (; emitted < 100_000; emitted++) yield* emit(emitted);
    },
  ]);
  const values = toIterable(observe(loop))[Symbol.asyncIterator]();
  await values.next();
  await settleDown();
  t.ok(emitted < 5000, `${emitted} were emitted before the reader read`);
  loop.kill();
  await values.return?.();
  await t.rejects(loop);
});

t.test('one that gives everything while it is subscribed to ends at the limit', async (t) => {
  let given = 0;
  const endless = new Observable<number>((subscriber) => {
    while (!subscriber.closed && given < 10_000) subscriber.next(given++);
  });
  const values: number[] = [];
  const reading = async (): Promise<void> => {
    for await (const value of toIterable(endless, { limit: 3 })) values.push(value);
  };
  await t.rejects(
    reading(),
    like({ message: /^toIterable: gave more than 3 items that its readers have not taken/, reason: { limit: 3 } }),
  );
  t.ok(values.length <= 4);
  t.equal(given, 5, 'one was waited for, three are kept');
});

t.test('what it can not do is told at the call', async (t) => {
  t.throws(
    () => toIterable(of(1), { buffer: 5 } as never),
    /toIterable: unknown option buffer; known are limit, policy/,
  );
  t.throws(() => toIterable(3 as never), /toIterable: expected an Observable/);
  t.throws(() => toIterable(of(1), { limit: 0 }), /toIterable: limit 0 is no number of values/);
  t.throws(() => toIterable(of(1), { policy: 'hope' as never }), /unknown policy hope/);
  t.throws(
    () => toIterable(lines$(program('true')).pipe(map(String)), { policy: 'wait' }),
    /without operators behind\); choose 'drop-oldest' or 'fail'/,
  );
});

t.test('it begins with the first next; two that wait are both answered', async (t) => {
  const subject = new Subject<number>();
  const values = toIterable(subject)[Symbol.asyncIterator]();
  t.notOk(subject.observed);
  const both = [values.next(), values.next()];
  subject.next(1);
  subject.complete();
  t.same(await Promise.all(both), [
    { value: 1, done: false },
    { value: undefined, done: true },
  ]);
});
