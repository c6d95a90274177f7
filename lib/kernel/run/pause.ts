// Pausing: while a run is paused, by itself or with one above, its runner delivers nothing and its reports wait.
//
// L4  A kill ends a pause, also of what it doesn't end.
import { enqueue } from '../engine.ts';
import type { RunRecord } from '../run.ts';
import { announce } from './announce.ts';
import { ENDING } from './operations.ts';
import { children } from './tree.ts';

/** Pauses a run, or plays it on, by an order of its own. */
export function setPaused(run: RunRecord, paused: boolean): void {
  if (run.phase >= ENDING || run.doom !== undefined || run.pausedItself === paused) return;
  const before = run.paused;
  run.pausedItself = paused;
  if (run.paused !== before) apply(run, run.paused);
}

/** To it and everything below it. */
function apply(top: RunRecord, paused: boolean): void {
  const stack: RunRecord[] = [top];
  for (let run = stack.pop(); run !== undefined; run = stack.pop()) {
    tell(run, paused ? 'pause' : 'play');
    if (paused) run.running?.pause();
    else {
      run.running?.play();
      flushDeferred(run);
    }
    for (const child of children(run)) {
      // What is ending is not held up: nobody would play it on.
      if (paused && (child.doom !== undefined || child.phase >= ENDING)) continue;
      const before = child.paused;
      child.pausedAbove = paused;
      if (child.paused !== before) stack.push(child);
    }
  }
}

function tell(run: RunRecord, type: 'pause' | 'play'): void {
  // Of one that has not begun nobody knows yet; it begins when it is played on.
  if (run.startedAt !== 0 && run.scope.silent !== run) announce({ type, run, at: run.now() });
}

/** Ends the pause of one that is being killed; its children are, too. */
export function unpause(run: RunRecord): void {
  if (!run.paused) return;
  run.pausedItself = false;
  run.pausedAbove = false;
  tell(run, 'play');
  run.running?.play();
  flushDeferred(run);
}

/** What is shielded from a kill isn't held by the pause that the kill has ended. */
export function playOn(run: RunRecord): void {
  const before = run.paused;
  run.pausedItself = run.pausedAbove = false;
  if (before) apply(run, false);
}

/** Keeps a report for when it is played on. */
export function defer(run: RunRecord, operation: number, a: unknown, b: unknown, c: unknown): void {
  (run.deferred ??= []).push(operation, a, b, c);
}

function flushDeferred(run: RunRecord): void {
  const deferred = run.deferred;
  run.deferred = undefined;
  if (deferred === undefined) return;
  for (let i = 0; i < deferred.length; i += 4)
    enqueue(run, deferred[i] as number, deferred[i + 1], deferred[i + 2], deferred[i + 3]);
}
