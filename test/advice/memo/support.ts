// A temporary project with a store of its own, and what a loop in it did.
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Test } from 'tap';
import { memo, type MemoOptions } from '../../../lib/advice/memo.ts';
import { runCommandGens, type Advice, type Event, type LoopOptions, type Runnable } from '../../../lib/kernel/index.ts';
import { storeAt } from '../../../lib/store/store.ts';
import '../../support.ts';

/** What came of a loop. */
export interface Did {
  /** Of the first generator. */
  readonly value: any;
  readonly error: any;
  readonly events: readonly Event[];
  /** Texts of all notes. */
  readonly notes: readonly string[];
  /** Texts of all lines, with '~' before those from memory. */
  readonly lines: readonly string[];
}

export interface Project {
  readonly folder: string;
  readonly store: string;
  /** Runs these in one loop, in this folder. */
  run(what: Runnable<any> | readonly Runnable<any>[], options?: LoopOptions): Promise<Did>;
  /** A memo with this project's store. */
  memo(options?: MemoOptions): Advice;
  path(name: string): string;
  write(name: string, text: string | Uint8Array): void;
  read(name: string): string;
  has(name: string): boolean;
  /** Lines of a file that steps write a line to when they run: how often they did. */
  runs(name?: string): number;
  /** All files of the store, relative to it. */
  stored(): string[];
  /** Names of locks that are held. */
  locks(): string[];
}

export function projectIn(t: Test, files: Record<string, string> = {}, store = '.store'): Project {
  // Before the folder goes, for which tap sees when it is asked for one: a save that is due would come in between.
  t.teardown(() => storeAt(project.store).files.save());
  const folder = t.testdir({ 'package.json': '{}', ...files });
  const path = (name: string): string => join(folder, name);
  const project: Project = {
    folder,
    store: path(store),
    path,
    run: (what, options = {}) => did(Array.isArray(what) ? what : [what], { cwd: folder, ...options }),
    memo: (options = {}) => memo({ store: project.store, ...options }),
    write: (name, text) => writeFileSync(path(name), text),
    read: (name) => readFileSync(path(name), 'utf8'),
    has: (name) => lstatSync(path(name), { throwIfNoEntry: false }) !== undefined,
    runs: (name = 'runs') => (existsSync(path(name)) ? readFileSync(path(name), 'utf8').split('\n').length - 1 : 0),
    stored: () => filesIn(project.store),
    locks: () => filesIn(join(project.store, 'locks')).filter((name) => !name.endsWith('.owner')),
  };
  return project;
}

/** Files below a folder, relative to it. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** What a loop does. */
export async function did(what: readonly Runnable<any>[], options: LoopOptions = {}): Promise<Did> {
  const events: Event[] = [];
  const loop = runCommandGens(what as never, { ...options, onEvent: (event) => void events.push(event) });
  const [value, error] = await loop.then(
    (values: unknown[]) => [values[0], undefined],
    (failure: unknown) => [undefined, (failure as AggregateError).errors?.[0] ?? failure],
  );
  return {
    value,
    error,
    events,
    notes: events.flatMap((event) => (event.type === 'note' ? [event.text] : [])),
    lines: events.flatMap((event) =>
      event.type === 'line' ? [`${event.memory === true ? '~' : ''}${event.line}`] : [],
    ),
  };
}

const root = new URL('../../../', import.meta.url);

/** A script in a folder, run by a Node of its own whose current folder it is; gives what it wrote. `sluice` is the library. */
export async function script(folder: string, name: string, code: string, args: string[] = []): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  writeFileSync(file, code.replaceAll(`'sluice'`, JSON.stringify(new URL('lib/index.ts', root).href)));
  return node(folder, [file, ...args]);
}

/** Node with the library's loader. */
export function node(folder: string, args: readonly string[]): Promise<string> {
  const register = pathToFileURL(join(new URL('.', root).pathname, 'dist/lib/cli/load/register.js')).href;
  return new Promise((resolve, reject) =>
    execFile(process.execPath, ['--import', register, ...args], { cwd: folder }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stdout}\n${stderr}`)),
    ),
  );
}
