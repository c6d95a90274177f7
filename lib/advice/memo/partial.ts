// Outputs of work that failed, or whose process died: they go out of the way, so that nobody takes them for whole.
import { readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { sha256of } from '../../store/digest.ts';
import { statsAt } from '../../store/files.ts';
import { move } from '../../store/move.ts';
import type { Store } from '../../store/store.ts';

/** What a path is on the disk, as a text that differs when it was written since. Cheap: nothing is read but folders. */
export function stateOf(path: string): string {
  const stats = statsAt(path);
  if (stats === undefined) return '-';
  const own = [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs, stats.mode].join(':');
  if (!stats.isDirectory()) return own;
  return sha256of([
    String(stats.ino),
    ...readdirSync(path)
      .sort()
      .map((name) => `${name}=${stateOf(join(path, name))}`),
  ]);
}

/** What a mark says of an output: a step is at work on it. */
export interface Mark {
  readonly label: string;
  readonly path: string;
  readonly name: string;
  /** Its state before. */
  readonly before: string;
  readonly partial: 'move' | 'keep';
}

/** One that was found in a lock. */
export function markIn(note: unknown): Mark | undefined {
  if (typeof note !== 'object' || note === null) return undefined;
  const { label, path, name, before, partial } = note as Record<string, unknown>;
  const texts = [label, path, name, before].every((text) => typeof text === 'string');
  return texts && isAbsolute(path as string) && (partial === 'move' || partial === 'keep') ? (note as Mark) : undefined;
}

/** Moves what was changed since the marks into the store; gives where it is now, undefined where nothing was. */
export function moveAside(marks: readonly Mark[], store: Store): string | undefined {
  let folder: string | undefined;
  for (const mark of marks) {
    const now = stateOf(mark.path);
    if (mark.partial === 'keep' || now === '-' || now === mark.before) continue;
    folder ??= store.path(
      'failed',
      `${timeOf(new Date())}-${safe(mark.label)}-${Math.random().toString(36).slice(2, 6)}`,
    );
    move(mark.path, join(folder, isAbsolute(mark.name) ? `outside${mark.name}` : mark.name));
  }
  return folder;
}

function timeOf(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
}

function safe(label: string): string {
  return label.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 40);
}
