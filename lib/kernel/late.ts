// Callbacks of the user's: what they throw fails their run. What async ones return is waited for before their run settles,
// so that their failure can still be the run's, and its error is told where all others are instead of ending the process.
//
// L5  A run whose callbacks come to nothing for long is held.
import { isRunError, RunError } from './error.ts';
import type { Outcome } from './event.ts';
import { hold, unhold } from './run/flow.ts';
import { enqueueReport, SETTLE } from './run/operations.ts';
import type { RunRecord } from './run.ts';

/** Takes what a callback returned; anything but a promise is nothing. */
export type Returned = (value: unknown) => void;

/** Promises of a run's callbacks. */
export interface Late {
  count: number;
  /** There are so many that nothing more is read until half of them have come. */
  holding: boolean;
  /** With what the run settles after the last of them. */
  outcome: Outcome<any> | undefined;
}

/** Beyond this many its run is held. */
const MANY = 1024;

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

/** Calls back with each line. */
export function callEach(callback: (line: any) => unknown, lines: readonly string[], returned: Returned): void {
  // By index: the first thousands of lines come before this is compiled, and an iterator costs far more until then.
  for (let i = 0; i < lines.length; i++) {
    const value = callback(lines[i]);
    if (typeof value === 'object' && value !== null) returned(value);
  }
}

/** What a callback of a run returned. A promise is waited for by this run, or, when it has its outcome, by one above. */
export function returned(run: RunRecord, value: unknown, name: string): void {
  if (value === undefined || !isThenable(value)) return;
  let waiting = run;
  while (!waiting.open && waiting.parent !== undefined) waiting = waiting.parent;
  if (!waiting.open) {
    // All has been told. After a failure or a kill one more failure is nothing new; else an unhandled rejection tells it.
    if (waiting.outcome?.type !== 'finished') value.then(undefined, () => {});
    return;
  }
  const late = (waiting.late ??= { count: 0, holding: false, outcome: undefined });
  if (++late.count > MANY && !late.holding) {
    late.holding = true;
    hold(waiting);
  }
  value.then(
    () => waiting.call(() => arrived(waiting, late)),
    (error: unknown) =>
      waiting.call(() => {
        callbackFailed(waiting, name, error);
        arrived(waiting, late);
      }),
  );
}

function arrived(run: RunRecord, late: Late): void {
  late.count--;
  if (late.holding && late.count <= MANY / 2) {
    late.holding = false;
    unhold(run);
  }
  if (late.count === 0) settleLate(run);
}

/** Settles with what it has waited with: all callbacks have come, or it was killed or has failed meanwhile. */
export function settleLate(run: RunRecord): void {
  const outcome = run.late?.outcome;
  if (outcome === undefined) return;
  run.late!.outcome = undefined;
  enqueueReport(run, SETTLE, outcome);
}

/** A callback threw, or its promise was rejected. */
export function callbackFailed(run: RunRecord, name: string, error: unknown): void {
  run.fail(isRunError(error) ? error : callbackError(run, name, error));
}

/** What the failure of a callback is told as; `name` says whose. */
export function callbackError(run: RunRecord, name: string, cause: unknown): RunError {
  return new RunError({ reason: { type: 'callback', name }, run: run.id, spec: run.spec, label: run.label, cause });
}
