// Folders: made, found, and names for what is put into them.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

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

/** The nearest folder, from this one upwards, that has something of one of these names in it; undefined where none has. */
export function nearestWith(names: readonly string[], folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (names.some((name) => existsSync(join(at, name)))) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** What a host's file is called: a name could leave the folder, or hide in it. */
export function fileNameOf(host: string): string {
  return host.replace(/^\.|[/\\]/g, '_');
}
