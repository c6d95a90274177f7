import {
  createRunner,
  type Outcome,
  type ResultOf,
  type ResultsOf,
  type Runnable,
  type Runner,
  type Running,
  type Sink,
} from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { slotPool } from '../kernel/slots.ts';
import type { RunRecord } from '../kernel/run.ts';
import { discardParts, partsTraits } from './parts.ts';

/** How `all` starts its children. */
export interface AllOptions {
  /** Children at work at once; default: all. (A loop's `slots` limits programs, wherever they are.) */
  readonly slots?: number;
}

type Record_ = { readonly [key: string]: Runnable<any> };

/**
 * Runs all at once. An iterable gives an array of results in order, a record a record with the same keys. The first failure
 * kills the rest, waits for them and fails it. `all([])` is `[]`.
 */
export function all<const L extends readonly Runnable<any>[]>(runnables: L, options?: AllOptions): Runner<ResultsOf<L>>;
export function all<R extends Runnable<any>>(runnables: Iterable<R>, options?: AllOptions): Runner<ResultOf<R>[]>;
export function all<T>(runnables: Iterable<Runnable<T>>, options?: AllOptions): Runner<T[]>;
export function all<const R extends Record_>(
  runnables: R,
  options?: AllOptions,
): Runner<{ -readonly [K in keyof R]: ResultOf<R[K]> }>;
export function all(runnables: Iterable<Runnable<any>> | Record_, options: AllOptions = {}): Runner<any> {
  if (typeof runnables !== 'object' || runnables === null)
    throw new TypeError(
      `all: expected an iterable or a record of runners, got ${runnables === null ? 'null' : typeof runnables}`,
    );
  const list = Symbol.iterator in runnables;
  const entries: [string | undefined, Runnable<any>][] = list
    ? Array.from(runnables as Iterable<Runnable<any>>, (runnable) => [undefined, runnable])
    : Object.entries(runnables as Record_);
  checkOptions('all', options, ['slots']);
  slotPool(options.slots); // throws for what is no limit
  const parts = entries.map(([, runnable]) => runnable);
  const keys = list ? entries.length : Object.keys(runnables);
  return createRunner<any>({
    ...partsTraits(parts, 'all'),
    spec: options.slots === undefined ? { type: 'all', of: keys } : { type: 'all', of: keys, slots: options.slots },
    label: 'all',
    start: (sink, context) => new All(entries, list, options.slots ?? Infinity, sink, context as unknown as RunRecord),
  });
}

class All implements Running {
  readonly #entries: readonly (readonly [string | undefined, Runnable<any>])[];
  readonly #list: boolean;
  readonly #slots: number;
  readonly #sink: Sink<any>;
  readonly #run: RunRecord;
  readonly #values: unknown[] = [];
  #started = 0;
  #settled = 0;
  #stopped = false;
  #filling = false;

  constructor(
    entries: readonly (readonly [string | undefined, Runnable<any>])[],
    list: boolean,
    slots: number,
    sink: Sink<any>,
    run: RunRecord,
  ) {
    this.#entries = entries;
    this.#list = list;
    this.#slots = slots;
    this.#sink = sink;
    this.#run = run;
    this.#fill();
  }

  /** Starts as many as may run. Children that settle at once come back here, so it does not call itself. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#stopped && this.#started < this.#entries.length && this.#started - this.#settled < this.#slots) {
      const index = this.#started++;
      const [key, runnable] = this.#entries[index]!;
      const settle = (outcome: Outcome<unknown>): void => this.#child(index, outcome, child);
      let child: Running | undefined = undefined; // it may settle inside its start
      child = this.#run.start(runnable, { settle }, key === undefined ? {} : { key });
    }
    this.#filling = false;
    if (!this.#stopped && this.#settled === this.#entries.length) this.#finish();
  }

  #child(index: number, outcome: Outcome<unknown>, child: Running | undefined): void {
    this.#settled++;
    if (this.#stopped) return;
    if (outcome.type === 'finished') {
      this.#values[index] = outcome.value;
      this.#fill();
      return;
    }
    this.#stop();
    this.#run.killChildren('a sibling failed');
    // The kernel waits for them before this settles (L3).
    const killed = (child as RunRecord | undefined) ?? this.#run;
    this.#sink.settle({ type: 'failed', error: killed.errorOf(outcome) });
  }

  #finish(): void {
    const names = this.#entries.map(([key]) => key!);
    const value = this.#list
      ? this.#values
      : Object.fromEntries(names.map((name, index) => [name, this.#values[index]]));
    this.#stopped = true;
    this.#sink.settle({ type: 'finished', value });
  }

  /** Starts no more. */
  #stop(): void {
    this.#stopped = true;
    discardParts(this.#entries.slice(this.#started).map(([, runnable]) => runnable));
  }

  kill(by: string): void {
    if (!this.#stopped) this.#stop();
    this.#sink.settle({ type: 'killed', by });
  }
  pause(): void {}
  play(): void {}
  describe(): string {
    return `${this.#settled} of ${this.#entries.length} have ended, ${this.#started - this.#settled} at work`;
  }
}
