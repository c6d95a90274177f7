import { DONE } from '../kernel/running.ts';
import { createRunner, type Json, type Runner } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** Tells something worth telling, as a `note` event of the task: `yield* note('retrying on the other mirror')`. */
export function note(text: string, data?: Json): Runner<void> {
  return createRunner<void>({
    spec: { type: 'note', text },
    label: 'note',
    start(sink, context) {
      teller(context as unknown as RunRecord).note(text, data);
      sink.settle({ type: 'finished', value: undefined });
      return DONE;
    },
  });
}

/**
 * Gives a value to whoever listens, as an `item` event of the task: `yield* emit({ done: 3 })`. When a reader of the events
 * is behind, it waits for it.
 */
export function emit(item: unknown): Runner<void> {
  return createRunner<void>({
    spec: { type: 'emit' },
    label: 'emit',
    start(sink, context) {
      const run = teller(context as unknown as RunRecord);
      const done = (): void => sink.settle({ type: 'finished', value: undefined });
      run.item(item);
      // The item takes effect in this turn; then it is known whether its readers keep up.
      run.whenKeptUp(done);
      return { ...DONE, kill: (by) => sink.settle({ type: 'killed', by }) };
    },
  });
}

/** The task that yields. The run that stands for a loop is none: it has no events of its own. */
function teller(run: RunRecord): RunRecord {
  const { parent } = run;
  return parent === undefined || parent === run.scope.silent ? run : parent;
}
