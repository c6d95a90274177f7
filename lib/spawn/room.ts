// Descriptors: how many more programs can start before this process runs out of them. A start takes up to three, and 32
// are left to the user's own files and sockets (and to the moment of starting, which takes a few more).
import { readdirSync, readFileSync } from 'node:fs';
import { runningCount } from './living.ts';

const SPARE = 32;
const EACH = 3;
const FRESH = 50; // ms
/** Sooner where there seemed to be no room: children end all the time. */
const STARVED = 5; // ms

let limit: number | undefined;
let open = 0;
let counted = -Infinity;

/** How many programs can start now; at least one when none of ours runs, so that a tiny limit can't stall a loop. */
export function available(): number {
  limit ??= softLimit();
  if (limit === Infinity) return Infinity;
  const age = performance.now() - counted;
  let free = estimate();
  if (age > FRESH || (free < 1 && age > STARVED)) {
    count();
    free = estimate();
  }
  return runningCount() === 0 ? Math.max(1, free) : free;
}

/** A program has started: until the descriptors are counted again it is taken into account so. */
export function taken(): void {
  open += EACH;
}

function estimate(): number {
  return Math.floor((limit! - open - SPARE) / EACH);
}

function count(): void {
  try {
    open = readdirSync('/proc/self/fd').length - 1; // less the one that reads the folder
  } catch {
    open = limit!; // not even one is left to count them with
  }
  counted = performance.now();
}

/** The limit of this process (Node raises it to the hard one at its start). Infinity where it can't be known. */
function softLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
