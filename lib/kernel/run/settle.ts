// The end of a run: its runner is done, then what that one has started, then it has settled and whoever waits is told.
//
// L3  A run settles once, and only after everything it started has settled: a run whose runner is done kills what is
//     left of its children ("parent ended") and waits for them.
// L4  The outcome of one that was killed is that, whatever its runner says; another error becomes its `cause`.
// L7  Every run that was started ends in one settle event. A spawned one that fails while nobody joins it fails its parent.
import { enqueue } from '../engine.ts';
import { isRunError, toError } from '../error.ts';
import type { Outcome } from '../event.ts';
import type { RunRecord } from '../run.ts';
import { release } from '../slots.ts';
import { announce } from './announce.ts';
import { note } from './report.ts';
import { ANSWER, ENDING, FINALIZE, handleNow, SETTLED } from './operations.ts';
import { unpause } from './pause.ts';
import { unlink } from './tree.ts';

/** Its runner is done. True when it has settled now; then its parent has yet to be told. */
export function conclude<T>(run: RunRecord<T>, reported: Outcome<T>): boolean {
  if (run.phase >= ENDING) return false;
  if (run.doom === undefined && run.late !== undefined && run.late.count > 0) {
    run.late.outcome = reported;
    return false;
  }
  run.outcome = final(run.doom, reported);
  run.phase = ENDING;
  run.reported = true;
  if (run.firstChild !== undefined) {
    unpause(run);
    run.killChildren('parent ended');
    // The last of them finalizes this run, and tells.
    if (run.firstChild !== undefined || run.settled) return false;
  }
  settleNow(run);
  return true;
}

function final<T>(doom: Outcome<T> | undefined, reported: Outcome<T>): Outcome<T> {
  if (doom === undefined || doom.type === 'failed') return doom ?? reported;
  if (reported.type === 'failed' && !isRunError(reported.error, 'killed'))
    return { ...(doom as { type: 'killed'; by: string }), cause: reported.error };
  return doom;
}

/** The last of what it has started has settled: so does it. */
export function finalize(run: RunRecord): void {
  if (run.phase !== ENDING || run.firstChild !== undefined) return;
  settleNow(run);
  tellParent(run);
}

function settleNow(run: RunRecord): void {
  const { scope } = run.ambient.memo;
  if (scope !== undefined) {
    if (run.outcome!.type !== 'finished') scope.unfinished++;
    if (run.parent?.ambient.memo.scope !== scope) scope.atEnd?.(scope, (text, data) => note(run, text, data));
  }
  const at = run.ambient.clock.now();
  if (run.scope.silent !== run) {
    const ms = run.startedAt === 0 ? 0 : at - run.startedAt;
    announce({ type: 'settle', run, at, outcome: run.outcome!, ms });
  }
  run.phase = SETTLED;
  run.running = undefined;
  run.deferred = undefined;
  run.feed?.end();
  if (run.parent !== undefined) unlink(run, run.parent);
  if (run.slot !== undefined) release(run);
}

/** Tells whoever waits for it, and its parent if that one waits for nothing else any more. */
export function tellParent(run: RunRecord): void {
  // The last of its children to end may have told while it was still being started.
  if (run.told) return;
  run.told = true;
  const outcome = run.outcome!;
  const joined = run.joining > 0;
  const calls = run.settleCalls;
  run.settleCalls = undefined;
  if (calls !== undefined) for (const call of calls) call();
  const parent = run.parent;
  if (run.sink !== undefined) {
    try {
      run.sink.settle?.(outcome);
    } catch (error) {
      // Its runner lost track of this child, so a kill may find nothing to end: the run is over all the same.
      parent?.fail(toError(error));
      parent?.settle({ type: 'failed', error: toError(error) });
    }
  } else if (parent !== undefined) {
    if (run.spawned) {
      if (outcome.type === 'failed' && !joined && run.runner.traits.unchecked !== true)
        parent.task?.failedChild(outcome.error);
    } else if (parent.task !== undefined) {
      if (parent.paused) enqueue(parent, ANSWER, run);
      else handleNow(parent, ANSWER, run);
    }
  }
  if (parent !== undefined && parent.phase === ENDING && parent.firstChild === undefined) handleNow(parent, FINALIZE);
}

/** Calls back, inside a turn, when it has settled; at once if it has. The result takes that back. */
export function whenSettled(run: RunRecord, action: () => void): () => void {
  if (run.phase === SETTLED) {
    action();
    return () => {};
  }
  (run.settleCalls ??= []).push(action);
  return () => {
    const calls = run.settleCalls;
    const index = calls?.indexOf(action) ?? -1;
    if (index >= 0) calls!.splice(index, 1);
  };
}
