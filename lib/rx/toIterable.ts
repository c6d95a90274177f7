import { Observable, Subject, takeUntil, type Subscription } from 'rxjs';
import { RunError } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { LiveObservable } from './live.ts';

/** How an Observable is iterated over. */
export interface IterableOptions {
  /** Values kept for a consumer that is behind. Default 1,024; 'wait' has the limit of every iteration of events. */
  readonly limit?: number;
  /**
   * What happens beyond the limit: 'wait' makes the programs wait, 'fail' ends the iteration with a RunError (`overflow`) after what is kept,
   * 'drop-oldest' forgets. Default: 'wait' where the source can be made to wait, which is what `observe` and `lines$` give without
   * operators behind; else 'fail'.
   */
  readonly policy?: 'wait' | 'drop-oldest' | 'fail';
}

/**
 * An Observable as an async iterable: `for await (const line of toIterable(lines$(loop)))`. Each iteration is a subscription; leaving it
 * unsubscribes. An error is thrown after the values before it. Throws a TypeError for 'wait' where the source can't wait.
 */
export function toIterable<T>(observable: Observable<T>, options: IterableOptions = {}): AsyncIterable<T> {
  checkOptions('toIterable', options, ['limit', 'policy']);
  if (typeof (observable as Partial<Observable<T>> | null | undefined)?.subscribe !== 'function')
    throw new TypeError('toIterable: expected an Observable');
  const { limit = 1024 } = options;
  const live = observable instanceof LiveObservable ? (observable as LiveObservable<T>).iterable : undefined;
  const policy = options.policy ?? (live === undefined ? 'fail' : 'wait');
  if (!(limit >= 1)) throw new RangeError(`toIterable: limit ${String(limit)} is no number of values`);
  if (policy === 'wait') {
    if (live === undefined)
      throw new TypeError(
        `toIterable: this Observable cannot be made to wait (only what observe() and lines$() give can, without operators behind); choose 'drop-oldest' or 'fail'`,
      );
    return live();
  }
  if (policy !== 'drop-oldest' && policy !== 'fail')
    throw new TypeError(`toIterable: unknown policy ${String(policy)}`);
  return { [Symbol.asyncIterator]: () => new Buffered(observable, limit, policy) };
}

type Waiter<T> = { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void };

class Buffered<T> implements AsyncIterableIterator<T> {
  readonly #values: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  readonly #source: Observable<T>;
  readonly #limit: number;
  readonly #policy: 'drop-oldest' | 'fail';
  readonly #over = new Subject<void>();
  #subscription: Subscription | undefined;
  #begun = false;
  #done = false;
  #error: { value: unknown } | undefined;

  constructor(source: Observable<T>, limit: number, policy: 'drop-oldest' | 'fail') {
    this.#source = source;
    this.#limit = limit;
    this.#policy = policy;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (!this.#begun) this.#begin();
      this.#serve();
    });
  }

  #begin(): void {
    this.#begun = true;
    // Through takeUntil a source that gives everything while it is subscribed to ends midway as well.
    const source = new Observable<T>((subscriber) => this.#source.subscribe(subscriber));
    this.#subscription = source.pipe(takeUntil(this.#over)).subscribe({
      next: (value) => this.#take(value),
      error: (error: unknown) => this.#end({ value: error }),
      complete: () => this.#end(undefined),
    });
  }

  #take(value: T): void {
    if (this.#done) return;
    this.#values.push(value);
    this.#serve();
    if (this.#values.length <= this.#limit) return;
    if (this.#policy === 'drop-oldest') {
      this.#values.shift();
      return;
    }
    this.#values.pop();
    const reason = { type: 'overflow', stream: 'items', limit: this.#limit } as const;
    this.#end({ value: new RunError({ reason, label: 'toIterable', hint: 'its consumer was behind' }) });
    this.#over.next();
  }

  #end(error: { value: unknown } | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      if (this.#values.length > 0) this.#waiters.shift()!.resolve({ value: this.#values.shift()!, done: false });
      else if (!this.#done) return;
      else {
        const { resolve, reject } = this.#waiters.shift()!;
        const error = this.#error;
        this.#error = undefined;
        if (error === undefined) resolve({ value: undefined, done: true });
        else reject(error.value);
      }
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#begun = true;
    this.#values.length = 0;
    this.#error = undefined;
    this.#done = true;
    this.#over.next();
    this.#subscription?.unsubscribe();
    this.#serve();
    return Promise.resolve({ value: undefined, done: true });
  }
}
