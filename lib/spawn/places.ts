// Places of stdin, stdout and stderr as a starter takes them: files are opened here and handed over as descriptors, so
// that their bytes never pass through Node.
import { closeSync, open } from 'node:fs';
import { promisify } from 'node:util';
import type { Command, Stdio } from '../kernel/spawner.ts';

/** A place; a number is an open descriptor. */
export type Place = 'pipe' | 'ignore' | 'inherit' | number;

/** stdin, stdout, stderr. */
export type Places = readonly [Place, Place, Place];

/** The places of a command, or the file that could not be opened. */
export type Opened =
  | { readonly places: Places }
  | { readonly places: undefined; readonly file: string; readonly error: NodeJS.ErrnoException };

/** The places of a command that names no files. */
export function plainPlaces({ stdin, stdout, stderr }: Command): Places | undefined {
  if (typeof stdin === 'object' || typeof stdout === 'object' || typeof stderr === 'object') return undefined;
  return [stdin, stdout, stderr];
}

const openFile = promisify(open);

/** Opens the files of a command. In a thread: a FIFO waits for its other end. */
export async function openPlaces({ stdin, stdout, stderr }: Command): Promise<Opened> {
  const places: Place[] = [];
  for (const stdio of [stdin, stdout, stderr]) {
    // The same file for both outputs is opened once, as by the shell's `>file 2>&1`; else one would overwrite the other.
    if (places.length === 2 && same(stdout, stderr)) places.push(places[1]!);
    else if (typeof stdio === 'string') places.push(stdio);
    else {
      try {
        places.push(await openFile(stdio.file, places.length === 0 ? 'r' : stdio.append ? 'a' : 'w'));
      } catch (error) {
        closePlaces(places);
        return { places: undefined, file: stdio.file, error: error as NodeJS.ErrnoException };
      }
    }
  }
  return { places: places as unknown as Places };
}

function same(a: Stdio, b: Stdio): boolean {
  return typeof a === 'object' && typeof b === 'object' && a.file === b.file && !a.append === !b.append;
}

/** Closes what was opened; whoever was started has copies. */
export function closePlaces(places: readonly Place[]): void {
  for (const fd of new Set(places)) if (typeof fd === 'number') closeSync(fd);
}
