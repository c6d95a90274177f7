// Back-pressure: a run is held (its streams are not read) for as long as somebody has a reason for that.
//
// L5  A stream is held while its undelivered reports exceed 256 KiB, and until they are half of that.
import { enqueue } from '../engine.ts';
import type { RunRecord } from '../run.ts';
import { CALL } from './operations.ts';

const UNDELIVERED = 256 * 1024; // bytes

/** One more reason not to read on. */
export function hold(run: RunRecord): void {
  if (run.holds++ === 0) run.running?.flow?.(false);
}

/** One reason less. */
export function unhold(run: RunRecord): void {
  if (--run.holds > 0) return;
  run.running?.flow?.(true);
  if (run.keptUp !== undefined) sayKeptUp(run);
}

/** So many bytes were reported. */
export function reported(run: RunRecord, bytes: number): void {
  run.undelivered += bytes;
  if (run.undelivered > UNDELIVERED && !run.full) {
    run.full = true;
    hold(run);
  }
}

/** So many bytes are being delivered. */
export function delivered(run: RunRecord, bytes: number): void {
  run.undelivered -= bytes;
  if (run.full && run.undelivered <= UNDELIVERED / 2) {
    run.full = false;
    unhold(run);
  }
}

/** Calls back when no reader is behind, at once if that is so after what was reported until now has taken effect. */
export function whenKeptUp(run: RunRecord, action: () => void): void {
  (run.keptUp ??= []).push(action);
  if (run.pending > 0) enqueue(run, CALL, () => sayKeptUp(run));
  else sayKeptUp(run);
}

function sayKeptUp(run: RunRecord): void {
  const actions = run.keptUp;
  if (actions === undefined || run.holds > 0) return;
  run.keptUp = undefined;
  for (const action of actions) action();
}
