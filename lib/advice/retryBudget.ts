import { milliseconds, type Clock, type Duration } from '../kernel/index.ts';
import { checkOptions, toldNumber } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { perClock } from './perClock.ts';

/** How many retries there may be. */
export interface RetryBudgetOptions {
  /** Retries for each first try: 0.2 is one for five. Default 0.2. */
  readonly ratio?: number;
  /** Retries that there may be besides, in `within`. Default 10. */
  readonly min?: number;
  /** The time that tries are counted over. Default '10s'. */
  readonly within?: Duration;
}

const BUDGET: unique symbol = Symbol('sluice.retryBudget');

/** What `retryBudget` gives. */
export interface RetryBudget {
  readonly [BUDGET]: true;
  /** In words, for notes. */
  readonly told: string;
  /** A run begins its first try. */
  first(clock: Clock): void;
  /** Takes a retry; false where there is none left. */
  take(clock: Clock): boolean;
}

/**
 * A budget of retries that many runs share: `const budget = retryBudget({ ratio: 0.1 })`, then `retry({ count: 3, budget })` on each.
 * When they all fail, because what they all need is down, the load on it grows by the ratio and `min` and not by the count.
 * (Idea: the retry budgets of Finagle.) Throws a RangeError for numbers below 0.
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  checkOptions('retryBudget', options, ['ratio', 'min', 'within']);
  const { ratio = 0.2, min = 10 } = options;
  for (const [name, value] of Object.entries({ ratio, min }))
    if (typeof value !== 'number' || !(value >= 0))
      throw new RangeError(`retryBudget: ${name} ${String(value)} is no number of 0 or more`);
  const ms = milliseconds(options.within ?? '10s', 'retryBudget: within');
  if (ms === 0) throw new RangeError('retryBudget: within 0 ms nothing can be counted');
  const tallies = perClock(() => new Tally(ms));
  return {
    [BUDGET]: true,
    told: `${toldNumber(min)} and ${ratio} for each first try in ${ms} ms`,
    first: (clock) => tallies(clock).add(clock.now(), 1, 0),
    take(clock) {
      const now = clock.now();
      const { firsts, retries } = tallies(clock).sums(now);
      // By the smallest of margins a sum of tenths is less than it should be.
      if (retries + 1 > min + ratio * firsts + 1e-9) return false;
      tallies(clock).add(now, 0, 1);
      return true;
    },
  };
}

/** Reads the option `budget` of `retry`. @throws TypeError */
export function budgetOf(given: unknown): RetryBudget {
  if (typeof given === 'object' && given !== null && BUDGET in given) return given as unknown as RetryBudget;
  if (typeof given === 'object' && given !== null && !Array.isArray(given))
    return retryBudget(given as RetryBudgetOptions);
  throw new TypeError(
    `retry: budget is how many retries there may be, as retryBudget({ ratio: 0.2 }), not ${show(given)}; a time for all tries is \`within\``,
  );
}

const PARTS = 10;

/** Counts over a time, in tenths of it: old ones go a tenth at a time. */
class Tally {
  readonly #part: number;
  readonly #parts: { at: number; firsts: number; retries: number }[] = [];

  constructor(ms: number) {
    this.#part = ms / PARTS;
  }

  add(now: number, firsts: number, retries: number): void {
    const at = this.#part === Infinity ? 0 : Math.floor(now / this.#part);
    let last = this.#parts.at(-1);
    if (last?.at !== at) this.#parts.push((last = { at, firsts: 0, retries: 0 }));
    last.firsts += firsts;
    last.retries += retries;
    if (this.#parts.length > PARTS + 1) this.#parts.shift();
  }

  sums(now: number): { firsts: number; retries: number } {
    const since = this.#part === Infinity ? 0 : Math.floor(now / this.#part) - PARTS;
    const sums = { firsts: 0, retries: 0 };
    for (const { at, firsts, retries } of this.#parts) {
      if (at < since) continue;
      sums.firsts += firsts;
      sums.retries += retries;
    }
    return sums;
  }
}
