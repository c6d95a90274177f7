import { milliseconds, type Advice, type Clock, type Duration, type Runner } from '../kernel/index.ts';
import { Fifo } from '../kernel/fifo.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { perClock } from './perClock.ts';
import { isEnding, wrapped } from './wrap.ts';

/**
 * At most so many starts in any time of this length, of all the runs with this very advice: `const api = rate(10, '1s')`, then
 * `.with(api)` on each. A sliding window: after a rest up to `count` begin at once, and the next ones when those are as old as the
 * interval. The others wait, in order; one that is killed leaves the line, one that is paused lets others pass. How long the
 * runs take doesn't matter: for that there is `slots`. With `.with(rate(…), retry(…))` tries aren't counted, the other
 * way round they are. What then waits for one of the loop's slots has begun as far as this goes.
 *
 * In a dry run nothing waits. Throws a RangeError for a count that is no whole number above 0 and for an interval of 0 or Infinity.
 */
export function rate(count: number, interval: Duration): Advice {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`rate: ${show(count)} is no number of starts; give a whole number of 1 or more`);
  const ms = milliseconds(interval, 'rate');
  if (ms === 0 || ms === Infinity) throw new RangeError(`rate: an interval of ${ms} ms is no limit that can be kept`);
  const gates = perClock(() => new Gate(count, ms));
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'rate', count, ms }, (sink, context) => {
      const run = context as unknown as RunRecord;
      const gate = gates(context.clock);
      let kill: ((by: string) => void) | undefined;
      const begin = (): void => {
        const child = context.start(inner, sink as never);
        kill = (by) => child.kill(by);
      };
      if (run.ambient.dryRun) begin();
      else gate.enter(run, begin);
      return {
        pause: () => gate.look(),
        play: () => gate.look(),
        kill(by) {
          if (kill !== undefined) {
            kill(by);
            return;
          }
          gate.leave(run);
          inner.traits.discard?.();
          sink.settle({ type: 'killed', by });
        },
        describe: () => (kill === undefined ? `waits for its turn: ${count} begin in ${ms} ms` : ''),
      };
    });
}

/** A wait that clocks can tell from none, though they count from 1970. */
const LEAST = 0.01; // ms

/** Lets so many through in a time. All of it is called inside a turn. */
class Gate {
  readonly #count: number;
  readonly #ms: number;
  /** The latest starts, at most `count`. */
  readonly #starts = new Fifo<number>();
  readonly #line = new Map<RunRecord, () => void>();
  #cancel: (() => void) | undefined;
  #looking = false;

  constructor(count: number, ms: number) {
    this.#count = count;
    this.#ms = ms;
  }

  enter(run: RunRecord, begin: () => void): void {
    this.#line.set(run, begin);
    this.look();
  }

  leave(run: RunRecord): void {
    this.#line.delete(run);
    this.look();
  }

  /** Begins those who may, and wakes up for the next. Runs that end at once come back here. */
  look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#cancel?.();
    this.#cancel = undefined;
    try {
      for (let run = this.#next(); run !== undefined; run = this.#next()) {
        const wait = this.#wait(run.clock);
        if (wait > 0) {
          const head = run;
          this.#cancel = run.clock.after(wait, () => head.call(() => this.look()));
          return;
        }
        const begin = this.#line.get(run)!;
        this.#line.delete(run);
        begin();
        // Later than the start, never before it: no window may have more.
        this.#starts.push(run.clock.now());
      }
    } finally {
      this.#looking = false;
    }
  }

  #next(): RunRecord | undefined {
    for (const run of this.#line.keys()) if (!run.paused && !isEnding(run)) return run;
    return undefined;
  }

  /** Until one more may begin. */
  #wait(clock: Clock): number {
    const now = clock.now();
    for (let first = this.#starts.first; first !== undefined && first + this.#ms <= now; first = this.#starts.first)
      this.#starts.shift();
    return this.#starts.length < this.#count ? 0 : Math.max(LEAST, this.#starts.first! + this.#ms - now);
  }
}
