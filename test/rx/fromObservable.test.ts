import { from, map, Observable, of, Subject, throwError } from 'rxjs';
import t from 'tap';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { fromObservable } from '../../lib/rx/index.ts';
import { contract } from '../../lib/testing/contract.ts';
import { brief, like, settleDown, value } from '../support.ts';

contract(t, 'fromObservable', () => ({
  runner: () => fromObservable(of(1, 2, 3)),
  endless: () => fromObservable(new Subject()),
  failing: () => fromObservable(throwError(() => new RangeError('no'))),
  check: (given) => t.equal(given, 3),
}));

t.test('items, last value, unsubscribing', async (t) => {
  const subject = new Subject<number>();
  const items: unknown[] = [];
  const loop = runCommandGens([fromObservable(subject)], {
    onEvent: (event) => void (event.type === 'item' && items.push(event.item)),
  });
  await settleDown();
  subject.next(1);
  loop.pause();
  await settleDown();
  subject.next(2);
  await settleDown();
  t.same(items, [1]);
  loop.play();
  subject.next(3);
  subject.complete();
  t.same(await loop, [3]);
  t.same(items, [1, 2, 3]);
  const flood = runCommandGens([
    fromObservable(subject.constructor === Subject ? from(Array(10).keys()) : of(1), { limit: 3 }),
  ]);
  t.same(await flood, [9], 'no limit while readers keep up');
});

t.test('L5: a source that cannot wait, and a reader that is behind', async (t) => {
  const source = (): { subject: Subject<number>; flood(): void } => {
    const subject = new Subject<number>();
    return { subject, flood: () => [...Array(2000).keys()].forEach((n) => subject.next(n)) };
  };
  const failing = source();
  const loop = runCommandGens([fromObservable(failing.subject, { limit: 3 })]);
  const reader = loop[Symbol.asyncIterator]();
  await reader.next();
  failing.flood();
  await settleDown();
  t.ok(failing.subject.observed, 'within what a reader may be behind, and the limit');
  for (const n of [1, 2, 3, 4]) failing.subject.next(n);
  t.notOk(failing.subject.observed);
  for (let next = reader.next(); ; next = reader.next()) if ((await next.catch(() => ({ done: true }))).done) break;
  await t.rejects(loop, like({ errors: [{ reason: { type: 'overflow', stream: 'items', limit: 3 } }] }));

  const dropping = source();
  const events: Event[] = [];
  const other = runCommandGens([fromObservable(dropping.subject, { limit: 3, policy: 'drop-oldest' })]);
  const slow = other[Symbol.asyncIterator]();
  await slow.next();
  dropping.flood();
  await settleDown();
  for (const n of [1, 2, 3, 4, 5]) dropping.subject.next(n);
  dropping.subject.complete();
  for await (const event of slow) events.push(event);
  t.same(brief(events.slice(2000)), [
    'note 1 2 items are gone: the readers were behind',
    'item 1',
    'item 1',
    'item 1',
    'settle 1 finished',
  ]);
  t.same(await other, [5]);
});

t.test('what it is given at once, or once it is over, ends with the subscription', async (t) => {
  let torn = 0;
  const endless = new Observable<number>((subscriber) => {
    for (let n = 0; !subscriber.closed && n < 10_000; n++) {
      subscriber.next(n);
      if (n === 5) subscriber.error(new RangeError('midway'));
    }
    return () => torn++;
  });
  await t.rejects(fromObservable(endless).run(), new RangeError('midway'));
  t.equal(torn, 1);
  t.throws(() => fromObservable(3 as never), /fromObservable: expected an Observable/);
  t.throws(() => fromObservable(of(1), { size: 3 } as never), /fromObservable: unknown option size; known are limit/);
  t.throws(() => fromObservable(of(1), { policy: 'wait' as never }), /fromObservable: unknown policy wait/);
  t.throws(() => fromObservable(of(1), { limit: NaN }), /fromObservable: limit NaN/);
  t.match(fromObservable(of(1), { label: 'ticks' }).label, 'ticks');
});

t.test('Observables as sources of generators', async (t) => {
  const steps = of(1, 2, 3).pipe(map((n) => value(n)));
  t.same(await runCommandGens(steps as never), [1, 2, 3]);
  t.same(await runCommandGens<any>(fromObservable(steps)), [1, 2, 3]);
  t.match(await runCommandGens([fromObservable(of(1, 2))]), [2], 'in a list it is a runner');
  await t.rejects(
    runCommandGens(throwError(() => new RangeError('source')) as never),
    like({ errors: [new RangeError('source')] }),
  );
  const subject = new Subject<ReturnType<typeof value<number>>>();
  const loop = runCommandGens(subject as never);
  await settleDown();
  t.ok(subject.observed);
  subject.next(value(7));
  await settleDown();
  loop.kill('enough');
  await t.rejects(loop, like({ reason: { type: 'killed' } }));
  t.notOk(subject.observed, 'a killed loop unsubscribes');
});
