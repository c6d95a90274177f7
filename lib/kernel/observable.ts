// Events pushed to an observer, without any library for that: the core under lib/rx, and what `from(runner)` of RxJS and
// other Observable libraries finds by Symbol.observable. An observer is called inside turns, and so never is behind.
import { toError } from './error.ts';
import type { Event } from './event.ts';
import { callbackError } from './late.ts';
import type { RunRecord } from './run.ts';

/** Who hears of events. `error` or `complete` is called once, last. */
export interface EventObserver {
  next(event: Event): void;
  error(error: unknown): void;
  complete(): void;
}

/** A subscription. */
export interface Watching {
  /** Hears no more; kills what was started for it. */
  unsubscribe(): void;
  /** The observer's code threw: what it watches fails with that. */
  fail(thrown: unknown): void;
}

/** What a subscription watches. */
export interface Watched {
  readonly run: RunRecord;
  /** Resolves or rejects as the run, or the loop that it stands for, is told to its user; undefined: as the run itself. */
  readonly settled?: PromiseLike<unknown> | undefined;
  /** It was started for this observer, or is to end with it: unsubscribing kills it. */
  readonly owned: boolean;
}

/** Tells an observer all that a run's feed has and will have. */
export function watch({ run, settled, owned }: Watched, observer: EventObserver): Watching {
  let over = false;
  /** The run of the event that is being told. */
  let telling: RunRecord | undefined;
  const events = run.ensureFeed().iterate();

  const finish = (): void => {
    over = true;
    events.close();
  };
  const conclude = (): void => {
    finish();
    if (settled !== undefined) {
      settled.then(
        () => observer.complete(),
        (error: unknown) => observer.error(error),
      );
    } else if (run.outcome!.type === 'finished') observer.complete();
    else observer.error(run.errorOf(run.outcome!));
  };
  const tell = (): void => {
    while (!over) {
      telling = events.source;
      const event = events.pull();
      if (event === undefined) break;
      observer.next(event);
    }
    telling = undefined;
    if (over) return;
    if (events.done) conclude();
    else events.wanted = tell;
  };
  run.call(tell);

  return {
    unsubscribe() {
      if (over) return;
      finish();
      if (owned) run.kill('unsubscribed');
    },
    fail(thrown) {
      const target = telling !== undefined && !owned && telling.open ? telling : run;
      finish();
      run.call(() => {
        const error = callbackError(target, 'subscriber', toError(thrown));
        target.fail(error);
        // A task doesn't wait for what it observes: it is told as of a spawned run (L7).
        if (owned) run.parent?.task?.failedChild(error);
      });
    },
  };
}

/** The least that Observable libraries ask of an interoperable one. */
export interface Interop {
  subscribe(observer: Partial<EventObserver>): { unsubscribe(): void };
}

/** An interoperable Observable; `start` begins a subscription. */
export function interop(start: (observer: EventObserver) => Watching): Interop {
  return {
    subscribe(observer) {
      return start({
        next: (event) => observer.next?.(event),
        error: (error) => observer.error?.(error),
        complete: () => observer.complete?.(),
      });
    },
  };
}

/** The keys by which libraries look for an Observable: the symbol where somebody has defined it, and its old name. */
export function observableKeys(): (string | symbol)[] {
  const { observable } = Symbol as { observable?: symbol };
  return observable === undefined ? ['@@observable'] : ['@@observable', observable];
}
