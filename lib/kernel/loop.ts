// runCommandGens: the loop that users start, and the ways to run a single runner: `runner.run()` and `for await`.
//
// L7  A failed loop that nobody awaits or iterates raises one ordinary unhandled rejection.
import { adoptWays } from './create.ts';
import { currentRun } from './current.ts';
import { killedError } from './error.ts';
import type { Event, Outcome, RunId } from './event.ts';
import { gens } from './gens.ts';
import { RunIterator } from './iterate.ts';
import { interop, observableKeys, watch, type EventObserver, type Interop, type Watching } from './observable.ts';
import { checkLoopOptions, startRoot, type LoopOptions } from './root.ts';
import type { RunRecord } from './run.ts';
import { refuse } from './run/kill.ts';
import type { Events, ResultOf, ResultsOf, Run, Runnable, Runner } from './runner.ts';
import { checkSource, type Source } from './source.ts';

/** What `runCommandGens` gives: awaitable, iterable, killable. It is a thenable, so an async function can't return it unresolved. */
export interface Loop<R> extends PromiseLike<R>, AsyncIterable<Event> {
  then: Promise<R>['then'];
  catch: Promise<R>['catch'];
  finally: Promise<R>['finally'];
  /** Kills everything below it; it rejects with a RunError `killed` when all has ended. */
  kill(by?: string): void;
  pause(): void;
  play(): void;
  /** The live run with this id. */
  find(id: RunId): Run | undefined;
  /** The live runs, each before those that it started: "why is it hanging?". */
  list(): readonly Run[];
  /** Every event from here on, after what is kept of those before; then the loop's error if it failed. Leaving it early leaves the loop alone. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event>;
  /** With it a Loop is accepted where a Promise is asked for. */
  readonly [Symbol.toStringTag]: string;
}

/**
 * Runs generators side by side: each yields runners, one after another, and is answered with their results.
 *
 * Gives their return values in order. Independent generators don't kill one another: when some fail, the rest finish and
 * it rejects with one AggregateError, whose `outcomes` lists all. A kill, an abort or a timeout rejects with a RunError
 * that has the `outcomes` too. Throws a TypeError at once for what is no source of generators.
 *
 * Work starts in a microtask after the call. Inside a task it is a part of that task. The idea and the name are from "My
 * Weaksauce Event Loop" (2009).
 */
export function runCommandGens<const L extends readonly Runnable<any>[]>(
  source: L,
  options?: LoopOptions,
): Loop<ResultsOf<L>>;
export function runCommandGens<R extends Runnable<any>>(source: Source<R>, options?: LoopOptions): Loop<ResultOf<R>[]>;
export function runCommandGens<T>(source: Source<Runnable<T>>, options?: LoopOptions): Loop<T[]>;
export function runCommandGens(source: Source, options: LoopOptions = {}): Loop<any> {
  const from = checkSource(source);
  checkLoopOptions('runCommandGens', options);
  const outcomes: Outcome<unknown>[] = [];
  const runner = gens<unknown>(from, options.failFast === true, outcomes);
  const root = startRoot(runner, options, true, currentRun(), outcomes);
  return new LoopHandle<unknown[]>(root.run, root.settled);
}

/** `runner.run()`. */
export function runAlone<T>(runner: Runner<T>, options: LoopOptions = {}): Promise<T> {
  return startRoot(runner, options, false, currentRun()).settled;
}

/** `for await (const event of runner)`. */
export function iterate<T>(runner: Runner<T>): Events<T> {
  return new RunIterator((started, failed, wanted) => {
    const owner = currentRun();
    if (owner === undefined) {
      const { run, settled } = startRoot(runner, {}, false, undefined, undefined, true);
      settled.catch(() => {}); // the iterator tells
      started(run);
      return;
    }
    owner.call(() => {
      if (!wanted()) return;
      if (!owner.open) {
        failed(killedError('parent ended', { label: runner.label, spec: runner.spec }));
        return;
      }
      owner.startChild(runner, {
        iterated: true,
        sink: {},
        prepared(run) {
          started(run);
          refuse(owner, run);
        },
      });
    });
  }, true) as never;
}

/** Pushes the events of a run of this runner, started now, to an observer. */
export function observeRunner(runner: Runner<any>, observer: EventObserver): Watching {
  const { run, settled } = startRoot(runner, {}, false, currentRun(), undefined, true);
  let failed = false;
  // The observer is told; but when it is the observer that failed, only an unhandled rejection can tell.
  settled.catch((error: unknown) => {
    if (failed && run.parent === undefined) throw error;
  });
  const watching = watch({ run, owned: true }, observer);
  return {
    unsubscribe: () => watching.unsubscribe(),
    fail(thrown) {
      failed = true;
      watching.fail(thrown);
    },
  };
}

/** Pushes the events of a loop to an observer, beginning with what is kept of those before. */
export function observeLoop(loop: Loop<any>, observer: EventObserver, kill = false): Watching {
  if (!(loop instanceof LoopHandle)) throw new TypeError('observe: expected a runner or a loop of this copy of sluice');
  loop.catch(() => {}); // the observer is told
  return watch({ run: loop.run, settled: loop, owned: kill }, observer);
}

const observable = (runner: Runner<any, any>): Interop => interop((observer) => observeRunner(runner, observer));

adoptWays({ iterate, runAlone, observable });

class LoopHandle<R> implements Loop<R> {
  readonly #run: RunRecord<R>;
  readonly #settled: Promise<R>;
  readonly then: Promise<R>['then'];
  readonly catch: Promise<R>['catch'];
  readonly finally: Promise<R>['finally'];

  constructor(run: RunRecord<R>, settled: Promise<R>) {
    this.#run = run;
    this.#settled = settled;
    this.then = settled.then.bind(settled) as Promise<R>['then'];
    this.catch = settled.catch.bind(settled) as Promise<R>['catch'];
    this.finally = settled.finally.bind(settled);
  }
  kill(by?: string): void {
    this.#run.kill(by);
  }
  pause(): void {
    this.#run.pause();
  }
  play(): void {
    this.#run.play();
  }
  find(id: RunId): Run | undefined {
    for (const run of this.#run.descendants()) if (run.id === id) return run;
    return undefined;
  }
  list(): readonly Run[] {
    return [...this.#run.descendants()];
  }
  [Symbol.asyncIterator](): AsyncIterableIterator<Event> {
    this.#settled.catch(() => {}); // whoever reads to the end hears of it
    return this.#run[Symbol.asyncIterator]();
  }
  get [Symbol.toStringTag](): string {
    return 'Loop';
  }
  /** The run that stands for the loop; for lib/rx. */
  get run(): RunRecord<R> {
    return this.#run;
  }
}
for (const key of observableKeys()) {
  Object.defineProperty(LoopHandle.prototype, key, {
    value(this: Loop<any>) {
      return interop((observer) => observeLoop(this, observer));
    },
  });
}
