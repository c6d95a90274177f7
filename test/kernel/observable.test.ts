import { from, lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { interop, observableKeys, type EventObserver } from '../../lib/kernel/observable.ts';
import { program } from '../../lib/runners/program.ts';
import { brief, driven, settleDown } from '../support.ts';

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

t.test('any library finds it, by the old name and by the symbol', async (t) => {
  const keys = observableKeys();
  t.ok(keys.includes('@@observable'));
  const step = driven();
  const loop = runCommandGens([step.runner]);
  for (const target of [step.runner, loop] as unknown as Record<string | symbol, () => ReturnType<typeof interop>>[])
    for (const key of keys) t.type(target[key]!().subscribe, 'function', String(key));
  loop.kill();
  await t.rejects(loop);
});

t.test('an observer hears all, then once how it ended; of its methods it may lack any', async (t) => {
  const heard = (runner: unknown): Promise<string[]> =>
    new Promise((resolve) => {
      const events: Event[] = [];
      const { subscribe } = (runner as Record<string, () => ReturnType<typeof interop>>)['@@observable']!();
      subscribe({ next() {} });
      subscribe({
        next: (event) => events.push(event),
        error: (error) => resolve([...brief(events), `error ${(error as { reason: { type: string } }).reason.type}`]),
        complete: () => resolve([...brief(events), 'complete']),
      });
    });
  t.same(await heard(program('echo hi')), ['start 1', 'line 1 hi', 'settle 1 finished', 'complete']);
  t.same(await heard(program('exit 3')), ['start 1', 'settle 1 failed', 'error exit']);
});

t.test('the least of an Observable', async (t) => {
  let observer: EventObserver | undefined;
  let left = 0;
  const subscription = interop((given) => {
    observer = given;
    return { unsubscribe: () => void left++, fail() {} };
  }).subscribe({});
  observer!.next({} as Event);
  observer!.error(new Error('nobody hears'));
  observer!.complete();
  subscription.unsubscribe();
  t.equal(left, 1);
});
