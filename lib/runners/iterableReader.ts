// Reads an iterable as a stream is read: at the pace of its reader, and without starving the event loop.
import { toError } from '../kernel/error.ts';
import type { Reader, ReaderEvents } from './reader.ts';

/** How long an iterable that always has something may keep everything else waiting. */
const SLICE = 5; // ms

type Step = IteratorResult<unknown>;

/** Reads an iterable or async iterable: each value is an item. */
export class IterableReader implements Reader {
  readonly items = true;
  readonly #iterable: AsyncIterable<unknown> | Iterable<unknown>;
  readonly #stops = new Set<string>();
  #events: ReaderEvents | undefined;
  #over = false;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  /** It is being asked, or will go on by itself. */
  #busy = false;
  /** What came after it had been stopped. */
  #held: Step | undefined;

  constructor(iterable: AsyncIterable<unknown> | Iterable<unknown>) {
    this.#iterable = iterable;
  }

  open(events: ReaderEvents): void {
    this.#events = events;
    this.#busy = true;
    queueMicrotask(() => {
      if (this.#events === undefined) return;
      const { [Symbol.asyncIterator]: async, [Symbol.iterator]: sync } = this.#iterable as AsyncIterable<unknown> &
        Iterable<unknown>;
      try {
        this.#iterator = (async ?? sync).call(this.#iterable);
      } catch (error) {
        this.#letGo()?.failed(toError(error));
        return;
      }
      this.#pull();
    });
  }

  stop(why: string): void {
    this.#stops.add(why);
  }

  go(why: string): void {
    if (this.#stops.delete(why) && this.#stops.size === 0 && !this.#busy) this.#pull();
  }

  close(): void {
    // An iterator that wasn't asked for anything yet may have begun elsewhere.
    if (this.#iterator === undefined && 'next' in this.#iterable) this.#iterator = this.#iterable as Iterator<unknown>;
    if (!this.#over) this.#return();
    this.#letGo();
  }

  #pull(): void {
    this.#busy = true;
    const began = performance.now();
    while (this.#events !== undefined && this.#stops.size === 0) {
      if (performance.now() - began > SLICE) {
        setImmediate(() => this.#pull());
        return;
      }
      let step: Step | PromiseLike<Step> | undefined = this.#held;
      this.#held = undefined;
      try {
        step ??= this.#iterator!.next();
      } catch (error) {
        this.#letGo()?.failed(toError(error));
        return;
      }
      if (typeof (step as Partial<PromiseLike<Step>> | null)?.then === 'function') {
        Promise.resolve(step as PromiseLike<Step>).then(this.#came, (error: unknown) =>
          this.#letGo()?.failed(toError(error)),
        );
        return;
      }
      this.#take(step as Step);
    }
    this.#busy = false;
  }

  readonly #came = (step: Step): void => {
    if (this.#stops.size > 0) {
      this.#held = step;
      this.#busy = false;
    } else {
      this.#take(step);
      // One that always has something, too, lets the event loop come around, which promises alone would not.
      if (this.#events !== undefined) this.#next();
    }
  };

  #since = 0;
  #next(): void {
    const now = performance.now();
    if (now - this.#since < SLICE) {
      this.#pull();
      return;
    }
    setImmediate(() => {
      this.#since = performance.now();
      this.#pull();
    });
  }

  #take(step: Step): void {
    if (typeof step !== 'object' || step === null)
      this.#letGo()?.failed(new TypeError(`its iterator gave ${String(step)}, which is no result object`));
    else if (step.done === true) this.#letGo()?.ended();
    else this.#events?.read(step.value);
  }

  #letGo(): ReaderEvents | undefined {
    const events = this.#events;
    this.#over = true;
    this.#events = undefined;
    return events;
  }

  /** Not waited for: an async generator that is in an `await` returns only after that. */
  #return(): void {
    try {
      const returned: unknown = this.#iterator?.return?.();
      if (returned instanceof Promise) returned.catch(ignore);
    } catch {
      // It was told that nobody reads on; what it thinks of that is no part of what was read.
    }
  }
}

function ignore(): void {}
