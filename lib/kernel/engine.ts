// The queue and the turn.
//
// L1  What runners report and what runs are told waits on one queue until `turn` handles it. `turn` works for about 5 ms
//     at most, then goes on in setImmediate, so that I/O, timers and kills are never starved.
// L2  The loop suspends in one place: where `turn` returns.
//
// There is one queue in a process, as there is one event loop: loops within loops share it.

/** What an entry of the queue is for; only `handle` knows the operations. */
export interface Target {
  handle(operation: number, a: unknown, b: unknown, c: unknown): void;
}

const SLICE = 5; // ms
const WIDTH = 5;

let queue: unknown[] = [];
let head = 0;
let inTurn = false;
let scheduled = false;
let deadline = 0;
/** The end of the slice that microtask turns share until the event loop has come around. */
let sliceEnd = 0;
let sliceOpen = false;
let time = 0;
/** Runs a turn in a neutral async context; set once AsyncLocalStorage is in use. */
let neutral: ((turn: () => void) => void) | undefined;

/** Puts an operation on the queue; `turn` will hand it to the target. */
export function enqueue(target: Target, operation: number, a?: unknown, b?: unknown, c?: unknown): void {
  queue.push(target, operation, a, b, c);
  if (!scheduled && !inTurn) schedule();
}

/** Whether code now runs inside a turn. */
export function turning(): boolean {
  return inTurn;
}

/** Whether nothing waits for a turn: what comes next is for the event loop to say. */
export function idle(): boolean {
  return head === queue.length && !inTurn;
}

/** Whether this turn has used up its slice; a loop inside the turn asks now and then, and enqueues its rest. */
export function overdue(): boolean {
  time = performance.now();
  return time > deadline;
}

/** The time of this turn, in the terms of performance.now(): good to a slice, and free. */
export function turnTime(): number {
  return inTurn ? time : performance.now();
}

/** Turns run inside `wrap` from now on; current.ts has the reason. */
export function runTurnsIn(wrap: (turn: () => void) => void): void {
  neutral = wrap;
}

function schedule(): void {
  scheduled = true;
  // Microtasks while there is time left: an answer is not held up by the poll phase; then setImmediate: I/O has its turn.
  if (!sliceOpen || performance.now() < sliceEnd) queueMicrotask(enter);
  else setImmediate(enter);
}

function enter(): void {
  if (neutral === undefined) turn();
  else neutral(turn);
}

function closeSlice(): void {
  sliceOpen = false;
}

/** Handles what waits, for one slice. */
function turn(): void {
  scheduled = false;
  inTurn = true;
  time = performance.now();
  if (!sliceOpen) {
    sliceOpen = true;
    sliceEnd = time + SLICE;
    setImmediate(closeSlice);
  }
  deadline = time + SLICE;
  let count = 0;
  try {
    while (head < queue.length) {
      const target = queue[head] as Target;
      const operation = queue[head + 1] as number;
      const a = queue[head + 2];
      const b = queue[head + 3];
      const c = queue[head + 4];
      head += WIDTH;
      target.handle(operation, a, b, c);
      if ((++count & 15) === 0 && overdue()) break;
    }
  } finally {
    inTurn = false;
    if (head === queue.length) {
      queue = [];
      head = 0;
    } else {
      if (head > 65_536) {
        queue = queue.slice(head);
        head = 0;
      }
      scheduled = true;
      setImmediate(enter);
    }
  }
}
