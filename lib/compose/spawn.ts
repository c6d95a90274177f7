import { DONE } from '../kernel/running.ts';
import { createRunner, type Run, type Runnable, type Runner } from '../kernel/index.ts';
import { toRunner } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';

/**
 * Starts something beside the task and gives its Run at once: `const server = yield* spawn(program('serve'))`.
 *
 * It belongs to the task that yields this: when the task ends, it is killed and waited for; when it fails while nobody
 * joins it, the error is thrown at the task's yield (L7). Use `join` to wait for it.
 */
export function spawn<T, I = unknown>(runnable: Runnable<T>): Runner<Run<T, I>> {
  const runner = toRunner<T>(runnable, undefined, 'spawn');
  return createRunner<Run<T, I>>({
    spec: { type: 'spawn', of: runner.spec },
    label: `spawn ${runner.label}`,
    start(sink, context) {
      let owner = (context as unknown as RunRecord).parent;
      while (owner !== undefined && owner.task === undefined) owner = owner.parent;
      if (owner === undefined) throw new TypeError('spawn: only a task can spawn; yield it in a generator');
      const run = owner.startChild(runner, { spawned: true, prepared: (child) => child.ensureFeed() });
      sink.settle({ type: 'finished', value: run as Run<T, any> });
      return DONE;
    },
  });
}

/** Waits for the end of a run: `yield* join(run)` is `yield* run.join()`. Gives its value or throws its error. */
export function join<T>(run: Run<T>): Runner<T> {
  if (typeof (run as Partial<Run> | null)?.join !== 'function')
    throw new TypeError('join: expected a Run, as spawn gives it');
  return run.join();
}
