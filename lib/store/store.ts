// A store: a folder, by default `.sluice` in the project, with what is to be known the next time. Its parts:
//
//   steps/     what is known of steps, by their first output, or the key of what decides them
//   labels/    the latest step of each label, of those without outputs
//   contents/  bytes by their digest (contents.ts)
//   scripts/   which outputs belong to which script
//   locks/     who is at work on what
//   failed/    outputs of what failed
//   stripped/  TypeScript files without their types (typescript/stripped.ts)
//   digests    what is known of files
//
// Every file but contents is sealed (sealed.ts) or a lock; contents are checked when they are used. What can't be used is as if it
// weren't there, and is told of once. Nothing needs another file to be whole, so several processes need no lock to read and write.
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync, type BigIntStats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Contents } from './contents.ts';
import { Files, isSettled, stateOf, statsAt } from './files.ts';
import { makeFolders, nearestWith } from './folders.ts';
import type { Paced } from './paced.ts';
import { inFolder, readSealed, seal, writeAtomically } from './sealed.ts';
import { touch } from './touch.ts';

/** The names of all of these. */
export const PARTS = 'steps labels contents scripts locks failed stripped digests tmp'.split(' ');

/** What a store has to say: told once each. */
export type Warn = (text: string) => void;

const stores = new Map<string, Store>();

/** The store in a folder; one object for each in this process. */
export function storeAt(folder: string): Store {
  const path = resolve(folder);
  let store = stores.get(path);
  if (store === undefined) stores.set(path, (store = new Store(path)));
  return store;
}

/** The folder of the project around a folder: the nearest one from there upwards with a store, a package.json or .git; else itself. */
export function projectOf(folder: string): string {
  return nearestWith(['.sluice', 'package.json', '.git'], resolve(folder)) ?? resolve(folder);
}

/** Files whose contents are at hand. */
const READ = 1000;

/** A store. */
export class Store {
  readonly folder: string;
  readonly files: Files;
  /** What is being written has its place here. */
  readonly aside: string;
  readonly contents = new Contents(this);
  readonly #told = new Set<string>();
  /** What was read, while its file is the same: a cache is asked for the same again and again. */
  readonly #recent = new Map<string, { readonly state: string; readonly value: unknown }>();
  #made = false;

  constructor(folder: string) {
    this.folder = folder;
    this.aside = join(folder, 'tmp');
    // A store that was deleted meanwhile doesn't come back for what is known of files.
    this.files = new Files(join(folder, 'digests'), this.aside, () => {
      if (!this.#made) this.make();
      return existsSync(folder);
    });
  }

  /** The path of something in it. Names are digests where they come from elsewhere. */
  path(kind: 'steps' | 'labels' | 'scripts' | 'locks' | 'failed', name: string): string {
    return join(this.folder, kind, name);
  }

  /** What is stored as JSON under a name; undefined where that is nothing, or can't be used. `used`: it is of use now. */
  read(kind: 'steps' | 'labels', name: string, warn: Warn, used = false): unknown {
    const path = this.path(kind, name);
    const since = Date.now();
    const stats = this.#statsOf(path);
    const state = stats === undefined ? '' : stateOf(stats).join();
    const known = this.#recent.get(path);
    if (known !== undefined && known.state === state) return known.value;
    const found = readSealed(kind, path);
    if (found === 'missing') return undefined;
    if ('damage' in found) {
      this.warn(warn, `${path} can't be used: ${found.damage}; it is as if it weren't there`, path);
      return undefined;
    }
    if (used) touch(path, found.usedMs);
    try {
      const value = JSON.parse(found.text) as unknown;
      if (stats !== undefined && isSettled(stats, since)) this.#remember(path, state, value);
      return value;
    } catch {
      this.warn(warn, `${path} can't be used: it was written by something else; it is as if it weren't there`, path);
      return undefined;
    }
  }

  #statsOf(path: string): BigIntStats | undefined {
    try {
      return statsAt(path);
    } catch {
      return undefined; // told by who reads it
    }
  }

  #remember(path: string, state: string, value: unknown): void {
    if (this.#recent.size >= READ) this.#recent.clear();
    this.#recent.set(path, { state, value });
  }

  /** Stores JSON under a name; false, and told, where that can't be. */
  write(kind: 'steps' | 'labels', name: string, value: unknown, warn: Warn): boolean {
    return this.try(warn, () => {
      this.make();
      writeAtomically(this.path(kind, name), seal(kind, JSON.stringify(value)), this.aside);
    });
  }

  /** The names of all that is stored. */
  names(kind: 'steps'): string[] {
    try {
      return readdirSync(join(this.folder, kind));
    } catch {
      return [];
    }
  }

  /** Does something that needs the disk; false, and told once, where it fails. */
  try(warn: Warn, act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.#unwritten(warn, error);
      return false;
    }
  }

  /** The same for work in parts, which gives what it gives, or true for nothing; undefined where it fails. */
  *tryPaced<T>(warn: Warn, work: Paced<T>): Paced<(T extends void ? true : T) | undefined> {
    try {
      return ((yield* work) ?? true) as T extends void ? true : T;
    } catch (error) {
      this.#unwritten(warn, error);
      return undefined;
    }
  }

  #unwritten(warn: Warn, error: unknown): void {
    const { message, code } = error as NodeJS.ErrnoException;
    this.warn(warn, `the store ${this.folder} can't be written: ${message}; nothing is remembered`, code ?? message);
  }

  /** Says something once. */
  warn(warn: Warn, text: string, about = text): void {
    if (this.#told.has(about)) return;
    this.#told.add(about);
    warn(`warning: ${text}`);
  }

  /** Makes the folder; git is told to leave it alone. */
  make(): void {
    if (this.#made && existsSync(this.folder)) return;
    makeFolders(this.aside);
    const ignore = join(this.folder, '.gitignore');
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n');
    this.#made = true;
  }

  // --- scripts ------------------------------------------------------------------------------------------------------------

  /** The lines of a list that only grows. */
  lines(name: string): string[] {
    try {
      return readFileSync(this.path('scripts', name), 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }

  /** Adds a line to it, in one write. */
  addLine(name: string, line: string): void {
    this.make();
    const path = this.path('scripts', name);
    inFolder(dirname(path), () => appendFileSync(path, `${line}\n`));
  }

  /** Writes all of its lines anew. */
  setLines(name: string, lines: readonly string[]): void {
    this.make();
    writeAtomically(this.path('scripts', name), lines.map((line) => `${line}\n`).join(''), this.aside);
  }
}
