// The only place that makes runner objects, and what all of them share.
import type { Spec } from './event.ts';
import { observableKeys, type Interop } from './observable.ts';
import type { LoopOptions } from './root.ts';
import { RUNNER } from './runner.ts';
import type { Advice, Context, Definition, Events, Runner, Running, Sink, Traits } from './runner.ts';

/** Makes a runner. A new kind of runner is one file that calls this. */
export function createRunner<T, I = unknown>(definition: Definition<T, I>): Runner<T, I> {
  return new DefinedRunner(definition);
}

/** Whether a value is a runner (of any copy of the library). */
export function isRunner(value: unknown): value is Runner {
  return typeof value === 'object' && value !== null && (value as { [RUNNER]?: unknown })[RUNNER] === true;
}

/** How a runner is run outside a generator; loop.ts brings it, as that one stands on this file. */
interface Ways {
  iterate<T>(runner: Runner<T, any>): Events<T>;
  runAlone<T>(runner: Runner<T, any>, options?: LoopOptions): Promise<T>;
  observable(runner: Runner<any, any>): Interop;
}
let ways: Ways;

/** Brings them. */
export function adoptWays(given: Ways): void {
  ways = given;
}

/** What all runners share. Kinds of which there may be hundreds of thousands extend it and save the closures. */
export abstract class BaseRunner<T, I = unknown> implements Runner<T, I> {
  declare readonly [RUNNER]: true;
  abstract get spec(): Spec;
  abstract get label(): string;
  abstract get traits(): Traits<T>;
  abstract start(sink: Sink<T, I>, context: Context): Running;
  [Symbol.iterator](): Iterator<any, T, any> {
    return new OneYield(this);
  }
  [Symbol.asyncIterator](): Events<T> {
    return ways.iterate(this);
  }
  with(...advice: Advice[]): Runner<T, I> {
    return advise(this, ...advice);
  }
  run(options?: LoopOptions): Promise<T> {
    return ways.runAlone(this, options);
  }
}
for (const key of observableKeys()) {
  Object.defineProperty(BaseRunner.prototype, key, {
    value(this: Runner) {
      return ways.observable(this);
    },
  });
}
Object.defineProperty(BaseRunner.prototype, RUNNER, { value: true });

class DefinedRunner<T, I> extends BaseRunner<T, I> {
  readonly traits: Definition<T, I>;
  constructor(definition: Definition<T, I>) {
    super();
    this.traits = definition;
  }
  get spec(): Spec {
    return this.traits.spec;
  }
  get label(): string {
    return this.traits.label ?? this.traits.spec.type;
  }
  start(sink: Sink<T, I>, context: Context): Running {
    return this.traits.start(sink, context);
  }
}

/** `yield*` of a runner: yields it once and gives what the loop answers. */
class OneYield<T, I> implements Iterator<Runner<T, I>, T, any> {
  #runner: Runner<T, I> | undefined;
  constructor(runner: Runner<T, I>) {
    this.#runner = runner;
  }
  next(answer?: any): IteratorResult<Runner<T, I>, T> {
    const runner = this.#runner;
    if (runner === undefined) return { value: answer, done: true };
    this.#runner = undefined;
    return { value: runner, done: false };
  }
  return(value?: any): IteratorResult<Runner<T, I>, T> {
    return { value, done: true };
  }
  throw(error: unknown): IteratorResult<Runner<T, I>, T> {
    throw error;
  }
}

/** Wraps a runner in advice; the first is the outermost. Throws a TypeError for what is no advice. */
export function advise<T, I>(runner: Runner<T, I>, ...advice: Advice[]): Runner<T, I> {
  let wrapped = runner;
  for (let i = advice.length - 1; i >= 0; i--) {
    const wrap: unknown = advice[i];
    if (typeof wrap !== 'function') throw new TypeError(`advice ${i + 1}: expected a function, got ${typeof wrap}`);
    wrapped = (wrap as Advice)(wrapped);
    if (!isRunner(wrapped)) throw new TypeError(`advice ${i + 1} (${wrap.name || 'anonymous'}) gave no runner`);
  }
  return wrapped;
}

/** What all the advice of a runner goes around: itself, where there is none. */
export function coreOf(runner: Runner<any, any>): Runner<any, any> {
  return runner.traits.core ?? runner;
}

/** A runner in the advice of its surroundings; advice that throws fails the run. */
export function advised<T>(runner: Runner<T>, advice: readonly Advice[]): Runner<T> {
  try {
    return advise(runner, ...advice);
  } catch (error) {
    const start = (): never => {
      throw error;
    };
    return createRunner<T>({ spec: runner.spec, label: runner.label, start });
  }
}
