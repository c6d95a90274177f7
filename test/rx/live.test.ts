import { bufferCount, lastValueFrom, map, Observable } from 'rxjs';
import t from 'tap';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { LiveObservable, observe } from '../../lib/rx/index.ts';
import { driven, like, settleDown } from '../support.ts';

const escaped: unknown[] = [];
process.on('uncaughtException', (error) => escaped.push(error));

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

t.test('behind operators it is live too; of its own it has none', async (t) => {
  const live = observe(sleep(1));
  t.ok(live instanceof LiveObservable && live instanceof Observable);
  t.ok(live.iterable, 'this one can be made to wait');
  const derived = live.pipe(map((event) => event.type));
  t.ok(derived instanceof LiveObservable);
  t.equal((derived as LiveObservable<string>).iterable, undefined, 'behind operators it cannot');
});

t.test('a handler that throws hears no more; functions and observers alike', async (t) => {
  const step = driven();
  let calls = 0;
  const loop = runCommandGens([step.runner]);
  const bad = (): never => {
    calls++;
    throw new Error('handler');
  };
  const subscription = observe(loop).subscribe({
    next: bad,
    complete: () => t.fail('nothing after it threw'),
    error: () => t.fail('nothing after it threw'),
  });
  await t.rejects(loop);
  t.equal(calls, 1);
  t.ok(subscription.closed);
});

t.test('nothing has reached uncaughtException', async (t) => {
  await settleDown();
  await new Promise((resolve) => setTimeout(resolve, 0)); // rxjs reports what it could not deliver from a timer
  t.same(escaped, []);
});
