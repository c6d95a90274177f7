import {
  createRunner,
  type Outcome,
  type ResultOf,
  type Runnable,
  type Runner,
  type Running,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { discardParts, partsTraits } from './parts.ts';

/** Who came first, as a union told apart by `key`. */
export type Winner<R extends { readonly [key: string]: Runnable<any> }> = {
  [K in keyof R]: { readonly key: K; readonly value: ResultOf<R[K]> };
}[keyof R];

/**
 * Runs all at once until the first settles: `const won = yield* race({ done: run.join(), late: sleep('5m') })`. The losers are
 * killed and waited for. When the first to settle failed, the race fails. Throws a TypeError for an empty record.
 */
export function race<const R extends { readonly [key: string]: Runnable<any> }>(runnables: R): Runner<Winner<R>> {
  if (typeof runnables !== 'object' || runnables === null || Symbol.iterator in runnables)
    throw new TypeError('race: expected a record of runners, whose keys tell who won: race({ done: …, late: … })');
  const entries = Object.entries(runnables);
  if (entries.length === 0) throw new TypeError('race: an empty record has no winner');
  const parts = entries.map(([, runnable]) => runnable);
  return createRunner<Winner<R>>({
    ...partsTraits(parts, 'race'),
    spec: { type: 'race', of: entries.map(([key]) => key) },
    label: 'race',
    start(sink, context) {
      let over = false;
      const run = context as unknown as RunRecord;
      const first = (key: string, outcome: Outcome<unknown>, child: Running | undefined): void => {
        if (over) return;
        over = true;
        run.killChildren('lost the race');
        // The kernel waits for them before this settles (L3).
        if (outcome.type === 'finished') {
          sink.settle({ type: 'finished', value: { key, value: outcome.value } as Winner<R> });
        } else sink.settle({ type: 'failed', error: ((child as RunRecord | undefined) ?? run).errorOf(outcome) });
      };
      for (const [key, runnable] of entries) {
        if (over) {
          discardParts([runnable]);
          continue;
        }
        let child: Running | undefined = undefined; // it may settle inside its start
        child = context.start(runnable, { settle: (outcome) => first(key, outcome, child) }, { key });
      }
      return {
        pause() {},
        play() {},
        kill(by) {
          over = true;
          sink.settle({ type: 'killed', by });
        },
      };
    },
  });
}
