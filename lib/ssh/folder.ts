// The folder for control sockets and configurations: private, short, one for each Node process, gone with it. Where somebody who
// tidies up removes it while the process lives, another takes its place.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes of a socket's path that the system takes, less those that ssh adds while it makes one. */
const LONGEST = 108 - 1 - 17;
/** A name in the folder, with its slash. */
const NAME = 12;

let made: string | undefined;

/** The folder. Throws an Error where there is no place for one. */
export function folder(): string {
  if (made !== undefined && existsSync(made)) return made;
  const uid = process.getuid?.() ?? 0;
  let reason: unknown;
  for (const place of [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp']) {
    if (place === undefined || !place.startsWith('/')) continue;
    const base = join(place, `sluice-${uid}`);
    if (Buffer.byteLength(base) + 20 + NAME > LONGEST) continue;
    try {
      mkdirSync(base, { recursive: true, mode: 0o700 });
      const { uid: owner, mode } = statSync(base);
      if (owner !== uid || (mode & 0o077) !== 0) throw new Error(`${base} is not ours alone`);
      clear(base);
      if (made === undefined) process.once('exit', remove);
      made = mkdtempSync(join(base, `${process.pid}-`));
      return made;
    } catch (error) {
      reason = error;
    }
  }
  throw new Error('no folder for the sockets of ssh: set XDG_RUNTIME_DIR or TMPDIR to a short path that is yours', {
    cause: reason,
  });
}

function remove(): void {
  rmSync(made!, { recursive: true, force: true });
}

/** Removes what processes left behind that were killed. */
function clear(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    if (!(pid > 0) || lives(pid)) continue;
    try {
      rmSync(join(base, name), { recursive: true, force: true });
    } catch {
      // Somebody else does.
    }
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
