// What `each` does for one host: its function's work as a run of the host's name, tried again where that is asked for, and
// whether a command has run there.
import { callAs } from '../kernel/current.ts';
import {
  BaseRunner,
  createRunner,
  isRunError,
  type Advice,
  type Context,
  type Runnable,
  type Runner,
  type Running,
  type Sink,
  type Spec,
  type Traits,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { startMade } from '../kernel/runnable.ts';
import type { Host } from '../ssh/host.ts';
import { goesElsewhere } from '../ssh/via.ts';
import { wasUnanswered } from './errand.ts';
import { keyOf } from './typed.ts';

/** The function's work for a host, as a runner: each start calls the function anew. */
export function hostRunner<T, V>(
  host: Host<V>,
  fn: (host: Host<V>) => Runnable<T>,
  advice: Advice | undefined,
): Runner<T> {
  const name = keyOf(host);
  const runner = createRunner<T>({
    spec: { type: 'task', name: fn.name || 'each', args: [name] },
    label: name,
    start: (sink, context) =>
      startMade<T>(
        callAs(context as unknown as RunRecord, () => fn(host)),
        sink,
        context,
        'each',
      ),
  });
  return advice === undefined ? runner : advice(runner);
}

/**
 * An advice that calls `ran` when a command on another machine, or a copy, has ended that may have begun. It adds no run: what is below
 * keeps its ids.
 */
export function watched(ran: () => void): Advice {
  return <T, I>(inner: Runner<T, I>): Runner<T, I> => new Watched(inner, ran);
}

class Watched<T, I> extends BaseRunner<T, I> {
  readonly #inner: Runner<T, I>;
  readonly #ran: () => void;

  constructor(inner: Runner<T, I>, ran: () => void) {
    super();
    this.#inner = inner;
    this.#ran = ran;
  }
  get spec(): Spec {
    return this.#inner.spec;
  }
  get label(): string {
    return this.#inner.label;
  }
  get traits(): Traits<T> {
    return this.#inner.traits;
  }
  start(sink: Sink<T, I>, context: Context): Running {
    const run = context as unknown as RunRecord;
    // Copies and the like say only once they have begun that they go to another machine.
    run.whenSettled(() => {
      if ((run.remote !== undefined || goesElsewhere(run)) && !isUnsent(run.outcome)) this.#ran();
    });
    return this.#inner.start(sink, context);
  }
}

function isUnsent(outcome: RunRecord['outcome']): boolean {
  return outcome?.type === 'failed' && neverSent(outcome.error);
}

/** A failed connection by which nothing was sent, or a deadline before there was one. */
export function neverSent(error: Error): boolean {
  return (isRunError(error, 'connection') && error.reason.sent === 'no') || wasUnanswered(error);
}
