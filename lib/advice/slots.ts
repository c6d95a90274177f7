import { type Advice, type Runner } from '../kernel/index.ts';
import { toldNumber } from '../kernel/options.ts';
import { slotPool } from '../kernel/slots.ts';
import { wrapped } from './wrap.ts';

/**
 * At most so many at once of all the runs with this very advice: `const disk = slots(2)`, then `.with(disk)` on each. First come,
 * first served; a run that is killed while it waits leaves the line. It counts whole runs, tasks too: one that waits inside for
 * another with the same advice waits for itself, so give it to leaves.
 */
export function slots(limit: number): Advice {
  slotPool(limit); // throws for what is no limit
  let used = 0;
  const line = new Set<() => void>();
  let serving = false;
  /** Begins those who may. Runs that end at once come back here, so it doesn't call itself. */
  const serve = (): void => {
    if (serving) return;
    serving = true;
    for (const begin of line) {
      if (used >= limit) break;
      line.delete(begin);
      begin();
    }
    serving = false;
  };
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'slots', limit: toldNumber(limit) }, (sink, context) => {
      let kill: ((by: string) => void) | undefined;
      const begin = (): void => {
        used++;
        const child = context.start(inner, {
          settle(outcome) {
            used--;
            sink.settle(outcome);
            serve();
          },
        });
        kill = (by) => child.kill(by);
      };
      if (used < limit) begin();
      else line.add(begin);
      return {
        pause() {},
        play() {},
        kill(by) {
          if (kill !== undefined) {
            kill(by);
            return;
          }
          line.delete(begin);
          inner.traits.discard?.();
          sink.settle({ type: 'killed', by });
        },
        describe: () => (kill === undefined ? `waits for one of ${limit} slots` : ''),
      };
    });
}
