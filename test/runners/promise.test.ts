import t from 'tap';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { promise } from '../../lib/runners/promise.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { contract } from '../../lib/testing/contract.ts';
import { unhandledOf } from '../kernel/tools.ts';
import { brief, like, settleDown } from '../support.ts';

contract(t, 'promise', () => {
  let go = (): void => {};
  const stay = new Promise<void>((resolve) => (go = resolve));
  return {
    runner: () => promise(() => stay.then(() => 7)),
    endless: () =>
      promise((signal) => new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason)))),
    failing: () => promise(() => Promise.reject(new RangeError('no'))),
    finish: () => go(),
    check: (value) => t.equal(value, 7),
  };
});

t.test('begins when it is started; gives the value, also of what is no promise', async (t) => {
  let calls = 0;
  const fetched = promise(async function fetches() {
    calls++;
    return 'text';
  });
  t.equal(fetched.label, 'fetches');
  t.same(fetched.spec, { type: 'promise', name: 'fetches' });
  await settleDown();
  t.equal(calls, 0);
  t.same(await runCommandGens([fetched, fetched, promise(() => 7 as never)]), ['text', 'text', 7]);
  t.equal(calls, 2);
});

t.test('fails with the very error, also one that is thrown at once; what is no error becomes one', async (t) => {
  const error = new RangeError('mine');
  const rejects = async (fn: () => Promise<never>) =>
    promise(fn)
      .run()
      .catch((thrown: unknown) => thrown);
  t.equal(await rejects(() => Promise.reject(error)), error);
  t.equal(
    await rejects(() => {
      throw error;
    }),
    error,
  );
  t.match(await rejects(() => Promise.reject('a string')), { name: 'Error', message: /a string/ });
});

t.test('a kill aborts its signal; what it then gives or throws is nothing', async (t) => {
  const signals: AbortSignal[] = [];
  const unhandled = await unhandledOf(async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const loop = runCommandGens([
        promise(
          (signal) =>
            new Promise((resolve, reject) => {
              signals.push(signal);
              signal.addEventListener('abort', () => (end === 'resolve' ? resolve(1) : reject(signal.reason)));
            }),
        ),
      ]);
      await settleDown();
      loop.kill('test');
      await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
    }
    await settleDown();
  });
  t.same(unhandled, []);
  for (const signal of signals) t.match(signal.reason, { name: 'RunError', reason: { type: 'killed', by: 'test' } });
});

t.test('one that ignores its signal gets the grace, then is left behind with a note', async (t) => {
  const clock = fakeClock();
  const events: Event[] = [];
  let reject!: (error: Error) => void;
  const loop = runCommandGens(
    [
      promise(function stubborn() {
        return new Promise<void>((_, no) => (reject = no));
      }),
    ],
    {
      clock,
      grace: '5s',
      onEvent: (event) => events.push(event),
    },
  );
  let over = false;
  const ended = loop.catch((error: unknown) => {
    over = true;
    return error;
  });
  await settleDown();
  loop.kill('test');
  await clock.advance('4999ms');
  t.notOk(over);
  await clock.advance('1ms');
  t.match(await ended, { reason: { type: 'killed', by: 'test' } });
  t.same(brief(events), [
    'start 1',
    'note 1 stubborn did not heed its signal within the grace; left behind',
    'settle 1 killed',
  ]);
  t.same(
    await unhandledOf(async () => {
      reject(new Error('later'));
      await settleDown();
    }),
    [],
  );
});

t.test('one that heeds it in time leaves no timer', async (t) => {
  const clock = fakeClock();
  const loop = runCommandGens([promise((signal) => new Promise((_, no) => signal.addEventListener('abort', no)))], {
    clock,
  });
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.equal(clock.pending, 0);
});

t.test('what is no function is told, with why', async (t) => {
  t.throws(() => promise(Promise.resolve(1) as never), /promise\(\(\) => …\), so that nothing begins before/);
});
