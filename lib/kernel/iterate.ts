// `for await (const event of runner)`: a run of its own, started at the first `next()`, killed and waited for when the
// loop is left early.
//
// In an async generator `yield* runner` takes the same way, so the driver of the task would see events. When a task yields
// the first event of a run of its own, the driver answers with a private token; an iterator that gets it makes no more
// events, waits for the end and returns the value. So `yield* runner` has the type T in both kinds of generator.
import type { Event } from './event.ts';
import type { FeedIterator } from './feed.ts';
import type { RunRecord } from './run.ts';
import { dropFeed } from './run/announce.ts';
import { whenSettled } from './run/settle.ts';
import { readerWaits } from './slots.ts';

/** The answer to the first event of a run that a task yielded: make no more of them. */
export const QUIET = Symbol('sluice.quiet');
const firsts = new WeakMap<Event, RunIterator>();

/** The run whose first event a task has yielded, if it is one of its own. */
export function yieldedRun(yielded: unknown, task: RunRecord): RunRecord | undefined {
  if (typeof yielded !== 'object' || yielded === null) return undefined;
  const run = firsts.get(yielded as Event)?.runOf(task);
  if (run !== undefined) firsts.delete(yielded as Event);
  return run;
}

type Result = IteratorResult<Event, any>;
type Waiter = { resolve(result: Result): void; reject(error: unknown): void };

/** Iterates over the events of a run's subtree. */
export class RunIterator implements AsyncIterableIterator<Event>, AsyncIterator<Event, any, any> {
  readonly #open: OpenRun;
  readonly #owns: boolean;
  #run: RunRecord | undefined;
  #events: FeedIterator | undefined;
  readonly #waiters: Waiter[] = [];
  #begun = false;
  #ended = false;
  #first = true;
  #error: { value: unknown } | undefined;

  /** `open` starts or finds the run; an iterator that owns it kills it when it is left. */
  constructor(open: OpenRun, owns: boolean) {
    this.#open = open;
    this.#owns = owns;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  runOf(task: RunRecord): RunRecord | undefined {
    return this.#run?.parent === task ? this.#run : undefined;
  }

  next(answer?: unknown): Promise<Result> {
    if (answer === QUIET) return this.#untilSettled();
    if (this.#run !== undefined && this.#owns) this.#run.iterated = true;
    if (this.#waiters.length === 0 && this.#events !== undefined) {
      const event = this.#events.pull();
      if (event !== undefined) return Promise.resolve({ value: this.#mark(event), done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (!this.#begun) this.#begin();
      else this.#serve();
    });
  }

  #begin(): void {
    this.#begun = true;
    this.#open(
      (run) => {
        this.#run = run;
        this.#events = run.ensureFeed().iterate();
        this.#serve();
      },
      (error) => {
        this.#error = { value: error };
        this.#serve();
      },
      () => !this.#ended,
    );
  }

  #mark(event: Event): Event {
    if (this.#first) {
      this.#first = false;
      if (this.#owns) firsts.set(event, this);
    }
    return event;
  }

  /** Answers those who wait, as far as there is something to answer with. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.#events?.pull();
      if (event !== undefined) {
        this.#waiters.shift()!.resolve({ value: this.#mark(event), done: false });
      } else if (this.#error !== undefined || this.#events?.done === true) {
        this.#finish(this.#waiters.shift()!);
      } else {
        if (this.#events !== undefined) this.#events.wanted = () => this.#serve();
        break;
      }
    }
    if (this.#run !== undefined) readerWaits(this.#run, this.#waiters.length > 0);
  }

  /** The end: once it gives the value or the error, then only `done`. */
  #finish(waiter: Waiter): void {
    const before = this.#ended;
    this.#ended = true;
    this.#events?.close();
    if (before) waiter.resolve({ value: undefined, done: true });
    else if (this.#error !== undefined) waiter.reject(this.#error.value);
    else this.#conclude(waiter);
  }

  #conclude({ resolve, reject }: Waiter): void {
    const run = this.#run!;
    const outcome = run.outcome!;
    const interruption = this.#owns ? run.parent?.task?.interruption(run) : undefined;
    if (interruption !== undefined) reject(interruption);
    else if (outcome.type === 'finished') resolve({ value: outcome.value, done: true });
    else reject(run.errorOf(outcome));
  }

  #untilSettled(): Promise<Result> {
    const run = this.#run!;
    this.#ended = true;
    this.#events?.close();
    dropFeed(run);
    readerWaits(run, true);
    return new Promise((resolve, reject) => whenSettled(run, () => this.#conclude({ resolve, reject })));
  }

  return(value?: unknown): Promise<Result> {
    const run = this.#run;
    this.#ended = true;
    this.#begun = true;
    this.#events?.close();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
    if (run === undefined || !this.#owns || run.settled) return Promise.resolve({ value, done: true });
    run.kill('its reader left');
    return new Promise((resolve) => whenSettled(run, () => resolve({ value, done: true })));
  }

  throw(error?: unknown): Promise<Result> {
    return this.return().then(() => {
      throw error;
    });
  }
}

/** `wanted`: its reader may have left before the turn in which the run would start. */
type OpenRun = (started: (run: RunRecord) => void, failed: (error: unknown) => void, wanted: () => boolean) => void;
