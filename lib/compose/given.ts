// What the run of a function does with what the function gave.
import { DONE } from '../kernel/running.ts';
import { isRunner, type Outcome, type ResultOf, type Runner, type Running, type Sink } from '../kernel/index.ts';
import { callAs, callAsyncAs } from '../kernel/current.ts';
import { isThenable } from '../kernel/late.ts';
import { isGenerator, startMade, toRunner } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { awaiting } from '../runners/promise.ts';

/** The result of the run of a function: a generator's and a runner's, a promise's value, else what it returned. */
export type Given<R> = R extends Runner<any, any> | Generator<any, any, any> | AsyncGenerator<any, any, any>
  ? ResultOf<R>
  : R extends PromiseLike<infer P>
    ? Given<P>
    : R;

/** Calls a function as the work of a run: a generator or a runner that it gives is run, a promise is awaited, the rest is its value. */
export function startCall(fn: () => unknown, kind: string, name: string, sink: Sink<any>, run: RunRecord): Running {
  // Calling a generator function runs nothing of it.
  const given = kind.endsWith('GeneratorFunction]') ? callAs(run, fn) : callAsyncAs(run, fn);
  if (isRunner(given) || isGenerator(given)) return startMade(given, sink, run, 'task');
  if (!isThenable(given)) {
    sink.settle({ type: 'finished', value: given });
    return DONE;
  }
  const settle = (outcome: Outcome<unknown>): void => {
    const value = outcome.type === 'finished' ? outcome.value : undefined;
    if (!isRunner(value) && !isGenerator(value)) sink.settle(outcome);
    else run.call(() => startLate(toRunner(value), sink, run));
  };
  return awaiting(given, name, { note: (text) => run.note(text), settle }, run);
}

/** Runs what a promise gave, unless the run was killed meanwhile. */
function startLate(runner: Runner, sink: Sink<any>, run: RunRecord): void {
  if (run.doom === undefined) {
    run.startChild(runner, { sink: { settle: (outcome: Outcome<unknown>) => sink.settle(outcome) } });
    return;
  }
  runner.traits.discard?.();
  sink.settle(run.doom);
}
