import { callAsyncAs } from '../kernel/current.ts';
import { createRunner, toError, type Runner } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/**
 * Waits for a promise: `yield* promise((signal) => fetch(url, { signal }))`.
 *
 * `fn` is called when the run starts and gets an AbortSignal that is aborted when the run is killed. One that ignores the
 * signal gets the loop's grace; then the run settles killed with a note, and what the promise gives is dropped. A rejection
 * fails the run with the rejected error.
 */
export function promise<T>(fn: (signal: AbortSignal) => T | PromiseLike<T>): Runner<T> {
  if (typeof fn !== 'function')
    throw new TypeError(
      'promise: expected a function that gives a promise: promise(() => …), so that nothing begins before it is yielded',
    );
  const name = fn.name || 'anonymous';
  return createRunner<T>({
    spec: { type: 'promise', name },
    label: name === 'anonymous' ? 'promise' : name,
    leaf: true,
    start(sink, context) {
      let cancelGrace: (() => void) | undefined;
      const call = (): T | PromiseLike<T> => fn(context.signal);
      const given = callAsyncAs(context as unknown as RunRecord, call);
      Promise.resolve(given).then(
        (value) => {
          cancelGrace?.();
          sink.settle({ type: 'finished', value });
        },
        (error: unknown) => {
          cancelGrace?.();
          sink.settle({ type: 'failed', error: toError(error) });
        },
      );
      return {
        pause() {},
        play() {},
        kill(by) {
          if (cancelGrace !== undefined) return;
          const { clock, grace } = (context as unknown as RunRecord).ambient;
          cancelGrace = clock.after(grace, () => {
            sink.note(`${name} did not heed its signal within the grace; left behind`);
            sink.settle({ type: 'killed', by });
          });
        },
        describe: () => 'waits for a promise',
      };
    },
  });
}
