// The beginning of a run: it waits for its slot, then its runner is started. That one may be done before its `start` returns.
//
// L1  What a runner says inside its own `start` is handled in place.
import { enqueue, turning } from '../engine.ts';
import { toError } from '../error.ts';
import type { Outcome } from '../event.ts';
import type { ChildOptions, ChildSink } from '../runner.ts';
import type { RunRecord } from '../run.ts';
import { take } from '../slots.ts';
import { announce } from './announce.ts';
import { stop } from './kill.ts';
import { BEGIN, CREATED, QUEUED, RUNNING, startRunner, tooDeep } from './operations.ts';
import { sendMail } from './send.ts';
import { conclude, tellParent } from './settle.ts';

/** How a run is started, besides what users may say. */
export interface RunOptions extends ChildOptions {
  readonly sink?: ChildSink<any, any> | undefined;
  /** Started by `spawn`: its failure is its parent's unless somebody joins it. */
  readonly spawned?: boolean;
  /** Read by `for await` from its start. */
  readonly iterated?: boolean;
  /** Awaited by the user's own code: `runner.run()` in a task. */
  readonly promised?: boolean;
  /** Called before it begins. */
  readonly prepared?: ((run: RunRecord) => void) | undefined;
}

/** Begins a run that was just made; in place if that may be. */
export function beginChild(child: RunRecord, options: RunOptions): void {
  options.prepared?.(child);
  if (child.paused || tooDeep() || !turning()) {
    beginSoon(child);
    return;
  }
  begin(child);
  // Who yielded it sees that it has settled; others have to be told.
  if (child.settled && (child.sink !== undefined || child.spawned || child.settleCalls !== undefined))
    tellParent(child);
}

/** Begins it through the queue. */
export function beginSoon(run: RunRecord): void {
  enqueue(run, BEGIN);
}

/** Starts it, when it has its slot. Afterwards it may have settled; then nobody has been told yet. */
export function begin(run: RunRecord): void {
  if (run.phase !== CREATED) return;
  const { slot, core } = run.runner.traits;
  run.core = core;
  if (slot === true && !run.shielded && !run.ambient.dryRun && run.slot === undefined && !take(run)) {
    run.phase = QUEUED;
    run.queued = true;
    return;
  }
  launch(run);
}

/** It has come to the head of the line. */
export function granted(run: RunRecord): void {
  run.phase = CREATED;
  if (run.paused) {
    beginSoon(run);
    return;
  }
  launch(run);
  if (run.settled) tellParent(run);
}

function launch(run: RunRecord): void {
  run.phase = RUNNING;
  run.startedAt = run.ambient.clock.now();
  if (run.scope.silent !== run) announce({ type: 'start', run, at: run.startedAt });
  const unstarted = outcomeWithout(run);
  if (unstarted !== undefined) {
    run.reported = true;
    conclude(run, unstarted);
    return;
  }
  run.starting = true;
  try {
    run.running = startRunner(run);
  } catch (error) {
    run.reported = true;
    run.early = { type: 'failed', error: toError(error) };
  }
  run.starting = false;
  const early = run.early;
  if (early !== undefined) {
    run.early = undefined;
    conclude(run, early);
    return;
  }
  if (run.holds > 0) run.running?.flow?.(false);
  if (run.doom !== undefined) stop(run, 'callback');
  sendMail(run);
}

/** How it ends without being started: a listener has failed it, or it is only shown. */
function outcomeWithout(run: RunRecord): Outcome<unknown> | undefined {
  if (run.doom !== undefined) return run.doom;
  if (!run.ambient.dryRun || run.runner.traits.leaf !== true) return undefined;
  return { type: 'finished', value: run.runner.traits.dry?.() };
}
