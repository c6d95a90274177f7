// Makes a store smaller: what wasn't used for long goes, then what was used longest ago, until the rest is small enough. Whatever
// goes, what is left is still true: an entry whose content is missing counts as none.
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isTakingOver } from './locks.ts';
import type { Store } from './store.ts';

/** What stays. */
export interface Limits {
  /** Milliseconds since its last use. Default: any time. */
  readonly older?: number | undefined;
  /** Bytes of all of it. Default: any. */
  readonly larger?: number | undefined;
  /** Nothing is deleted, only told. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** What was done. */
export interface Cleaned {
  readonly deleted: number;
  /** Bytes. */
  readonly freed: number;
  /** What is left, and its bytes. */
  readonly left: number;
  readonly size: number;
}

interface Item {
  readonly path: string;
  readonly size: number;
  readonly used: number;
}

/** What is being written has its place there for moments only; what is there for so long, in milliseconds, was left by a crash. */
const FORGOTTEN = 3_600_000;

/** Cleans a store. */
export function clean(store: Store, { older, larger, dryRun = false }: Limits): Cleaned {
  const now = Date.now();
  const items = [
    ...['steps', 'labels', 'failed', 'stripped'].flatMap((kind) => itemsIn(join(store.folder, kind))),
    ...foldersIn(join(store.folder, 'contents')).flatMap(itemsIn),
  ].sort((a, b) => a.used - b.used);
  const litter = [...itemsIn(join(store.folder, 'tmp')), ...litterOf(join(store.folder, 'locks'))].filter(
    ({ used }) => now - used > FORGOTTEN,
  );
  let size = items.reduce((sum, item) => sum + item.size, 0);
  const gone: Item[] = [...litter];
  let left = items.length;
  for (const item of items) {
    const old = older !== undefined && now - item.used > older;
    if (!old && (larger === undefined || size <= larger)) continue;
    gone.push(item);
    size -= item.size;
    left--;
  }
  if (!dryRun) for (const { path } of gone) rmSync(path, { recursive: true, force: true });
  return { deleted: gone.length, freed: gone.reduce((sum, item) => sum + item.size, 0), left, size };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function foldersIn(folder: string): string[] {
  return namesIn(folder).map((name) => join(folder, name));
}

function itemsIn(folder: string): Item[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ path, size: sizeOf(path), used: stats.mtimeMs }];
  });
}

/** Of a file, or of all in a folder, in bytes. */
function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return stats?.size ?? 0;
  return namesIn(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

/**
 * Files of processes that hold no lock any more, and what was left of taking over a lock. Locks themselves stay: they are the marks
 * of what has to be cleared up.
 */
function litterOf(folder: string): Item[] {
  return itemsIn(folder).filter(
    ({ path }) =>
      isTakingOver(path) || (path.endsWith('.owner') && statSync(path, { throwIfNoEntry: false })?.nlink === 1),
  );
}
