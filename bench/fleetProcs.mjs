// What processes spend and hold, from Linux's /proc: a process, its descendants, and those it has waited for.
import { readdirSync, readFileSync } from 'node:fs';

const TICK = 10; // ms, of /proc/PID/stat

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** All processes by pid; `own` and `reaped` (by it, and by those) are ms of CPU. */
export function processes() {
  const all = new Map();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = pid > 0 ? read(`/proc/${pid}/stat`) : undefined;
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system, waitedUser, waitedSystem] = fields.slice(11, 15).map(Number);
    all.set(pid, {
      parent: Number(fields[1]),
      state: fields[0],
      own: (user + system) * TICK,
      reaped: (waitedUser + waitedSystem) * TICK,
    });
  }
  return all;
}

/** Descendants, dead ones that nobody has waited for included. */
export function family(root, all = processes()) {
  const children = new Map();
  for (const [pid, { parent }] of all) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = [];
  for (const next = [...(children.get(root) ?? [])]; next.length > 0;) {
    const pid = next.pop();
    found.push(pid);
    next.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** Of a process with one thread and of those it has waited for, in ms. */
export function spentBy(pid, all) {
  const found = all.get(pid);
  if (found === undefined) return 0;
  const exact = Number(read(`/proc/${pid}/schedstat`)?.split(' ')[0]);
  return (exact > 0 ? exact / 1e6 : found.own) + found.reaped;
}

/**
 * Begins to measure. The result tells, in seconds, the wall time and the CPU time since then: of all children and what they
 * have started, whether they live or have ended, and, with `self`, of this process.
 */
export function begin({ self }) {
  const others = () => {
    const all = processes();
    return family(process.pid, all).reduce((sum, pid) => sum + spentBy(pid, all), all.get(process.pid).reaped);
  };
  const before = others();
  const own = process.cpuUsage();
  const at = performance.now();
  return () => {
    const wall = performance.now() - at;
    const { user, system } = process.cpuUsage(own);
    const node = (user + system) / 1e6;
    const programs = (others() - before) / 1000;
    if (!self) return { value: wall / 1000, 'client CPU': programs };
    return { value: wall / 1000, 'client CPU': programs + node, 'of it Node': node };
  };
}

/** Memory of this process and of its descendants in kB, what they share with others counted in part (PSS). */
export function memory() {
  const of = (pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0);
  const others = family(process.pid);
  return { self: of(process.pid), others: others.reduce((sum, pid) => sum + of(pid), 0) };
}

// --- orphans ----------------------------------------------------------------------------------------------------------------

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
let libc;
try {
  libc = (await import('koffi')).default.load('libc.so.6');
} catch {
  // No koffi here, or no glibc.
}

/** Why a process's background children can't be followed. */
export const unfollowed = libc === undefined ? 'without koffi and glibc its masters can not be counted' : undefined;

/** Descendants whose parent ends become children of this process. */
export function adopt() {
  libc?.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)')(
    PR_SET_CHILD_SUBREAPER,
    ...[1, 0, 0, 0],
  );
}

/** Waits for the dead among the adopted, so that they count as reaped. */
export function bury(all, own) {
  const waitpid = libc?.func('int waitpid(int, void *, int)');
  for (const [pid, { parent, state }] of all)
    if (parent === process.pid && state === 'Z' && !own.has(pid)) waitpid?.(pid, null, WNOHANG);
}
