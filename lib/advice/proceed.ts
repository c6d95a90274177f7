import { coreOf } from '../kernel/create.ts';
import {
  BaseRunner,
  type Context,
  type Runner,
  type Running,
  type Sink,
  type Spec,
  type Traits,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/**
 * What an advice's code may start, or not: one that holds something (a generator object, a stream for stdin) is discarded if it
 * has not begun when the advice's run ends.
 */
export function proceeding<T, I>(inner: Runner<T, I>, run: RunRecord): Runner<T, I> {
  if (inner.traits.discard === undefined) return inner;
  const proceed = new Proceed(inner);
  run.whenSettled(() => proceed.leave());
  return proceed;
}

class Proceed<T, I> extends BaseRunner<T, I> {
  readonly traits: Traits<T>;
  readonly #inner: Runner<T, I>;
  #begun = false;

  constructor(inner: Runner<T, I>) {
    super();
    this.#inner = inner;
    const { slot, leaf, shield, dry, unchecked, once, code } = inner.traits;
    this.traits = {
      shield,
      unchecked,
      once,
      core: coreOf(inner),
      code,
      ...(slot === undefined ? {} : { slot }),
      ...(leaf === undefined ? {} : { leaf }),
      ...(dry === undefined ? {} : { dry }),
      discard: () => this.leave(),
    };
  }
  get spec(): Spec {
    return this.#inner.spec;
  }
  get label(): string {
    return this.#inner.label;
  }
  start(sink: Sink<T, I>, context: Context): Running {
    this.#begun = true;
    return this.#inner.start(sink, context);
  }
  leave(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#inner.traits.discard?.();
  }
}
