import { toError, type Outcome } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import type { Paced } from '../../store/paced.ts';

/** Does paced work as a part of a run, inside turns; tells how it ended. The result takes it back: its `finally` is done. */
export function drive<T>(run: RunRecord, work: Paced<T>, ended: (outcome: Outcome<T>) => void): () => void {
  let over = false;
  const advance = (resume: () => IteratorResult<Promise<unknown> | undefined, T>): void => {
    if (over) return;
    let step: IteratorResult<Promise<unknown> | undefined, T>;
    try {
      step = resume();
    } catch (thrown) {
      over = true;
      ended({ type: 'failed', error: toError(thrown) });
      return;
    }
    if (step.done === true) {
      over = true;
      ended({ type: 'finished', value: step.value });
      return;
    }
    const again = (next: () => IteratorResult<Promise<unknown> | undefined, T>): void => run.call(() => advance(next));
    if (step.value === undefined) setImmediate(() => again(() => work.next()));
    else
      step.value.then(
        (value) => again(() => work.next(value)),
        (error: unknown) => again(() => work.throw(error)),
      );
  };
  advance(() => work.next());
  return () => {
    if (over) return;
    over = true;
    work.return(undefined as never);
  };
}
