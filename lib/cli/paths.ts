// Paths of the command line, looked at: whatever the file system says against one is a UsageError.
import { chdir } from 'node:process';
import { statSync, type Stats } from 'node:fs';
import { UsageError } from './usage.ts';

/** What stands at a path: undefined for nothing. Throws a UsageError that names `what` when that can't be known. */
export function lookAt(path: string, what: string): Stats | undefined {
  return attempt(what, () => statSync(path, { throwIfNoEntry: false }), 'ENOTDIR');
}

/** Makes a folder the current one. Throws a UsageError that names `what` when it can't be entered. */
export function enter(folder: string, what: string): void {
  attempt(what, () => chdir(folder));
}

function attempt<T>(what: string, action: () => T, nothing?: string): T | undefined {
  try {
    return action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (nothing !== undefined && code === nothing) return undefined;
    throw new UsageError(`${what} can't be reached: ${REASONS[code ?? ''] ?? code ?? message}`);
  }
}

/** Of errors that say more in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'a folder on its way, or it itself, may not be entered by this user',
  ELOOP: 'its symbolic links go in a circle',
  ENAMETOOLONG: 'the name is too long',
};
