// The processes of this machine, as far as killing needs them: who is in which session, and who only is a zombie.
// From /proc on Linux (some 10 µs a process); elsewhere from `ps`, by groups, since its sessions are no numbers there.
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** A process, or its zombie. */
export interface Proc {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** The letter of its state: T or t is stopped. */
  readonly state: string;
}

/** What there was at one time, by session (by group where sessions are unknown). Zombies are left out. */
export interface Scan {
  readonly at: number;
  readonly procs: ReadonlyMap<number, readonly Proc[]>;
}

const linux = process.platform === 'linux';

let latest: Scan | undefined;
/** For how long the latest answers: a mass kill of thousands shares it, and looking never takes more than half the time. */
let good = 0;

/**
 * Looks at the processes, or answers from a look that was a moment ago but after `since` (in the terms of
 * performance.now). Undefined where they can't be known.
 */
export function scan(since: number): Scan | undefined {
  const at = performance.now();
  if (latest !== undefined && latest.at >= since && at < good) return latest;
  const procs = linux ? fromProc() : fromPs();
  if (procs === undefined) return undefined;
  const end = performance.now();
  good = end + Math.max(5, end - at);
  latest = { at, procs };
  return latest;
}

/** Whether this one process lives; a zombie does not. */
export function lives(pid: number): boolean {
  if (!linux)
    return (
      scan(performance.now())
        ?.procs.get(pid)
        ?.some((proc) => proc.pid === pid) ?? false
    );
  const proc = read(pid);
  return proc !== undefined && !dead(proc.state);
}

function dead(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

function fromProc(): Map<number, Proc[]> | undefined {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return undefined;
  }
  const procs = new Map<number, Proc[]>();
  for (const name of names) {
    const pid = Number(name);
    if (!(pid > 0)) continue;
    const proc = read(pid);
    if (proc !== undefined && !dead(proc.state)) put(procs, proc.session, proc);
  }
  return procs;
}

const buffer = Buffer.allocUnsafe(512);

function read(pid: number): Proc | undefined {
  let stat: string;
  try {
    const fd = openSync(`/proc/${pid}/stat`, 'r');
    try {
      stat = buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, null));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // ended in between
  }
  // pid (comm) state ppid pgrp session …; the name may have blanks and parentheses of its own, nothing after it does.
  const [state, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 4);
  return { pid, group: Number(group), session: Number(session), state: state! };
}

/** As `ps` knows them; for where there is no /proc. */
export function fromPs(): Map<number, Proc[]> | undefined {
  // Only here, since loading it takes longer than the rest of lib/spawn.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { stdout, status } = spawnSync('ps', ['-A', '-o', 'pid=,pgid=,stat='], { encoding: 'latin1' });
  if (status !== 0) return undefined;
  const procs = new Map<number, Proc[]>();
  for (const [, pid, group, state] of stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(\S)/gm)) {
    const proc = { pid: Number(pid), group: Number(group), session: Number(group), state: state! };
    if (!dead(proc.state)) put(procs, proc.group, proc);
  }
  return procs;
}

function put(procs: Map<number, Proc[]>, key: number, proc: Proc): void {
  const list = procs.get(key);
  if (list === undefined) procs.set(key, [proc]);
  else list.push(proc);
}
