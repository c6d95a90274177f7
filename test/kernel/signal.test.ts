import { getEventListeners } from 'node:events';
import t from 'tap';
import { onAbort } from '../../lib/kernel/signal.ts';

t.test('each is called once with the reason; one listener however many', async (t) => {
  const controller = new AbortController();
  const { signal } = controller;
  const calls: unknown[] = [];
  for (let i = 0; i < 100; i++) onAbort(signal, (reason) => calls.push(reason));
  t.equal(getEventListeners(signal, 'abort').length, 1);
  controller.abort('why');
  t.same(calls, Array(100).fill('why'));
  onAbort(signal, (reason) => calls.push(`${String(reason)} already`));
  t.equal(calls.at(-1), 'why already', 'at once if it is aborted');
});

t.test('taken back: it is not called, and the last takes the listener away', async (t) => {
  const controller = new AbortController();
  const { signal } = controller;
  const undo = [1, 2].map((n) => onAbort(signal, () => t.fail(`${n} was taken back`)));
  undo[0]!();
  t.equal(getEventListeners(signal, 'abort').length, 1);
  undo[1]!();
  t.equal(getEventListeners(signal, 'abort').length, 0);
  undo[1]!();
  let called = 0;
  onAbort(signal, () => called++);
  undo[0]!();
  t.equal(getEventListeners(signal, 'abort').length, 1, 'nobody else is taken away');
  controller.abort();
  t.equal(called, 1);
});

t.test('what is no AbortSignal is a TypeError', async (t) => {
  t.throws(() => onAbort({} as never, () => {}), { name: 'TypeError', message: 'signal: expected an AbortSignal' });
});
