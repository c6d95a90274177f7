// runCommandGens: the loop that users start, and the ways to run a single runner: `runner.run()` and `for await`.
//
// L7  A failed loop that nobody awaits or iterates raises one ordinary unhandled rejection.
import { milliseconds, type Clock, type Duration } from './clock.ts';
import { currentRun } from './current.ts';
import { killedError, RunError } from './error.ts';
import type { Event, Outcome, RunId } from './event.ts';
import { attachHost } from './host.ts';
import { RunIterator } from './iterate.ts';
import { interop, observableKeys, watch, type EventObserver, type Interop, type Watching } from './observable.ts';
import { RunRecord } from './run.ts';
import { beginSoon } from './run/begin.ts';
import { refuse } from './run/kill.ts';
import {
  adoptWays,
  type Advice,
  type Run,
  type Runnable,
  type Runner,
  type ResultOf,
  type ResultsOf,
} from './runner.ts';
import { aggregateError, checkSource, gens, type Source } from './source.ts';
import { checkOptions } from './options.ts';
import { makeAmbient, makeScope, type Scope } from './scope.ts';
import { onAbort } from './signal.ts';
import type { Spawner } from './spawner.ts';

/** How a loop runs. */
export interface LoopOptions {
  /** Programs at once, over all generators; default: as many as the machine has descriptors for. */
  readonly slots?: number | undefined;
  /** Kills the loop when aborted; one that is already aborted starts nothing. */
  readonly signal?: AbortSignal | undefined;
  /** Kills the loop after this time; it rejects with a RunError `timeout`. */
  readonly timeout?: Duration | undefined;
  /** The first failure kills the rest. Default false: independent generators finish. */
  readonly failFast?: boolean | undefined;
  /** Goes around every leaf (a runner that starts no other) of the loop; the first is the outermost. */
  readonly advice?: readonly Advice[] | undefined;
  /** Called with every event, inside a turn. What it throws fails the event's run. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** A reporter, such as `prefix()`; called as `onEvent` is, before it. */
  readonly report?: ((event: Event) => void) | undefined;
  /** Masked in events, labels, specs, notes and errors; at least 4 characters each. */
  readonly secrets?: readonly string[] | undefined;
  /** Leaves are not started: their events show what would be. Default false. */
  readonly dryRun?: boolean | undefined;
  /** The folder of programs. Default: Node's own. */
  readonly cwd?: string | undefined;
  /** What killed code of async generators and promise functions gets, to end by itself. Default '5s'. */
  readonly grace?: Duration | undefined;
  /** False: SIGINT, SIGTERM and SIGHUP are not listened to. Default true. */
  readonly signals?: boolean | undefined;
  /** Where programs start. Default: this machine. */
  readonly spawner?: Spawner | undefined;
  readonly clock?: Clock | undefined;
}

const KNOWN =
  'slots signal timeout failFast advice onEvent report secrets dryRun cwd grace signals spawner clock'.split(' ');

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
  checkSource(source);
  const outcomes: Outcome<unknown>[] = [];
  const runner = gens<unknown>(source, options.failFast === true, outcomes);
  const root = startRoot(runner, options, true, currentRun(), outcomes);
  return new LoopHandle<unknown[]>(root.run, root.settled);
}

/** `runner.run()`. */
export function runAlone<T>(runner: Runner<T>, options: LoopOptions = {}): Promise<T> {
  return startRoot(runner, options, false, currentRun()).settled;
}

/** `for await (const event of runner)`. */
export function iterate<T>(runner: Runner<T>): AsyncIterableIterator<Event> & AsyncIterator<Event, T, any> {
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

interface Root<T> {
  readonly run: RunRecord<T>;
  readonly settled: Promise<T>;
}

/** Starts a run that is awaited by the user's own code: the root of a tree, or inside a task a branch of that one. */
function startRoot<T>(
  runner: Runner<T>,
  options: LoopOptions,
  silent: boolean,
  owner: RunRecord | undefined,
  outcomes?: readonly Outcome<unknown>[],
  iterated = false,
): Root<T> {
  checkOptions(silent ? 'runCommandGens' : 'run', options, KNOWN);
  const late = owner?.open === false;
  if (late) owner = undefined;
  const scope = makeScope(options, owner?.scope);
  const ambient = makeAmbient(options, owner?.ambient);
  const ms = options.timeout === undefined ? Infinity : milliseconds(options.timeout, 'timeout');
  /** Why the loop was killed, where that is not for its outcome to say. */
  let reason: RunError | undefined;
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const settled = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const key = owner !== undefined ? ++owner.count : silent ? '' : '1';
  const run = new RunRecord<T>(owner, key, runner, scope, ambient, {
    promised: true,
    iterated,
    sink: {
      settle(outcome: Outcome<T>) {
        for (const undo of undos) undo();
        // One that is killed with its task, which had no chance to await it, is nobody's failure.
        if (outcome.type === 'killed' && owner !== undefined) settled.catch(() => {});
        if (outcome.type === 'finished') resolve(outcome.value);
        else reject(rejection(outcome, run, scope, reason, outcomes));
      },
    },
  });
  if (silent) scope.silent = run;
  run.ensureFeed();
  const undos: (() => void)[] = [];
  if (owner === undefined && options.signals !== false) undos.push(attachHost(run));
  if (ms !== Infinity) {
    undos.push(
      ambient.clock.after(ms, () => {
        reason = new RunError({ reason: { type: 'timeout', ms }, label: silent ? 'the loop' : run.label });
        run.kill('timeout');
      }),
    );
  }
  if (options.signal !== undefined) {
    undos.push(
      onAbort(options.signal, (cause) => {
        reason = killedError('signal', { label: silent ? 'the loop' : run.label, cause });
        run.kill('signal');
      }),
    );
  }
  if (owner !== undefined) refuse(owner, run);
  if (late) run.kill('parent ended');
  beginSoon(run);
  return { run, settled };
}

function rejection(
  outcome: Exclude<Outcome<unknown>, { type: 'finished' }>,
  run: RunRecord,
  scope: Scope,
  reason: RunError | undefined,
  outcomes: readonly Outcome<unknown>[] | undefined,
): Error {
  let error: Error;
  if (outcome.type === 'failed') error = outcome.error;
  else if (reason !== undefined) error = reason;
  else if (scope.silent === run) error = killedError(outcome.by, { label: 'the loop', cause: outcome.cause });
  else error = run.errorOf(outcome);
  if (outcomes !== undefined && error instanceof RunError && outcome.type === 'killed') error.outcomes = outcomes;
  return error;
}

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

export { aggregateError };
