import { idle } from '../kernel/engine.ts';
import { milliseconds, type Clock, type Duration } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** Timers that have not fired. */
  readonly pending: number;
  /**
   * Goes on by this time. Timers fire in the order of their times; after each time the loop comes to rest before the
   * next, so that what a timer sets off finds the clock at that time.
   */
  advance(duration: Duration): Promise<void>;
  /** Goes on until no timer is left. Rejects when there seems to be no end (100,000 timers). */
  runAll(): Promise<void>;
}

/** How a fake clock begins. */
export interface FakeClockOptions {
  /** Milliseconds since the epoch. Default: 1,000,000,000,000, a Sunday in September 2001. */
  readonly now?: number;
}

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

const ENDLESS = 100_000;

/**
 * A clock for tests: `runCommandGens(gens, { clock })`, then `await clock.advance('5m')`. Sleeps, timeouts, back-offs and
 * graces take no time; only real programs do.
 *
 * A loop that fails while the clock goes on has to be awaited already, as any promise that rejects:
 *
 * ```ts
 * const refused = assert.rejects(runCommandGens([main], { clock }), /timed out/);
 * await clock.advance('5m');
 * await refused;
 * ```
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  checkOptions('fakeClock', options, ['now']);
  return new Fake(options.now ?? 1e12);
}

class Fake implements FakeClock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now: number) {
    this.#now = now;
  }
  get pending(): number {
    return this.#timers.size;
  }
  now(): number {
    return this.#now;
  }
  after(ms: number, then: () => void): () => void {
    if (ms === Infinity) return () => {};
    const timer = { at: this.#now + ms, call: then };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async advance(duration: Duration): Promise<void> {
    const target = this.#now + milliseconds(duration, 'advance');
    await rest();
    for (let at = this.#next(); at <= target; at = this.#next()) await this.#fire(at);
    this.#now = target;
    await rest();
  }

  async runAll(): Promise<void> {
    await rest();
    let fired = 0;
    for (let at = this.#next(); at < Infinity; at = this.#next()) {
      fired += await this.#fire(at);
      if (fired > ENDLESS)
        throw new Error(`fake clock: ${ENDLESS} timers have fired and still ${this.pending} wait; use advance()`);
    }
  }

  /** When the next timer is due. */
  #next(): number {
    let next = Infinity;
    for (const { at } of this.#timers) if (at < next) next = at;
    return next;
  }

  async #fire(at: number): Promise<number> {
    this.#now = at;
    let fired = 0;
    // Not those that these set up: they come in a round of their own, as with the timers of Node.
    for (const timer of [...this.#timers].filter((timer) => timer.at <= at)) {
      if (!this.#timers.delete(timer)) continue; // one of them has taken it back
      fired++;
      timer.call();
    }
    await rest();
    return fired;
  }
}

/** Resolves when the loop has nothing to do but to wait, and promises had several rounds to tell it otherwise. */
async function rest(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = idle() ? quiet + 1 : 0) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
