import { callAsyncAs } from '../kernel/current.ts';
import { createRunner, toError, type Runner, type Running, type Sink } from '../kernel/index.ts';
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
      const run = context as unknown as RunRecord;
      const given = callAsyncAs(run, () => fn(context.signal));
      return awaiting(given, name, sink, run);
    },
  });
}

/**
 * Waits for a promise as the work of a run, or a part of it; `name` is whose it is. After a kill it gets the grace, then it is
 * left behind with a note.
 */
export function awaiting<T>(
  given: T | PromiseLike<T>,
  name: string,
  sink: Pick<Sink<T>, 'note' | 'settle'>,
  run: RunRecord,
): Running {
  let cancelGrace: (() => void) | undefined;
  let done = false;
  const come = (): void => {
    done = true;
    cancelGrace?.();
  };
  Promise.resolve(given).then(
    (value) => {
      come();
      sink.settle({ type: 'finished', value });
    },
    (error: unknown) => {
      come();
      sink.settle({ type: 'failed', error: toError(error) });
    },
  );
  return {
    pause() {},
    play() {},
    kill(by) {
      if (cancelGrace !== undefined || done) return;
      const { clock, grace } = run.ambient;
      cancelGrace = clock.after(grace, () => {
        sink.note(`${name} did not heed its signal within the grace; left behind`);
        sink.settle({ type: 'killed', by });
      });
    },
    describe: () => (done ? '' : 'waits for a promise'),
  };
}
