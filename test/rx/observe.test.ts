import {
  bufferCount,
  concatMap,
  firstValueFrom,
  from,
  groupBy,
  lastValueFrom,
  map,
  mergeMap,
  of,
  take,
  throwError,
  toArray,
} from 'rxjs';
import { Subject } from 'rxjs';
import t from 'tap';
import { emit } from '../../lib/compose/note.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { isRunError, runCommandGens, type Event, type Run } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fromObservable, lines$, observe, toIterable } from '../../lib/rx/index.ts';
import { contract } from '../../lib/testing/contract.ts';
import { brief, driven, like, settleDown, value } from '../support.ts';

contract(t, 'fromObservable', () => ({
  runner: () => fromObservable(of(1, 2, 3)),
  endless: () => fromObservable(new Subject()),
  failing: () => fromObservable(throwError(() => new RangeError('no'))),
  check: (given) => t.equal(given, 3),
}));

const escaped: unknown[] = [];
process.on('uncaughtException', (error) => escaped.push(error));

t.test('a runner: cold, all events, completes', async (t) => {
  const step = driven<number>();
  const observable = observe(step.runner);
  t.equal(step.starts, 0);
  const all = lastValueFrom(observable.pipe(toArray()));
  await settleDown();
  step.line('one');
  step.finish(1);
  t.same(brief(await all), ['start 1', 'line 1 one', 'settle 1 finished']);
  const again = lastValueFrom(observable.pipe(toArray()));
  await settleDown();
  step.finish(2);
  t.equal((await again).length, 2);
  t.equal(step.starts, 2);
});

t.test('a failure is the error of the Observable, after the events', async (t) => {
  const seen: string[] = [];
  const error = await new Promise((resolve) => {
    observe(program('echo a; exit 3')).subscribe({ next: (event) => seen.push(event.type), error: resolve });
  });
  t.ok(isRunError(error, 'exit'));
  t.same(seen, ['start', 'line', 'settle']);
});

t.test('unsubscribing kills, and nothing comes any more', async (t) => {
  const step = driven();
  let events = 0;
  const subscription = observe(step.runner).subscribe(() => events++);
  await settleDown();
  subscription.unsubscribe();
  await settleDown();
  t.same(step.kills, ['unsubscribed']);
  t.equal(events, 1);
  t.same(await firstValueFrom(lines$(program('yes')).pipe(take(2), toArray())), ['y', 'y']);
});

t.test('inside a task it is a part of that task', async (t) => {
  const step = driven();
  const loop = runCommandGens([
    async function* () {
      observe(step.runner).subscribe({ error() {} });
      yield* sleep(1);
      return 'done';
    },
  ]);
  t.same(await loop, ['done']);
  t.same(step.kills, ['parent ended']);
});

t.test('a loop: hot, from the beginning as far as kept; unsubscribing only detaches, unless kill', async (t) => {
  const step = driven<number>();
  const loop = runCommandGens([step.runner]);
  await settleDown();
  step.line('early');
  await settleDown();
  const seen: string[] = [];
  const subscription = observe(loop).subscribe((event) => seen.push(event.type));
  await settleDown();
  t.same(seen, ['start', 'line']);
  subscription.unsubscribe();
  await settleDown();
  t.same(step.kills, []);
  observe(loop, { kill: true })
    .subscribe({ error() {} })
    .unsubscribe();
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'unsubscribed' } }));
});

t.test('a loop that fails is an error; so is one that was killed', async (t) => {
  const failing = lastValueFrom(observe(runCommandGens([program('exit 4')])));
  await t.rejects(failing, like({ errors: [{ reason: { type: 'exit', exitCode: 4 } }] }));
});

t.test('from(runner) and from(loop) are observe', async (t) => {
  const events = await lastValueFrom(from(program('echo hi') as never).pipe(toArray()));
  t.same(brief(events as Event[]), ['start 1', 'line 1 hi', 'settle 1 finished']);
  const step = driven();
  const subscription = from(step.runner as never).subscribe();
  await settleDown();
  subscription.unsubscribe();
  await settleDown();
  t.same(step.kills, ['unsubscribed'], 'at once, not at the next value');
  const ofLoop = await lastValueFrom(from(runCommandGens([program('echo hi')]) as never).pipe(toArray()));
  t.equal((ofLoop as Event[]).length, 3);
});

t.test('what a handler throws fails the run, also behind operators, also later', async (t) => {
  const runs: [string, (loop: ReturnType<typeof runCommandGens>) => void][] = [
    ['directly', (loop) => void observe(loop).subscribe(() => thrower())],
    [
      'behind operators',
      (loop) =>
        void observe(loop)
          .pipe(
            map((event) => event.type),
            bufferCount(1),
          )
          .subscribe(() => thrower()),
    ],
    ['as an observer', (loop) => void observe(loop).subscribe({ next: () => thrower(), error() {} })],
  ];
  for (const [name, subscribe] of runs) {
    const loop = runCommandGens([sleep(Infinity)]);
    subscribe(loop as never);
    const error = (await loop.catch((thrown: unknown) => thrown)) as AggregateError & { reason?: unknown };
    const first = (error.errors?.[0] ?? error) as { reason: unknown; cause: Error };
    t.match(first, { reason: { type: 'callback', name: 'subscriber' }, cause: { message: 'handler' } }, name);
  }
  const loop = runCommandGens([
    async function* () {
      observe(sleep(Infinity)).subscribe(() => thrower());
      yield* sleep(Infinity);
    },
  ]);
  await t.rejects(loop, like({ errors: [{ reason: { type: 'callback', name: 'subscriber' } }] }));
});

function thrower(): never {
  throw new Error('handler');
}

t.test('what an operator throws is an error of the Observable, and ends the run', async (t) => {
  const step = driven();
  const result = lastValueFrom(
    observe(step.runner).pipe(
      map(() => {
        throw new RangeError('operator');
      }),
    ),
  );
  await t.rejects(result, new RangeError('operator'));
  await settleDown();
  t.same(step.kills, ['unsubscribed']);
});

t.test('lines$: of one stream, grouped', async (t) => {
  t.same(await lastValueFrom(lines$(program('echo a; echo b >&2'), { stream: 'stderr' }).pipe(toArray())), ['b']);
  const counts = lines$(program('printf "x\\ny\\nx\\n"')).pipe(
    groupBy((line) => line),
    mergeMap((group) =>
      group.pipe(
        toArray(),
        map((lines) => `${group.key}${lines.length}`),
      ),
    ),
    toArray(),
  );
  t.same((await lastValueFrom(counts)).sort(), ['x2', 'y1']);
  t.throws(() => observe(3 as never), /observe: expected a runner, a run or a loop/);
});

t.test('a spawned run can be observed too', async (t) => {
  const [seen] = await runCommandGens([
    function* () {
      const run: Run = yield* spawn(program('echo one'));
      const lines: string[] = [];
      lines$(run).subscribe((line) => lines.push(line));
      yield* run.join();
      return lines;
    },
  ]);
  t.same(seen, ['one']);
});

t.test('Observables as sources of generators', async (t) => {
  const steps = of(1, 2, 3).pipe(map((n) => value(n)));
  t.same(await runCommandGens(steps as never), [1, 2, 3]);
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

t.test('fromObservable: items, last value, unsubscribing', async (t) => {
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

t.test('toIterable: waits, fails or drops', async (t) => {
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

t.test('nothing has reached uncaughtException', async (t) => {
  await settleDown();
  await new Promise((resolve) => setTimeout(resolve, 0)); // rxjs reports what it could not deliver from a timer
  t.same(escaped, []);
});
