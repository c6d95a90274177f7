// The phases of a run, and the operations of the queue on it; perform.ts has what each does.
//
// L1  Ends that follow from one another, and starts, are handled in place only so deep; deeper ones go through the queue,
//     and so use no stack.
import { enqueue } from '../engine.ts';
import type { Running } from '../runner.ts';
import type { RunRecord } from '../run.ts';

// The phases, in their order.
export const CREATED = 0;
/** In the line for a slot. */
export const QUEUED = 1;
export const RUNNING = 2;
/** Its runner is done; what that one has started is not. */
export const ENDING = 3;
export const SETTLED = 4;

// Reports: they wait while the run is paused.
/** Resumes its task. */
export const DRIVE = 0;
export const LINES = 1;
export const PARTIAL = 2;
export const ITEM = 3;
export const NOTE = 4;
export const SETTLE = 5;
/** What its task's yield waits for has settled. */
export const ANSWER = 6;
export const BEGIN = 7;
export const LAST_REPORT = BEGIN;
// Orders: they don't.
export const KILL = 8;
export const PAUSE = 9;
export const PLAY = 10;
export const SEND = 11;
export const END = 12;
/** The last that it had started has settled. */
export const FINALIZE = 13;
export const CALL = 14;

/** Puts what its runner reports on the queue. */
export function enqueueReport(run: RunRecord, operation: number, a: unknown, b?: unknown, c?: unknown): void {
  run.pending++;
  enqueue(run, operation, a, b, c);
}

/** Starts and ends handled in place, one within the other, at the most. */
const DEEPEST = 40;
let depth = 0;

/** Whether what comes next is for the queue. */
export function tooDeep(): boolean {
  return depth >= DEEPEST;
}

/** Handles an operation now, unless that would be too deep. */
export function handleNow(run: RunRecord, operation: number, a?: unknown): void {
  if (depth >= DEEPEST) {
    enqueue(run, operation, a);
    return;
  }
  depth++;
  run.handle(operation, a, undefined, undefined);
  depth--;
}

/** Calls a run's runner, one deeper. */
export function startRunner(run: RunRecord): Running {
  depth++;
  try {
    return run.runner.start(run, run);
  } finally {
    depth--;
  }
}
