// What a runner reports through its sink, and what becomes of it when it takes effect.
//
// L1  Reports go through the queue. What a runner says inside its own `start` is handled in place.
// L5  Lines that have not taken effect count as undelivered.
import { callAsyncAs } from '../current.ts';
import { turning } from '../engine.ts';
import { LinesEntry } from '../entry.ts';
import type { Json, Outcome, StreamName } from '../event.ts';
import { callbackFailed, returned } from '../late.ts';
import type { Lines } from '../runner.ts';
import type { RunRecord } from '../run.ts';
import { announce } from './announce.ts';
import { delivered, reported } from './flow.ts';
import { ENDING, enqueueReport, LINES, NOTE, SETTLE, SETTLED } from './operations.ts';

/** Puts lines, a partial line or an item on the queue; after the run's end they are dropped. */
export function report(run: RunRecord, operation: number, a: unknown, b?: unknown): void {
  if (!run.reported && run.phase < ENDING) enqueueReport(run, operation, a, b);
}

/** Puts lines on the queue; `size` in bytes, default: their length in characters and one more each. */
export function reportLines(run: RunRecord, stream: StreamName, lines: Lines, size: number | undefined): void {
  if (run.reported || run.phase >= ENDING || (typeof lines !== 'function' && lines.length === 0)) return;
  let bytes = size ?? 0;
  if (size === undefined && typeof lines !== 'function') for (const line of lines) bytes += line.length + 1;
  reported(run, bytes);
  enqueueReport(run, LINES, stream, lines, bytes);
}

/** Puts a note on the queue, or announces it at once; it may come until the run has settled. */
export function reportNote(run: RunRecord, text: string, data: Json | undefined): void {
  if (run.phase >= SETTLED) return;
  if (saysNow(run)) note(run, text, data);
  else enqueueReport(run, NOTE, text, data);
}

/** Its runner is done; all but the first is ignored. */
export function reportOutcome<T>(run: RunRecord<T>, outcome: Outcome<T>): void {
  if (run.reported) return;
  run.reported = true;
  if (saysNow(run)) run.early = outcome;
  else enqueueReport(run, SETTLE, outcome);
}

/** Whether it is in its `start` and what it says is in order: lines and items wait until that has returned their callbacks. */
function saysNow(run: RunRecord): boolean {
  return run.starting && run.pending === 0 && turning() && !run.paused;
}

// --- what takes effect --------------------------------------------------------------------------------------------------

/** Gives lines to the runner's own callback, then announces them. */
export function deliver(run: RunRecord, stream: StreamName, lines: Lines, size: number): void {
  delivered(run, size);
  if (run.phase >= ENDING) return;
  const entry = new LinesEntry(run, run.now(), stream, lines, size);
  const running = run.running;
  if (running?.deliver !== undefined && run.doom?.type !== 'failed') {
    const name = `the line callback of ${stream}`;
    try {
      callAsyncAs(run, () => running.deliver!(stream, entry.lines, (value) => returned(run, value, name)));
    } catch (error) {
      callbackFailed(run, name, error);
    }
  }
  run.last = entry;
  announce(entry);
  entry.forget();
}

/** The same for an item. */
export function deliverItem(run: RunRecord, item: unknown): void {
  if (run.phase >= ENDING) return;
  const running = run.running;
  if (running?.deliverItem !== undefined && run.doom?.type !== 'failed') {
    const name = 'the callback of items';
    try {
      callAsyncAs(run, () => running.deliverItem!(item, (value) => returned(run, value, name)));
    } catch (error) {
      callbackFailed(run, name, error);
    }
  }
  announce({ type: 'item', run, at: run.now(), item });
}

/** Announces the beginning of a line. */
export function partial(run: RunRecord, stream: StreamName, text: string): void {
  if (run.phase < ENDING) announce({ type: 'partial', run, at: run.now(), stream, text });
}

/** Announces a note. */
export function note(run: RunRecord, text: string, data: Json | undefined): void {
  if (run.phase < SETTLED) announce({ type: 'note', run, at: run.now(), text, data });
}
