import { createRunner, type Runner } from '../kernel/index.ts';
import { callAs } from '../kernel/current.ts';
import { startMade } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';

/**
 * A runner of a generator function and its arguments: unlike a generator object it can be run again, so advice such as
 * `retry` goes around it: `task(deploy, 'web07').with(retry(3))`. Its label is the function's name and its string arguments.
 */
export function task<A extends readonly any[], T>(
  fn: (...args: A) => Generator<any, T, any> | AsyncGenerator<any, T, any>,
  ...args: A
): Runner<T> {
  if (typeof fn !== 'function')
    throw new TypeError('task: expected a generator function and its arguments: task(fn, ...args)');
  const name = fn.name || 'anonymous';
  const words = args.filter((arg) => typeof arg === 'string' || typeof arg === 'number').map(String);
  return createRunner<T>({
    spec: { type: 'task', name, args: words },
    label: [name, ...words].join(' ').slice(0, 60),
    start: (sink, context) =>
      startMade<T>(
        callAs(context as unknown as RunRecord, () => fn(...args)),
        sink,
        context,
        'task',
      ),
  });
}
