// What /proc tells of the rig's processes.
import { readdirSync, readFileSync } from 'node:fs';

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // gone meanwhile, or another user's
  }
}

/** The children of a process, and theirs. */
export function descendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Its program's name: `sshd`, or `sshd-session` from OpenSSH 9.8 on. */
export function isSshd(pid: number): boolean {
  return read(`/proc/${pid}/comm`).startsWith('sshd');
}

/** Zombies count as gone. */
export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Every living process with an entry of its environment that begins so, whatever became of its parents. */
export function withEnvironment(start: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => `\0${read(`/proc/${name}/environ`)}`.includes(`\0${start}`))
    .map(Number)
    .filter(isAlive);
}

export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended before.
    }
  }
}

/** Until it is so, asked every few milliseconds. @throws Error after `ms`, naming what was waited for */
export async function until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`rig: after ${ms} ms still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}
