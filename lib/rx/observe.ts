import { isRunner, type Event, type Loop, type Run, type Runner, type StreamName } from '../kernel/index.ts';
import { observeLoop, observeRunner } from '../kernel/loop.ts';
import { watch, type EventObserver, type Watching } from '../kernel/observable.ts';
import { checkOptions } from '../kernel/options.ts';
import { RunRecord } from '../kernel/run.ts';
import { collect, LiveObservable } from './live.ts';

/** What can be observed. */
export type Observed = Runner<any, any> | Run<any, any> | Loop<any>;

/** How a loop or a run is observed. */
export interface ObserveOptions {
  /** Unsubscribing kills it. Default false for a loop and a run, which may have other readers; a runner's run always ends. */
  readonly kill?: boolean;
}

/**
 * The events of a runner, a run or a loop as an Observable. Of a runner it is cold: each subscription starts a run, outside any loop
 * or as a part of the task that subscribes; unsubscribing kills it, and the task waits for its end. Of a loop or a run it is hot,
 * begins with what is kept of the events before, and unsubscribing only detaches.
 *
 * It completes when that has finished and errors with its error. What a subscriber's handler throws fails the run (reason `callback`,
 * name 'subscriber') instead of the process.
 */
export function observe(target: Observed, options: ObserveOptions = {}): LiveObservable<Event> {
  checkOptions('observe', options, ['kill']);
  const start = starter(target, options);
  return new LiveObservable<Event>(
    (subscriber) => {
      const observer: EventObserver = {
        next: (event) => subscriber.next(event),
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      };
      const watching = start(observer);
      collect(watching);
      return () => watching.unsubscribe();
    },
    () => target,
  );
}

function starter(target: Observed, { kill = false }: ObserveOptions): (observer: EventObserver) => Watching {
  if (isRunner(target)) return (observer) => observeRunner(target, observer);
  if (target instanceof RunRecord) return (observer) => watch({ run: target, owned: kill }, observer);
  if (typeof (target as Partial<Loop<any>> | null)?.list === 'function')
    return (observer) => observeLoop(target as Loop<any>, observer, kill);
  throw new TypeError('observe: expected a runner, a run or a loop');
}

/** Which lines. */
export interface LinesOptions extends ObserveOptions {
  /** Those of this stream only. Default: all. */
  readonly stream?: StreamName;
}

/** The lines of a runner, a run or a loop; beginnings of lines (`partial`) are left out. */
export function lines$(target: Observed, options: LinesOptions = {}): LiveObservable<string> {
  checkOptions('lines$', options, ['kill', 'stream']);
  const { stream } = options;
  const start = starter(target, options);
  const lineOf = (event: Event): string | undefined =>
    event.type === 'line' && event.partial !== true && (stream === undefined || event.stream === stream)
      ? event.line
      : undefined;
  return new LiveObservable<string>(
    (subscriber) => {
      const watching = start({
        next(event) {
          const line = lineOf(event);
          if (line !== undefined) subscriber.next(line);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      collect(watching);
      return () => watching.unsubscribe();
    },
    async function* () {
      for await (const event of target) {
        const line = lineOf(event);
        if (line !== undefined) yield line;
      }
    },
  );
}
