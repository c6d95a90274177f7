// The children of this process, and their end with it.
//
// L6  No child outlives its loop: when Node ends by itself, by exit(), a throw or an unhandled rejection, what still
//     lives gets SIGTERM, and SIGKILL 200 ms later. (Signals are the kernel's, in host.ts.)
import type { Group } from './group.ts';
import { lives, scan } from './procs.ts';
import { announce, began, dismiss, remove, type Entry } from './reaper.ts';

const STEP = 5; // ms
const GRACE = 200; // ms

/** With their entries on the reaper's list. */
const living = new Map<Group, Entry>();
/** Starts under way, and what waits for them when Node comes to its end. */
const starting = new Map<Entry, Land | undefined>();
let running = 0;
let hooked = false;

/** Waits for starts under way, at most so many milliseconds; false where one did not come out. */
export type Land = (ms: number) => boolean;

/** Takes in a program that is about to be started. */
export function starts(land: Land | undefined): Entry {
  if (!hooked) {
    hooked = true;
    process.on('exit', endAll);
  }
  const entry = announce();
  starting.set(entry, land);
  return entry;
}

/** It could not be started. */
export function failed(entry: Entry): void {
  starting.delete(entry);
  remove(entry);
}

/** A program has started. One without an entry is only counted: Node's end is not its own. */
export function enter(group: Group, entry: Entry | undefined): void {
  running++;
  if (entry === undefined) return;
  starting.delete(entry);
  living.set(group, entry);
  began(entry, group.pid, group.session);
}

/** The program itself has ended; what it left behind may live on. */
export function exited(group: Group): void {
  running--;
  if (!group.session) leave(group);
}

/** Nothing is expected of it any more. */
export function leave(group: Group): void {
  const entry = living.get(group);
  if (entry === undefined) return;
  living.delete(group);
  remove(entry);
}

/** How many programs of ours have not ended. */
export function runningCount(): number {
  return running;
}

/** SIGKILL to every child and all they started, at once: for a second Ctrl-C. */
export function killEverything(): void {
  for (const group of living.keys()) group.signal('SIGKILL');
  for (const group of living.keys()) group.pursue();
}

function endAll(): void {
  for (const land of new Set(starting.values())) land?.(GRACE);
  if (living.size > 0) endLiving();
  // One that is still on its way to be a process is the reaper's.
  if (starting.size === 0) dismiss();
}

function endLiving(): void {
  for (const group of living.keys()) group.signal('SIGTERM');
  const deadline = performance.now() + GRACE;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (anyLife()) {
    for (const group of living.keys()) group.pursue();
    if (performance.now() > deadline) {
      killEverything();
      return;
    }
    Atomics.wait(cell, 0, 0, STEP);
  }
}

/** As `alive`, but here nobody reaps: one that has ended stays a zombie, and leads its group still. */
function anyLife(): boolean {
  for (const { pid, exited } of living.keys()) if (!exited && lives(pid)) return true;
  const now = performance.now();
  for (const { pid, session } of living.keys()) if (session && scan(now)?.procs.has(pid) === true) return true;
  return false;
}
