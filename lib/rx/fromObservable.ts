import { Observable, Subject, takeUntil } from 'rxjs';
import { createRunner, RunError, toError, type Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { SOURCE } from '../kernel/source.ts';

/** How an Observable runs. */
export interface FromOptions {
  /** Values kept while the run is paused or its readers are behind. Default 1,024. */
  readonly limit?: number;
  /** Beyond the limit: 'fail' (default; reason `overflow`) or 'drop-oldest', with a note of how many are gone. */
  readonly policy?: 'fail' | 'drop-oldest';
  readonly label?: string;
}

/**
 * An Observable as a runner: subscribes when it starts, each value is an `item` event, its result is the last value (undefined without
 * any). An error fails the run, a kill unsubscribes. Given to `runCommandGens` by itself it is a source of generators, as the
 * Observable is.
 */
export function fromObservable<T>(observable: Observable<T>, options: FromOptions = {}): Runner<T | undefined, T> {
  checkOptions('fromObservable', options, ['limit', 'policy', 'label']);
  const { limit = 1024, policy = 'fail', label = 'observable' } = options;
  if (!(limit >= 0)) throw new RangeError(`fromObservable: limit ${String(limit)} is no number of values`);
  if (policy !== 'fail' && policy !== 'drop-oldest')
    throw new TypeError(`fromObservable: unknown policy ${String(policy)}`);
  if (typeof (observable as Partial<Observable<T>> | null)?.subscribe !== 'function')
    throw new TypeError('fromObservable: expected an Observable');
  const runner = createRunner<T | undefined, T>({
    spec: { type: 'observable' },
    label,
    leaf: true,
    start(sink) {
      let last: T | undefined;
      let stops = 0;
      let over = false;
      let dropped = 0;
      let end: (() => void) | undefined;
      const ended = new Subject<void>();
      const kept: T[] = [];

      const settle = (act: () => void): void => {
        if (over) return;
        over = true;
        ended.next();
        act();
      };
      const finish = (act: () => void): void => {
        if (stops > 0) end = () => settle(act);
        else settle(act);
      };
      const take = (value: T): void => {
        if (over) return;
        last = value;
        if (stops === 0) {
          sink.item(value);
          return;
        }
        kept.push(value);
        if (kept.length <= limit) return;
        if (policy === 'drop-oldest') {
          kept.shift();
          dropped++;
          return;
        }
        const reason = { type: 'overflow', stream: 'items', limit } as const;
        const error = new RunError({ reason, label, hint: 'an Observable cannot be made to wait for its readers' });
        settle(() => sink.settle({ type: 'failed', error }));
      };
      const go = (): void => {
        if (--stops > 0 || over) return;
        if (dropped > 0) sink.note(`${dropped} items are gone: the readers were behind`, { dropped });
        dropped = 0;
        for (const value of kept.splice(0)) sink.item(value);
        end?.();
      };

      // Through takeUntil a source that gives everything while it is subscribed to ends midway as well.
      const source = new Observable<T>((subscriber) => observable.subscribe(subscriber));
      source.pipe(takeUntil(ended)).subscribe({
        next: take,
        error: (error: unknown) => finish(() => sink.settle({ type: 'failed', error: toError(error) })),
        complete: () => finish(() => sink.settle({ type: 'finished', value: last })),
      });
      return {
        pause: () => void stops++,
        play: go,
        flow(open) {
          if (open) go();
          else stops++;
        },
        kill: (by) => settle(() => sink.settle({ type: 'killed', by })),
        describe: () => (kept.length > 0 ? `${kept.length} items wait for its readers` : 'waits for an Observable'),
      };
    },
  });
  return Object.assign(runner, { [SOURCE]: observable });
}
