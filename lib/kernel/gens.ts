// The run that stands for a loop: it starts each generator of the source as a child and keeps the outcomes in order.
//
// L1  Synchronous sources are drained in slices between turns; the others as they come.
import { createRunner, isRunner } from './create.ts';
import { callAs, callAsyncAs } from './current.ts';
import { enqueue, overdue, type Target } from './engine.ts';
import { messageOf, RunError, toError } from './error.ts';
import type { Outcome } from './event.ts';
import { show, toRunner } from './runnable.ts';
import type { Runner, Running, Sink } from './runner.ts';
import type { RunRecord } from './run.ts';
import { observableOf, type ObserverLike, type Source } from './source.ts';

const PULL = 0;
const ITEM = 1;
const DONE = 2;
const BROKEN = 3;

/** The runner that a loop is; `outcomes` is filled as its generators end. */
export function gens<T>(source: Source, failFast: boolean, outcomes: Outcome<T>[]): Runner<T[]> {
  return createRunner<T[]>({
    spec: { type: 'loop' },
    start: (sink, context) => new Gens(source, failFast, outcomes, sink, context as unknown as RunRecord),
  });
}

class Gens<T> implements Running, Target {
  readonly outcomes: Outcome<T>[];
  readonly #source: Source;
  readonly #failFast: boolean;
  readonly #sink: Sink<T[]>;
  readonly #run: RunRecord;
  readonly #isGenerator: boolean;
  #started = 0;
  #open = 0;
  #exhausted = false;
  #stopped = false;
  #paused = false;
  #pulling = false;
  #iterator: Iterator<unknown> | undefined;
  #asyncIterator: AsyncIterator<unknown> | undefined;
  #subscription: { unsubscribe(): void } | undefined;
  /** Failures of the source itself; killed ones of failFast are not among the errors. */
  readonly #sourceErrors: Error[] = [];
  #failedFast = false;

  constructor(source: Source, failFast: boolean, outcomes: Outcome<T>[], sink: Sink<T[]>, run: RunRecord) {
    this.outcomes = outcomes;
    this.#source = source;
    this.#failFast = failFast;
    this.#sink = sink;
    this.#run = run;
    this.#isGenerator = /Generator\]$/.test(Object.prototype.toString.call(source));
    try {
      this.#begin();
    } catch (error) {
      this.#broken(error);
    }
  }

  #begin(): void {
    const source = this.#source as object;
    const run = this.#run;
    if (Symbol.iterator in source) {
      this.#iterator = callAs(run, () => (source as Iterable<unknown>)[Symbol.iterator]());
      this.#pull();
      return;
    }
    const observable = Symbol.asyncIterator in source ? undefined : observableOf(source);
    if (observable === undefined) {
      this.#asyncIterator = callAsyncAs(run, () => (source as AsyncIterable<unknown>)[Symbol.asyncIterator]());
      this.#pullAsync();
      return;
    }
    const observer: ObserverLike<unknown> = {
      next: (value) => enqueue(this, ITEM, value),
      error: (error) => enqueue(this, BROKEN, error),
      complete: () => enqueue(this, DONE),
    };
    this.#subscription = callAsyncAs(run, () => observable.subscribe(observer as never));
    if (this.#stopped) this.#subscription.unsubscribe();
  }

  handle(operation: number, value: unknown): void {
    if (operation === PULL) this.#pull();
    else if (operation === ITEM) {
      this.#item(value);
      if (this.#asyncIterator !== undefined) this.#pullAsync();
    } else if (operation === BROKEN) this.#broken(value);
    else this.#done();
  }

  #pull(): void {
    for (let count = 1; !this.#stopped && !this.#exhausted; count++) {
      if (this.#paused) return;
      if ((count & 15) === 0 && overdue()) {
        enqueue(this, PULL);
        return;
      }
      let step: IteratorResult<unknown>;
      try {
        step = callAs(this.#run, () => this.#iterator!.next());
      } catch (error) {
        this.#broken(error);
        return;
      }
      if (typeof step !== 'object' || step === null) this.#broken(noStep(step));
      else if (step.done === true) this.#done();
      else this.#item(step.value);
    }
  }

  #pullAsync(): void {
    if (this.#stopped || this.#exhausted || this.#paused || this.#pulling) return;
    this.#pulling = true;
    // An iterator of somebody's own may throw instead of rejecting, and give what is no step.
    new Promise<IteratorResult<unknown>>((resolve) => {
      resolve(callAsyncAs(this.#run, () => this.#asyncIterator!.next()));
    }).then(
      (step) => {
        this.#pulling = false;
        if (typeof step !== 'object' || step === null) enqueue(this, BROKEN, noStep(step));
        else if (step.done === true) enqueue(this, DONE);
        else enqueue(this, ITEM, step.value);
      },
      (error: unknown) => {
        this.#pulling = false;
        enqueue(this, BROKEN, error);
      },
    );
  }

  #item(value: unknown): void {
    if (this.#stopped) return;
    const index = this.#started++;
    if (this.#isGenerator && isRunner(value)) {
      // runCommandGens(main()): its yields are not generators but the steps of one.
      const name = `${value.label}`;
      this.#broken(
        new TypeError(
          `runCommandGens: the generator yields a runner (${name}), so it is one of the generators, not a list of them; pass [main()]`,
        ),
        true,
      );
      return;
    }
    let runner: Runner<T>;
    try {
      runner = toRunner<T>(value, this.#run, 'runCommandGens');
    } catch (error) {
      this.#settled(index, { type: 'failed', error: toError(error) });
      return;
    }
    this.#open++;
    this.#run.startChild(runner, {
      sink: {
        settle: (outcome: Outcome<T>) => {
          this.#open--;
          this.#settled(index, outcome);
        },
      },
    });
  }

  #settled(index: number, outcome: Outcome<T>): void {
    this.outcomes[index] = outcome;
    if (outcome.type !== 'finished' && this.#failFast && !this.#failedFast && !this.#stopped) {
      this.#failedFast = true;
      this.#stop();
      this.#run.killChildren('failFast');
    }
    this.#check();
  }

  #done(): void {
    this.#exhausted = true;
    this.#check();
  }

  /** The source failed. What it gave goes on, unless the source was no list of generators at all. */
  #broken(error: unknown, misused = false): void {
    this.#exhausted = true;
    if (misused) {
      this.#stop();
      this.#sink.settle({ type: 'failed', error: error as Error });
      return;
    }
    this.#sourceErrors.push(toError(error));
    this.#check();
  }

  #check(): void {
    if (!this.#exhausted || this.#open > 0) return;
    const failed = this.outcomes.some((outcome) => outcome.type !== 'finished');
    if (!failed && this.#sourceErrors.length === 0) {
      this.#sink.settle({ type: 'finished', value: this.outcomes.map((outcome) => (outcome as { value: T }).value) });
      return;
    }
    this.#sink.settle({ type: 'failed', error: this.#aggregate() });
  }

  #aggregate(): AggregateError {
    const { masker } = this.#run.scope;
    const outcomes = this.outcomes.map((outcome) => masker.outcome(outcome));
    const errors: Error[] = [];
    for (const outcome of outcomes) {
      if (outcome.type === 'failed') errors.push(outcome.error);
      else if (outcome.type === 'killed' && !(this.#failedFast && outcome.by === 'failFast'))
        errors.push(new RunError({ reason: { type: 'killed', by: outcome.by }, cause: outcome.cause }));
    }
    return aggregateError([...errors, ...this.#sourceErrors.map((error) => masker.value(error))], outcomes);
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#exhausted = true;
    this.#subscription?.unsubscribe();
    try {
      this.#iterator?.return?.();
      const closed: unknown = this.#asyncIterator?.return?.();
      if (closed !== undefined) Promise.resolve(closed).catch(() => {});
    } catch {
      // The loop ends for another reason; that is the one to tell.
    }
  }

  kill(by: string): void {
    this.#stop();
    this.#sink.settle({ type: 'killed', by });
  }
  pause(): void {
    this.#paused = true;
  }
  play(): void {
    this.#paused = false;
    if (this.#iterator !== undefined && !this.#exhausted) enqueue(this, PULL);
    if (this.#asyncIterator !== undefined) this.#pullAsync();
  }
}

function noStep(step: unknown): TypeError {
  return new TypeError(`runCommandGens: the iterator gave ${show(step)}, not { value, done }`);
}

/** The one error of several generators; `outcomes` has all of them, in order. */
function aggregateError(
  errors: Error[],
  outcomes: readonly Outcome<unknown>[],
): AggregateError & { outcomes: readonly Outcome<unknown>[] } {
  const shown = errors.slice(0, 5).map((error) => `  ${firstLine(messageOf(error))}`);
  if (errors.length > shown.length) shown.push(`  … and ${errors.length - shown.length} more`);
  const error = new AggregateError(
    errors,
    `${errors.length} of ${Math.max(errors.length, outcomes.length)} failed:\n${shown.join('\n')}`,
  );
  // Not enumerable: what Node prints of an uncaught one would have every error twice.
  return Object.defineProperty(error, 'outcomes', { value: outcomes }) as typeof error & { outcomes: typeof outcomes };
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.length <= 500 ? line : `${line.slice(0, 499)}…`;
}
