// Places of stdin, stdout and stderr as a starter takes them: files are opened here and handed over as descriptors, so
// that their bytes never pass through Node.
import { closeSync, open } from 'node:fs';
import { promisify } from 'node:util';
import type { Command, Joint, Stdio } from '../kernel/spawner.ts';

/** A place; a number is an open descriptor. */
export type Place = 'pipe' | 'ignore' | 'inherit' | number;

/** stdin, stdout, stderr. */
export type Places = readonly [Place, Place, Place];

/** The places of a command, or the file that could not be opened. */
export type Opened =
  | { readonly places: Places }
  | { readonly places: undefined; readonly file: string; readonly error: NodeJS.ErrnoException };

/** The places of a command that names no files; joints come later. */
export function plainPlaces({ stdin, stdout, stderr }: Command): Places | undefined {
  const places = [stdin, stdout, stderr].map((stdio) => (stdio instanceof KernelPipe ? 'ignore' : stdio));
  return places.some((place) => typeof place === 'object') ? undefined : (places as unknown as Places);
}

/** Makes pipes: [to read from, to write to]. */
export interface Pipes {
  /** Throws when descriptors are short. */
  open(): [number, number];
  /** Whether nobody can read any more what is written to this descriptor. */
  unread(fd: number): boolean;
}

/**
 * A pipe of the kernel that joins two programs. It is made for the first of them. The end to write to is open here until
 * the writer has exited: only while there is one it can be asked whether somebody reads, and nobody who reads has come to
 * his end for having seen the writer's.
 */
export class KernelPipe implements Joint {
  readonly #pipes: Pipes;
  /** To read from, to write to. */
  #ends: (number | undefined)[] | undefined;
  /** Those that nobody will ask for. */
  readonly #closed = [false, false];
  #unread: boolean | undefined;

  constructor(pipes: Pipes) {
    this.#pipes = pipes;
  }

  get unread(): boolean | undefined {
    return this.#unread;
  }

  /** The descriptor for stdin (0) or stdout (1). Throws when descriptors are short. */
  end(side: 0 | 1): number {
    if (this.#ends === undefined) {
      this.#ends = this.#pipes.open();
      for (const other of [0, 1] as const) if (this.#closed[other]) this.close(other);
    }
    return this.#ends[side]!;
  }

  close(side: 0 | 1): void {
    this.#closed[side] = true;
    const fd = this.#ends?.[side];
    if (fd === undefined) return;
    this.#ends![side] = undefined;
    closeSync(fd);
  }

  writerExited(): void {
    const fd = this.#ends?.[1];
    this.#unread = fd !== undefined && this.#pipes.unread(fd);
    this.close(1);
  }
}

/** The same places, with the ends of the joints. Throws when descriptors are short. */
export function withJoints([stdin, stdout, stderr]: Places, command: Command): Places {
  return [
    command.stdin instanceof KernelPipe ? command.stdin.end(0) : stdin,
    command.stdout instanceof KernelPipe ? command.stdout.end(1) : stdout,
    stderr,
  ];
}

/** A program has begun: it has what it reads from. */
export function joinedTo({ stdin }: Command): void {
  if (stdin instanceof KernelPipe) stdin.close(0);
}

/** A program has exited, or will never begin. */
export function leaveJoints({ stdin, stdout }: Command): void {
  if (stdin instanceof KernelPipe) stdin.close(0);
  if (stdout instanceof KernelPipe) stdout.writerExited();
}

const openFile = promisify(open);

/** Opens the files of a command. In a thread: a FIFO waits for its other end. */
export async function openPlaces({ stdin, stdout, stderr }: Command): Promise<Opened> {
  const places: Place[] = [];
  for (const stdio of [stdin, stdout, stderr]) {
    // The same file for both outputs is opened once, as by the shell's `>file 2>&1`; else one would overwrite the other.
    if (places.length === 2 && same(stdout, stderr)) places.push(places[1]!);
    else if (typeof stdio === 'string') places.push(stdio);
    else if (!('file' in stdio)) places.push('ignore');
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
  if (typeof a !== 'object' || typeof b !== 'object' || !('file' in a && 'file' in b)) return false;
  return a.file === b.file && !a.append === !b.append;
}

/** Closes what was opened; whoever was started has copies. */
export function closePlaces(places: readonly Place[]): void {
  for (const fd of new Set(places)) if (typeof fd === 'number') closeSync(fd);
}
