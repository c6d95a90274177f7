// What is at a path, as a short text that differs where the content does:
//
//   f<sha256>  a file          x<sha256>  a file that may be executed
//   l<sha256>  a symbolic link, by its target; only inside folders and among outputs, inputs are what a link leads to
//   d<sha256>  a folder, by the list of what is in it
//   -          nothing
//
// The digests of files are remembered by size, times and inode, as git's index does. git's rule for racy timestamps: what was
// written in the very tick in which it was looked at may have been written again since, so that is no knowledge.
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { atProcessEnd } from '../kernel/host.ts';
import { sha256 } from './digest.ts';
import { overdue } from '../kernel/engine.ts';
import type { Paced } from './paced.ts';
import { readSealed, seal, writeAtomically } from './sealed.ts';

/** Nothing is there. */
export const MISSING = '-';

/** Files up to this size are read in place, in bytes. */
const SMALL = 256 * 1024;

/** Kernels tick every 10 ms or oftener; file systems without fractions of seconds every 2 s. In milliseconds. */
const TICK = 20;
const COARSE = 2100;

/** What wasn't looked at for so long is forgotten. */
const KEPT_DAYS = 60;

type Remembered = readonly [size: string, mtime: string, inode: string, ctime: string, digest: string, day: number];

/** What stands in a name for bytes that are no text. */
const NO_TEXT = '\uFFFD';

/** The error of something that has no digest. */
export function unlookable(path: string, why: string): Error {
  return Object.assign(new Error(`${path} ${why}`), { code: 'EFTYPE' });
}

/** What is at a path; undefined: nothing, also where what should be a folder above is none. `follow`: what a link leads to. */
export function statsAt(path: string, follow = false): BigIntStats | undefined {
  try {
    return (follow ? statSync : lstatSync)(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    return undefined;
  }
}

/** How a path is looked at. */
export interface Looking {
  /** What a link leads to, instead of the link itself; what is in a folder is never followed. Default false. */
  readonly follow?: boolean;
  /** A folder that is passed over. */
  readonly skip?: string;
  /** Hears of what is in a folder, by its path within. */
  readonly each?: (path: string, digest: string) => void;
  /** All at once, without giving the turn back. Default false. */
  readonly inPlace?: boolean;
}

/** Gives digests of paths, and remembers those of files in `path` from one process to the next. */
export class Files {
  readonly #path: string;
  readonly #aside: string;
  #known: Map<string, Remembered> | undefined;
  readonly #today = Math.floor(Date.now() / 86_400_000);
  #changed = false;
  #keeps = false;
  readonly #prepare: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #notAtEnd: (() => void) | undefined;
  /** Large files that are being read: by path, with what they were when that began. */
  readonly #reading = new Map<string, { readonly state: string; readonly digest: Promise<string> }>();

  /** `path`: where they are remembered; `aside`: a folder beside it for what is being written; `prepare` is called before that; false: not now. */
  constructor(path: string, aside: string, prepare: () => boolean = () => true) {
    this.#prepare = prepare;
    this.#path = path;
    this.#aside = aside;
  }

  /** The digest of what is at a path. Throws for what can't be read, and for what is neither file, folder nor link. */
  *digest(path: string, how: Looking = {}, below = ''): Paced<string> {
    const stats = statsAt(path, how.follow === true);
    if (stats === undefined) return MISSING;
    if (stats.isFile()) return yield* this.#file(path, stats, how.inPlace === true);
    if (stats.isSymbolicLink()) return `l${sha256(readlinkSync(path))}`;
    if (!stats.isDirectory()) throw unlookable(path, 'is neither a file nor a folder');
    return `d${sha256(yield* this.manifest(path, how, below))}`;
  }

  /** What is in a folder: `<digest> <name>` each, ended by a NUL, in the order of the names. */
  *manifest(folder: string, how: Looking = {}, below = ''): Paced<string> {
    const inside = { ...how, follow: false };
    let manifest = '';
    for (const name of readdirSync(folder).sort()) {
      const path = `${folder}/${name}`;
      if (path === how.skip) continue;
      if (how.inPlace !== true && overdue()) yield undefined;
      const within = `${below}${name}`;
      const digest: string = yield* this.digest(path, inside, `${within}/`);
      if (digest === MISSING && name.includes(NO_TEXT)) throw unlookable(path, 'has a name that is not UTF-8');
      manifest += `${digest} ${name}\0`;
      how.each?.(within, digest);
    }
    return manifest;
  }

  *#file(path: string, stats: BigIntStats, inPlace: boolean): Paced<string> {
    const kind = (stats.mode & 0o111n) === 0n ? 'f' : 'x';
    const [size, mtime, inode, ctime] = stateOf(stats);
    // Files of /proc tell no size and no time that means anything.
    const known = stats.size === 0n ? undefined : this.#load().get(path);
    if (known?.[0] === size && known[1] === mtime && known[2] === inode && known[3] === ctime) {
      if (known[5] !== this.#today) this.#remember(path, stats, known[4]);
      return kind + known[4];
    }
    if (stats.size <= SMALL || inPlace) {
      const since = Date.now();
      const digest = stats.size <= SMALL ? sha256(readFileSync(path)) : hashInPlace(path);
      if (stats.size > 0n && isSettled(stats, since)) this.#remember(path, stats, digest);
      return kind + digest;
    }
    const state = [size, mtime, inode, ctime].join();
    let reading = this.#reading.get(path);
    if (reading?.state !== state) {
      const digest = this.#large(path, stats).finally(() => {
        if (this.#reading.get(path) === reading) this.#reading.delete(path);
      });
      digest.catch(() => {}); // whoever waits hears of it, and he may be killed meanwhile
      reading = { state, digest };
      this.#reading.set(path, reading);
    }
    return kind + ((yield reading.digest) as string);
  }

  async #large(path: string, before: BigIntStats): Promise<string> {
    // It is worth waiting for the tick to end: else it would be read again each time.
    // Not for one whose time lies ahead: that could take for ever.
    for (const until = Date.now() + COARSE; !isSettled(before, Date.now()) && isSettled(before, until);)
      await new Promise((resolve) => setTimeout(resolve, TICK));
    const since = Date.now();
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
    const digest = hash.digest('hex');
    const after = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (after !== undefined && stateOf(after).join() === stateOf(before).join() && isSettled(before, since))
      this.#remember(path, before, digest);
    return digest;
  }

  #load(): Map<string, Remembered> {
    if (this.#known !== undefined) return this.#known;
    this.#known = new Map();
    const found = readSealed('digests', this.#path);
    // What is damaged is made anew: nothing but time depends on it.
    if (typeof found === 'object' && 'text' in found)
      for (const [path, known] of Object.entries(JSON.parse(found.text) as Record<string, Remembered>))
        if (known[5] > this.#today - KEPT_DAYS) this.#known.set(path, known);
    return this.#known;
  }

  #remember(path: string, stats: BigIntStats, digest: string): void {
    this.#load().set(path, [...stateOf(stats), digest, this.#today]);
    if (this.#changed) return;
    this.#changed = true;
    if (this.#keeps) this.#saveSoon();
  }

  /** From now on what is known is written down, after a while and when the process ends; a dry run doesn't ask for that. */
  keep(): void {
    if (this.#keeps) return;
    this.#keeps = true;
    if (this.#changed) this.#saveSoon();
  }

  #saveSoon(): void {
    this.#notAtEnd = atProcessEnd(this.save);
    this.#timer = setTimeout(this.save, 2000).unref();
  }

  /** Writes down what is known, if it is to be kept. */
  readonly save = (): void => {
    if (!this.#changed || !this.#keeps) return;
    this.#changed = false;
    clearTimeout(this.#timer);
    this.#notAtEnd?.();
    try {
      if (!this.#prepare()) return;
      const all = Object.fromEntries(this.#load());
      writeAtomically(this.#path, seal('digests', JSON.stringify(all)), this.#aside);
    } catch {
      // A store that can't be written has been told of; the next process reads the files again.
    }
  };
}

/** What a file is known by: one that was written again differs. */
export function stateOf({ size, mtimeNs, ino, ctimeNs }: BigIntStats): readonly [string, string, string, string] {
  return [String(size), String(mtimeNs), String(ino), String(ctimeNs)];
}

/** Whether a file that was read at `since` can't have been written again in the tick of its timestamps. */
export function isSettled({ mtimeNs, ctimeNs }: BigIntStats, since: number): boolean {
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const tick = latest % 1_000_000_000n === 0n ? COARSE : TICK;
  return Number(latest / 1_000_000n) + tick < since;
}

function hashInPlace(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const fd = openSync(path, 'r');
  try {
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
