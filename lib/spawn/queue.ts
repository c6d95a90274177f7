// The queue of those that want to start, for every spawner of this machine: first come, first served. It is worked off
// outside the caller, in slices (a start blocks for a millisecond), and rests while the machine is short of what starts take.
import { runningCount } from './living.ts';
import { available } from './room.ts';

/** One that wants to start. */
export interface Waiting {
  /** Its turn has come. Those behind it are held up until it calls `done`. */
  begin(): void;
}

const SLICE = 5; // ms
const SHORTEST = 5; // ms
const LONGEST = 500; // ms
/** Tries when nothing of ours runs, so that nothing we know of will end: some 12 s. */
const TRIES = 30;

const queue = new Set<Waiting>();
/** Those that failed for what is short: before the others when it comes free. */
const front = new Set<Waiting>();
let scheduled = false;
/** How many starts may be under way at once: on their way in a thread, loading the starter, failing. */
export const WIDTH = 4;
/** They are, since when. */
const busy = new Map<Waiting, number>();
/** After this long they are stuck, and others may pass: who else has work for the threads may have much. */
export const STUCK = 25; // ms
let look: NodeJS.Timeout | undefined;
/** Starts that wait for their files. */
let opening = 0;
/** While the machine is short of something. */
let timer: NodeJS.Timeout | undefined;
let delay = SHORTEST;
let tries = 0;

/** Puts it at the end of the queue. */
export function enqueue(child: Waiting): void {
  queue.add(child);
  schedule();
}

/** Takes it out, wherever it waits. */
export function dequeue(child: Waiting): void {
  if (!queue.delete(child)) front.delete(child);
}

/** The start under way has come to something, or waits for something of its own. */
export function done(child: Waiting): void {
  if (busy.delete(child)) schedule();
}

/** Something was short: puts it before the others, to begin again later. False when that has been tried for long enough. */
export function again(child: Waiting): boolean {
  if (runningCount() > 0) tries = 0;
  if (++tries > TRIES) return false;
  front.add(child);
  hold();
  return true;
}

/** A start came to its end: what was short isn't any more, or was waited for long enough. */
export function settled(): void {
  delay = SHORTEST;
  tries = 0;
}

/** Counts those, by +1 and −1, that have had their turn and will take descriptors when their files are open. */
export function countOpening(change: 1 | -1): void {
  opening += change;
}

/** A program has ended: what it held comes free about now. */
export function hasten(): void {
  delay = SHORTEST;
  if (timer === undefined) return;
  clearTimeout(timer);
  timer = setTimeout(resume, 0);
}

/** Whether the machine may not have a core for a new program at once; and a thread doesn't wait for a file to open. */
export function isCrowded(): boolean {
  return opening === 0 && (runningCount() > 0 || busy.size > 1 || front.size + queue.size > 0);
}

/** How many more programs may start now, besides those that wait to. */
export function room(): number {
  return available() - queue.size - front.size - opening - busy.size;
}

function schedule(): void {
  if (scheduled || !startable()) return;
  scheduled = true;
  queueMicrotask(work);
}

function startable(): boolean {
  return timer === undefined && front.size + queue.size > 0 && !isFull();
}

function isFull(): boolean {
  if (busy.size < WIDTH) return false;
  for (const since of busy.values()) {
    if (performance.now() - since > STUCK) return false;
    break;
  }
  look ??= setTimeout(() => {
    look = undefined;
    schedule();
  }, STUCK + 1);
  return true;
}

function work(): void {
  const deadline = performance.now() + SLICE;
  try {
    while (startable() && performance.now() < deadline) {
      if (available() - opening < 1) hold();
      else next().begin();
    }
  } finally {
    scheduled = startable();
    if (scheduled) setImmediate(work);
  }
}

function next(): Waiting {
  for (const line of [front, queue])
    for (const child of line) {
      line.delete(child);
      busy.set(child, performance.now());
      return child;
    }
  throw new Error('nobody waits');
}

function hold(): void {
  timer ??= setTimeout(resume, delay);
  delay = Math.min(LONGEST, 2 * delay);
}

function resume(): void {
  timer = undefined;
  schedule();
}
