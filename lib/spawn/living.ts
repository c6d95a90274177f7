// The children of this process, and their end with it.
//
// L6  No child outlives its loop: when Node ends by itself, by exit(), a throw or an unhandled rejection, what still
//     lives gets SIGTERM, and SIGKILL 200 ms later. (Signals are the kernel's, in host.ts.)
import type { Group } from './group.ts';
import { lives, scan } from './procs.ts';

const STEP = 5; // ms
const GRACE = 200; // ms

const living = new Set<Group>();
let running = 0;
let hooked = false;

/** Takes in a program that has started. */
export function enter(group: Group): void {
  if (!hooked) {
    hooked = true;
    process.on('exit', endAll);
  }
  living.add(group);
  running++;
}

/** The program itself has ended; what it left behind may live on. */
export function exited(group: Group): void {
  running--;
  if (!group.session) living.delete(group);
}

/** Nothing is expected of it any more. */
export function leave(group: Group): void {
  living.delete(group);
}

/** How many programs of ours have not ended. */
export function runningCount(): number {
  return running;
}

/** SIGKILL to every child and all they started, at once: for a second Ctrl-C. */
export function killEverything(): void {
  for (const group of living) group.signal('SIGKILL');
  for (const group of living) group.pursue();
}

function endAll(): void {
  if (living.size === 0) return;
  for (const group of living) group.signal('SIGTERM');
  const deadline = performance.now() + GRACE;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (anyLife()) {
    for (const group of living) group.pursue();
    if (performance.now() > deadline) {
      killEverything();
      return;
    }
    Atomics.wait(cell, 0, 0, STEP);
  }
}

/** As `alive`, but here nobody reaps: one that has ended stays a zombie, and leads its group still. */
function anyLife(): boolean {
  for (const { pid, exited } of living) if (!exited && lives(pid)) return true;
  const now = performance.now();
  for (const { pid, session } of living) if (session && scan(now)?.procs.has(pid) === true) return true;
  return false;
}
