// Where `exec` did not succeed the last time: one file of the user's, for --failed.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { makeFolders } from '../store/folders.ts';
import { UsageError } from './usage.ts';

/** What is kept of an `exec`. */
export interface LastTime {
  /** As they were typed, with user and port. */
  readonly failed: readonly string[];
  readonly command: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Below $XDG_STATE_HOME, by default ~/.local/state; a relative one is none, says the XDG specification. */
function place(): string {
  const { XDG_STATE_HOME: home = '' } = process.env;
  return join(isAbsolute(home) ? home : join(homedir(), '.local/state'), 'sluice/exec.json');
}

/** @throws UsageError where there is nothing to be read */
export function readLastTime(): LastTime {
  const path = place();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UsageError('--failed: there is no last time; run exec with -w first');
  }
  try {
    const { failed, command, at } = JSON.parse(text) as LastTime;
    if (Array.isArray(failed) && failed.every((name) => typeof name === 'string'))
      return { failed, command: String(command), at: String(at) };
  } catch {
    // not ours
  }
  throw new UsageError(`--failed: ${path} is not what exec has written; remove it`);
}

/** That it can't be kept (a read-only home) is no failure of what was run; the result tells. */
export function keepLastTime(last: LastTime): Error | undefined {
  const path = place();
  const aside = `${path}.${process.pid}`;
  try {
    makeFolders(dirname(path), 0o700);
    writeFileSync(aside, `${JSON.stringify(last)}\n`, { mode: 0o600 });
    renameSync(aside, path);
    return undefined;
  } catch (error) {
    rmSync(aside, { force: true });
    return error as Error;
  }
}
