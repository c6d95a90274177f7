// An Observable whose subscribers' errors reach the run instead of the process. rxjs 7 rethrows what a handler throws from a
// timer, where only 'uncaughtException' hears it; so handlers are wrapped before rxjs sees them, here and, through `lift`,
// behind every operator that is built by `operate` (all that transform one source). Operators that make Observables of their own
// (merge, combineLatest, groupBy's groups) lose the wrapping for what is subscribed on those directly.
import { Observable, Subscriber, type Observer, type Operator, type Subscription, type TeardownLogic } from 'rxjs';
import type { Watching } from '../kernel/observable.ts';

/** The subscriptions to runs that the subscription being made now has led to. */
let collecting: Set<Watching> | undefined;

/** Tells the subscription that is being made of a run that it watches. */
export function collect(watching: Watching): void {
  collecting?.add(watching);
}

/** An Observable of what runs say. */
export class LiveObservable<T> extends Observable<T> {
  /** The same as an iterable that makes its source wait; undefined behind operators. */
  readonly iterable: (() => AsyncIterable<T>) | undefined;

  constructor(subscribe?: (subscriber: Subscriber<T>) => TeardownLogic, iterable?: () => AsyncIterable<T>) {
    super(subscribe as (this: Observable<T>, subscriber: Subscriber<T>) => TeardownLogic);
    this.iterable = iterable;
  }

  /** How rxjs 7 derives Observables: those behind operators are live too. */
  override lift<R>(operator?: Operator<T, R>): LiveObservable<R> {
    const derived = new LiveObservable<R>();
    Object.assign(derived, { source: this, operator });
    return derived;
  }

  override subscribe(observerOrNext?: Partial<Observer<T>> | ((value: T) => void)): Subscription;
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: any) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    first?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: any) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (first instanceof Subscriber) return super.subscribe(first);
    const given: Partial<Observer<T>> =
      typeof first === 'object' && first !== null
        ? first
        : { ...(first ? { next: first } : {}), ...(error ? { error } : {}), ...(complete ? { complete } : {}) };
    const outer = collecting;
    const watchings = new Set<Watching>();
    let subscription: Subscription | undefined;
    let failed = false;
    const failing = (thrown: unknown): void => {
      failed = true;
      if (watchings.size === 0) throw thrown;
      for (const watching of watchings) watching.fail(thrown);
      subscription?.unsubscribe();
    };
    const guarded = <A extends unknown[]>(handler: ((...args: A) => void) | undefined) =>
      handler === undefined
        ? undefined
        : (...args: A): void => {
            if (failed) return;
            try {
              handler.apply(given, args);
            } catch (thrown) {
              failing(thrown);
            }
          };
    collecting = watchings;
    try {
      subscription = super.subscribe(
        Object.fromEntries(
          Object.entries({
            next: guarded(given.next),
            error: guarded(given.error),
            complete: guarded(given.complete),
          }).filter(([, handler]) => handler !== undefined),
        ) as Partial<Observer<T>>,
      );
    } finally {
      collecting = outer;
      if (outer !== undefined) for (const watching of watchings) outer.add(watching);
    }
    if (failed) subscription.unsubscribe();
    return subscription;
  }
}
