// Killing a run, and failing it for something that its runner doesn't know of: its work is ended, with all below it.
//
// L3  A kill reaches everything below; the run settles when all of that has.
// L4  What is shielded runs on, what code of a killed run starts is killed before it begins; how a task hears of a kill is
//     in task.ts.
import { toError } from '../error.ts';
import type { Outcome } from '../event.ts';
import { settleLate } from '../late.ts';
import type { RunRecord } from '../run.ts';
import { ENDING, enqueueReport, handleNow, KILL, RUNNING, SETTLE, SETTLED } from './operations.ts';
import { playOn, unpause } from './pause.ts';
import { conclude, tellParent } from './settle.ts';
import { children, descendants } from './tree.ts';

/** Kills it; 'SIGKILL' also while it is ending. */
export function kill(run: RunRecord, by: string): void {
  if (run.phase >= ENDING) {
    if (by === 'SIGKILL') killChildren(run, by);
    return;
  }
  if (run.doom !== undefined && by !== 'SIGKILL') return;
  run.doom ??= { type: 'killed', by };
  if (run.phase !== RUNNING) {
    run.queued = false;
    run.runner.traits.discard?.();
    run.reported = true;
    if (conclude(run, run.doom)) tellParent(run);
    return;
  }
  stop(run, by);
  settleLate(run);
}

/** Fails it with this error when its work has ended, which it is told to. */
export function fail(run: RunRecord, error: Error): void {
  if (run.phase === SETTLED || run.doom?.type === 'failed') return;
  run.doom = { type: 'failed', error };
  if (run.phase === RUNNING && !run.starting) {
    stop(run, 'callback');
    settleLate(run);
  } else if (run.phase === ENDING) run.outcome = run.doom;
}

/** Tells its runner, and those below, to end. */
export function stop(run: RunRecord, by: string): void {
  unpause(run);
  try {
    run.running?.kill(by);
  } catch (error) {
    enqueueReport(run, SETTLE, { type: 'failed', error: toError(error) });
  }
  killChildren(run, by);
  run.controller?.abort(abortReason(run));
}

/** Its AbortSignal, made when it is asked for: aborted when it is told to end. */
export function signalOf(run: RunRecord): AbortSignal {
  run.controller ??= new AbortController();
  if (run.doom !== undefined) run.controller.abort(abortReason(run));
  return run.controller.signal;
}

function abortReason(run: RunRecord): Error {
  return run.errorOf(run.doom as Outcome<never>);
}

/** Kills what it has started, except what is shielded. */
export function killChildren(run: RunRecord, by: string): void {
  for (const child of [...children(run)]) {
    if (child.runner.traits.shield === true) playOn(child);
    else handleNow(child, KILL, by);
  }
}

/** A second Ctrl-C: whatever still runs gets SIGKILL now, shielded or not. */
export function killHard(run: RunRecord): void {
  // Whatever has nothing below it: programs, also those that are stages of a pipe or were left behind.
  for (const each of [...descendants(run), run])
    if (each.phase === RUNNING && each.firstChild === undefined) each.running?.kill('SIGKILL');
}

/** What code of a killed run starts is killed before it begins, except what is shielded (L4). */
export function refuse(run: RunRecord, child: RunRecord): void {
  if (run.doom === undefined || child.runner.traits.shield === true) return;
  child.call(() => kill(child, run.doom?.type === 'killed' ? run.doom.by : 'callback'));
}
