// The ends of the programs that the posix spawner started. Node passes SIGCHLD on, once for several ends maybe, so each
// time all that have ended are looked for. Only our own are reaped: libuv waits for each of its children by its number, and
// so does whoever else has some, so nobody takes what is another's.
import type { Usage } from '../kernel/spawner.ts';
import { anyEnded, reap, usageOfReaped } from './libc.ts';
import { constants } from 'node:os';

/** What its end is told to. */
export type Ended = (exitCode: number | undefined, signal: NodeJS.Signals | undefined, usage: Usage) => void;

interface Awaited {
  readonly ended: Ended;
  readonly weak: boolean;
}

const awaited = new Map<number, Awaited>();
/** Those that keep Node from ending. */
let holding = 0;
/** Keeps Node from ending while a program runs; and finds an end whose signal somebody kept from us. */
let timer: NodeJS.Timeout | undefined;
let listening = false;
/** Starts whose number isn't known yet. */
let unknown = 0;
/** Somebody ended whom we don't know: maybe not yet. */
let missed: number | undefined;

const INTERVAL = 1000; // ms
/** Those of Node, whatever somebody puts in their place for a test later. */
const { setInterval, clearInterval } = globalThis;

/** Waits for the end of a child process that was just started. Until then Node doesn't end by itself, unless `weak`. */
export function whenEnded(pid: number, ended: Ended, weak: boolean): void {
  if (!listening) {
    listening = true;
    process.on('SIGCHLD', sweep);
  }
  awaited.set(pid, { ended, weak });
  if (!weak && ++holding === 1) timer = setInterval(sweep, INTERVAL);
}

/** Counts the starts, by +1 and −1, whose programs may have ended before `whenEnded` is told of them. */
export function awaitUnknown(change: 1 | -1): void {
  unknown += change;
  if (change === -1 && missed !== undefined) queueMicrotask(sweep);
}

function sweep(): void {
  // The system is asked who has ended: thousands may run. It tells the same one until that is reaped, so with one that
  // isn't ours each of ours is asked for; unless it may soon turn out to be.
  for (;;) {
    const pid = anyEnded();
    if (pid !== undefined && end(pid)) continue;
    const before = missed;
    missed = unknown > 0 ? pid : undefined;
    if (pid === undefined || (unknown > 0 && pid !== before)) return;
    break;
  }
  for (const pid of [...awaited.keys()]) end(pid);
}

function end(pid: number): boolean {
  const one = awaited.get(pid);
  const status = one && reap(pid);
  if (one === undefined || status === undefined) return false;
  const { ended, weak } = one;
  awaited.delete(pid);
  if (!weak && --holding === 0) clearInterval(timer);
  const used = usageOfReaped();
  const number = status & 0x7f;
  if (number === 0) ended((status >> 8) & 0xff, undefined, used);
  else ended(undefined, NAMES.get(number) ?? (`SIGRTMIN+${number - 34}` as NodeJS.Signals), used);
  return true;
}

/** The first name of each: SIGABRT, not SIGIOT. */
const NAMES = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(constants.signals))
  if (!NAMES.has(number)) NAMES.set(number, name as NodeJS.Signals);
