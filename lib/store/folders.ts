// Folders: made, found, and names for what is put into them.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** So often a folder is made again in which others, at the same time, make and delete the ones around it. */
const TRIES = 10;

/** Makes a folder and those around it. (In /proc and its like mkdir's own `recursive` never comes back.) */
export function makeFolders(path: string, mode = 0o777): void {
  for (let tries = 1; ; tries++)
    try {
      mkdirSync(path, { mode });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const there = code === 'EEXIST' ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (there?.isDirectory() === true) return;
      if (there !== undefined || (code !== 'EEXIST' && code !== 'ENOENT') || tries === TRIES) throw error;
      if (!existsSync(dirname(path))) makeFolders(dirname(path), mode);
    }
}

/** The nearest folder, from this one upwards, that has something of one of these names in it; undefined where none has. */
export function nearestWith(names: readonly string[], folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (names.some((name) => existsSync(join(at, name)))) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** The folders that an absolute path is in, from the inside outwards, but for the root. */
export function* foldersOf(path: string): Generator<string> {
  for (let at = path.lastIndexOf(sep); at > 0; at = path.lastIndexOf(sep, at - 1)) yield path.slice(0, at);
}

/** What a host's file is called: a name could leave the folder, or hide in it. */
export function fileNameOf(host: string): string {
  return host.replace(/^\.|[/\\]/g, '_');
}
