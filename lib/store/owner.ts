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
    started: startOf(process.pid) ?? '',
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
  const started = startOf(owner.pid);
  if (started !== undefined) return owner.started === started;
  if (own!.started !== '') return false; // there is a /proc, and it is not in it
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began; undefined where there is none, or only what is left of it. */
function startOf(pid: number): string | undefined {
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // pid (comm) state ppid …: the 22nd is the start; the name may have blanks and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
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
  return Number.isInteger(pid) && [started, host, boot, pids].every((field) => typeof field === 'string');
}
