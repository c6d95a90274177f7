// Who holds something on disk, told so that another process can see whether he still lives: a pid alone is given to
// another one day, so the time of its start belongs to it.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process. */
export interface Owner {
  readonly pid: number;
  /** Its start, in ticks since the boot; '' where the system doesn't tell. */
  readonly started: string;
  readonly host: string;
  /** The boot and the namespace that the pid is of; '' where the system doesn't tell. */
  readonly boot: string;
  readonly pids: string;
}

let own: Owner | undefined;

/** This process. */
export function self(): Owner {
  own ??= {
    pid: process.pid,
    started: startIn(statOf(process.pid)),
    host: hostname(),
    boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    pids: told(() => readlinkSync('/proc/self/ns/pid')),
  };
  return own;
}

/** Whether it lives; undefined where that can't be known from here: it is on another machine, or in another container. */
export function lives(owner: Owner): boolean | undefined {
  const { host, boot, pids } = self();
  if (owner.host !== host) return undefined;
  if (owner.boot !== boot) return false; // the machine was started anew
  if (owner.pids !== pids) return undefined;
  const stat = statOf(owner.pid);
  if (stat !== '') return !isOver(stat) && startIn(stat) === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // Another user's process: where there is a /proc, it hides those.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What /proc says of a process; '' where there is none, or it doesn't tell. */
function statOf(pid: number): string {
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // pid (comm) state ppid …: the name may have blanks and parentheses of its own.
  return stat.slice(stat.lastIndexOf(')') + 2);
}

/** Only what is left of a process is there. */
function isOver(stat: string): boolean {
  return /^[ZX]/.test(stat);
}

/** When a process began. */
function startIn(stat: string): string {
  return stat.split(' ')[19] ?? '';
}

function told(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Whether something read from a disk is one. */
export function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, started, host, boot, pids } = value as Record<string, unknown>;
  return (
    Number.isInteger(pid) &&
    (pid as number) > 0 &&
    [started, host, boot, pids].every((field) => typeof field === 'string')
  );
}
