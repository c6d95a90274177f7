// Folders for what hosts have said or had.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder and those around it. (In /proc and its like mkdir's own `recursive` never comes back.) */
export function makeFolders(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path || statSync(dirname(path), { throwIfNoEntry: false }) !== undefined)
      throw error;
    makeFolders(dirname(path), mode);
    makeFolders(path, mode);
  }
}

/** What a host's file is called: a name could leave the folder, or hide in it. */
export function fileNameOf(host: string): string {
  return host.replace(/^\.|[/\\]/g, '_');
}
