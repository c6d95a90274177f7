// A task: a run made of a generator. Each yield starts a runner and is answered with its value or its error.
//
// L4  A kill is delivered by `throw(killed)` at the task's current yield. From then on a shielded yield runs and is answered
//     as usual; any other yield starts nothing and is answered by `throw(killed)` again, from the 16th on by `return()`,
//     and after the 32nd the generator is dropped with a note: a `catch` that swallows can't loop for ever. A task that
//     never ran is closed by `return()`. (`return()` alone is lost across `yield*` once an inner `finally` has yielded.)
//     Code of an async generator that sits in an `await` of its own gets the grace, then is left behind with a note.
// L7  A spawned run that fails while nobody joins it fails its parent: the error is thrown at the parent's yield.
import { coreOf, isRunner } from './create.ts';
import { callAsyncAs, setHere } from './current.ts';
import { enqueue, overdue } from './engine.ts';
import { killedError, toError, type RunError } from './error.ts';
import type { Outcome } from './event.ts';
import { QUIET, yieldedRun } from './iterate.ts';
import { toRunner } from './runnable.ts';
import type { Running } from './runner.ts';
import type { RunRecord } from './run.ts';
import { DRIVE } from './run/operations.ts';
import { taskWaits } from './slots.ts';

type AnyGenerator = Generator<unknown, unknown, unknown> | AsyncGenerator<unknown, unknown, unknown>;
type Step = IteratorResult<unknown, unknown>;

// How a generator is resumed, or what has become of it.
/** With a value. */
export const NEXT = 0;
/** With an error. */
const THROW = 1;
/** With the order to end. */
const RETURN = 2;
/** An async generator's promise has been fulfilled. */
const STEPPED = 3;
/** It has been rejected. */
const BROKE = 4;
/** The grace of killed code is over. */
const GRACE_OVER = 5;
/** Nothing more can be done with it. */
const DROP = 6;
/** The answer of a yield that was shielded: a kill that came meanwhile waits for the next yield. */
const NEXT_AS_USUAL = 7;

const RETURN_FROM = 16;
const DROP_AFTER = 32;

/** Drives a generator as the work of a run. */
export class Task implements Running {
  readonly #run: RunRecord;
  readonly #generator: AnyGenerator;
  readonly #async: boolean;
  /** The run that the current yield waits for. */
  waiting: RunRecord | undefined;
  #ended = false;
  /** An async generator's own code is running or awaits something of its own. */
  inCode = false;
  /** By whom it was killed. */
  #killed: string | undefined;
  #killedError: RunError | undefined;
  /** Yields answered with the kill. */
  #refused = 0;
  /** The error of a spawned run, to be thrown at the current or next yield (L7). */
  #failure: Error | undefined;
  #cancelGrace: (() => void) | undefined;

  constructor(run: RunRecord, generator: AnyGenerator, isAsync: boolean) {
    this.#run = run;
    this.#generator = generator;
    this.#async = isAsync;
  }

  /** Resumes the generator, and goes on for as long as what it yields settles at once. */
  drive(how: number, value: unknown): void {
    if (this.#ended) return;
    if (how === STEPPED || how === BROKE || how === GRACE_OVER) {
      this.#cameBack(how, value);
      return;
    }
    const run = this.#run;
    for (let count = 1; ; count++) {
      // What a spawned run failed with while the first event of a run was on its way. (A kill waits for the next yield.)
      if (how === NEXT && this.#failure !== undefined) {
        how = THROW;
        value = this.#failure;
        this.#failure = undefined;
      }
      if ((count & 63) === 0 && overdue()) {
        enqueue(run, DRIVE, how, value);
        return;
      }
      let step: Step;
      if (this.#async) {
        this.#resumeAsync(how, value);
        return;
      }
      const before = setHere(run);
      try {
        step = resume(this.#generator, how, value) as Step;
      } catch (error) {
        this.#end({ type: 'failed', error: toError(error) });
        return;
      } finally {
        setHere(before);
      }
      if (step.done === true) {
        this.#finish(step.value);
        return;
      }
      const answer = this.#take(step.value);
      if (answer === undefined) return;
      how = answer.how;
      value = answer.value;
      if (how === DROP) {
        this.#drop();
        return;
      }
    }
  }

  #resumeAsync(how: number, value: unknown): void {
    const run = this.#run;
    this.inCode = true;
    if (this.#killed !== undefined) this.#startGrace();
    let step: Step | Promise<Step>;
    try {
      step = callAsyncAs(run, () => resume(this.#generator, how, value));
    } catch (error) {
      step = Promise.reject(error as Error); // a hand-made iterator may throw
    }
    Promise.resolve(step).then(
      (step) => enqueue(run, DRIVE, STEPPED, step),
      (error: unknown) => enqueue(run, DRIVE, BROKE, error),
    );
  }

  /** An async generator has yielded, returned or thrown. */
  #cameBack(how: number, value: unknown): void {
    if (how === GRACE_OVER) {
      if (!this.inCode) return;
      // While what it started is ending, it may be waiting for that and not in an await of its own.
      if (this.#run.descendants().length > 0) {
        this.#startGrace();
        return;
      }
      this.#run.note(`did not end within the grace after a kill; left behind`);
      this.#ended = true;
      this.#run.settle({ type: 'killed', by: 'grace' });
      return;
    }
    this.inCode = false;
    this.#cancelGrace?.();
    this.#cancelGrace = undefined;
    if (how === BROKE) {
      this.#end({ type: 'failed', error: toError(value) });
      return;
    }
    const step = value as Step;
    if (typeof step !== 'object' || step === null) {
      this.#end({ type: 'failed', error: new TypeError('the iterator of a task gave no result object') });
      return;
    }
    if (step.done === true) {
      this.#finish(step.value);
      return;
    }
    const answer = this.#take(step.value);
    if (answer === undefined) return;
    if (answer.how === DROP) this.#drop();
    else this.drive(answer.how, answer.value);
  }

  /** Starts what was yielded. Gives the answer if there is one already; undefined when the task has to wait. */
  #take(yielded: unknown): Answer | undefined {
    const run = this.#run;
    let runner;
    try {
      const begun = this.#async ? yieldedRun(yielded, run) : undefined;
      if (begun !== undefined && this.#killed === undefined) return { how: NEXT, value: QUIET };
      if (begun?.runner.traits.shield === true) return { how: NEXT_AS_USUAL, value: QUIET };
      if (begun === undefined) runner = toRunner(yielded, run, 'yield');
    } catch (error) {
      if (this.#killed === undefined) return { how: THROW, value: error };
    }
    if (this.#killed !== undefined && runner?.traits.shield !== true) {
      runner?.traits.discard?.();
      this.#refused++;
      if (this.#refused > DROP_AFTER) return { how: DROP, value: undefined };
      return { how: this.#refused >= RETURN_FROM ? RETURN : THROW, value: this.#kill };
    }
    if (this.#failure !== undefined && this.#killed === undefined) {
      runner!.traits.discard?.();
      const value = this.#failure;
      this.#failure = undefined;
      return { how: THROW, value };
    }
    const child = run.startChild(runner!, {});
    if (child.settled) return this.#answer(child);
    this.waiting = child;
    taskWaits(run);
    return undefined;
  }

  #answer(child: RunRecord): Answer {
    const outcome = child.outcome!;
    const interruption = this.interruption(child);
    if (interruption !== undefined) return { how: THROW, value: interruption };
    if (outcome.type === 'finished') return { how: NEXT_AS_USUAL, value: outcome.value };
    return { how: THROW, value: child.errorOf(outcome) };
  }

  /** What is thrown where the result of a run of its own was waited for: a kill, or the error of a spawned run. */
  interruption(child: RunRecord): Error | undefined {
    // A kill that came while a shielded yield ran waits for the next yield: what was shielded is answered as usual.
    if (this.#killed !== undefined) return child.runner.traits.shield === true ? undefined : this.#kill;
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** The run that the current yield waits for has settled. */
  answered(child: RunRecord): void {
    if (this.#ended || this.waiting !== child) return;
    this.waiting = undefined;
    const { how, value } = this.#answer(child);
    this.drive(how, value);
  }

  /** A spawned run failed and nobody joins it (L7). */
  failedChild(error: Error): void {
    if (this.#ended || this.#killed !== undefined || this.#failure !== undefined) return;
    this.#failure = error;
    this.#run.killChildren('a spawned run failed');
  }

  #finish(value: unknown): void {
    const { core, runner } = this.#run;
    // Nobody would hear that what the advice goes around never ran.
    if (core !== undefined && isRunner(value) && coreOf(value) === core) {
      const { by, type } = runner.spec;
      const text = `${type} ${String(by)}: it returned the runner that it goes around, which does not run that; write return yield* proceed`;
      this.#end({ type: 'failed', error: new TypeError(text) });
    } else this.#end({ type: 'finished', value });
  }

  #end(outcome: Outcome<unknown>): void {
    this.#ended = true;
    this.#cancelGrace?.();
    this.waiting = undefined;
    if (this.#failure !== undefined && this.#killed === undefined) outcome = { type: 'failed', error: this.#failure };
    this.#run.settle(outcome);
  }

  #drop(): void {
    this.#run.note(`yielded ${DROP_AFTER} times after a kill; dropped`);
    this.#end({ type: 'finished', value: undefined });
  }

  kill(by: string): void {
    if (this.#ended || this.#killed !== undefined) return;
    this.#killed = by;
    if (this.inCode) this.#startGrace();
    // At a yield: the runs of the subtree are being killed, and the answer will be the kill (#answer). Between yields:
    // the operation that resumes is on the queue and will find #killed.
  }

  /** Made when it is thrown: ten thousand nested tasks that are killed at once don't hold an error each. */
  get #kill(): RunError {
    const run = this.#run;
    this.#killedError ??= killedError(this.#killed!, { run: run.id, spec: run.spec, label: run.label });
    return this.#killedError;
  }

  #startGrace(): void {
    const { clock, grace } = this.#run.ambient;
    this.#cancelGrace?.();
    this.#cancelGrace = clock.after(grace, () => enqueue(this.#run, DRIVE, GRACE_OVER));
  }

  pause(): void {}
  play(): void {}

  describe(): string {
    if (this.waiting !== undefined) return `waits for ${this.waiting.id} (${this.waiting.label})`;
    return this.inCode ? 'in an await of its own' : 'between two yields';
  }
}

type Answer = { readonly how: number; readonly value: unknown };

interface Resumable {
  next(value: unknown): Step | Promise<Step>;
  throw?(error: unknown): Step | Promise<Step>;
  return?(value: unknown): Step | Promise<Step>;
}

/** What V8 says of an iterator without `throw`. */
const DEAF = /^The iterator does not provide a 'throw' method/;

/** Resumes an iterator, also a hand-made one that has no `throw` or `return`. */
function resume(generator: Resumable, how: number, value: unknown): Step | Promise<Step> {
  if (how === NEXT || how === NEXT_AS_USUAL) return generator.next(value);
  if (how === THROW && typeof generator.throw === 'function') {
    try {
      return generator.throw(value);
    } catch (error) {
      // `yield* [program(…)]`: a list's iterator can't hear of the failure, which is what there is to tell of all the same.
      throw error instanceof TypeError && error !== value && DEAF.test(error.message) ? value : error;
    }
  }
  const closed =
    typeof generator.return === 'function' ? generator.return(undefined) : { done: true as const, value: undefined };
  if (how === RETURN) return closed;
  throw value;
}
