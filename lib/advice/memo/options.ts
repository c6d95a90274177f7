// What can be said to a memo, and what is refused at the call.
import { fileURLToPath } from 'node:url';
import { bytes, type Json, type Size } from '../../kernel/index.ts';
import { checkOptions } from '../../kernel/options.ts';
import { show } from '../../kernel/runnable.ts';
import { serialize } from '../../store/serialize.ts';

/** What a memo goes by. */
export interface MemoOptions {
  /**
   * What the work reads: paths of files and folders (strings, file: URLs), `glob('src/*.c')`, `dir('lib')`; anything else is a value:
   * numbers, booleans, null, arrays, objects, … (a string that is no path belongs into `key`). Relative paths are resolved against
   * the effective folder. A program that is named by a relative path (`./gen.py`), and a file as its stdin, are inputs by themselves.
   */
  readonly inputs?: readonly unknown[] | undefined;
  /** What it writes: paths of files and folders (of a link it is where it leads to that counts). A file as the stdout or stderr of a program is one by itself. */
  readonly outputs?: readonly (string | URL)[] | undefined;
  /** Variables of the environment that it reads. Those that `within` changes count anyway. */
  readonly env?: readonly string[] | undefined;
  /**
   * More that decides what it does. For code of your own it has to tell all that the code depends on besides its own text and
   * those of its arguments that can be compared.
   */
  readonly key?: Json | undefined;
  /** Of the work: another one makes all entries stale. */
  readonly version?: string | number | undefined;
  /** Outputs are kept in the store, as they are, to be put back without running (A, B, A). Default false. */
  readonly keep?: boolean | undefined;
  /** How much of the last lines is kept and told again; false: none. Default '1MiB'. */
  readonly lines?: Size | false | undefined;
  /** What becomes of outputs that were changed by work that failed: 'move' (to `failed/` in the store) or 'keep'. Default 'move'. */
  readonly partial?: 'move' | 'keep' | undefined;
  /**
   * The folder of the store; relative to Node's own. Default: `.sluice` in the project, which is the nearest folder with one, a
   * package.json or .git, from the loop's folder (its option `cwd`, else Node's own) upwards.
   */
  readonly store?: string | URL | undefined;
}

/** Files that a pattern names: made by `glob`. */
export class Glob {
  readonly patterns: readonly string[];
  readonly ignore: readonly string[];
  readonly dot: boolean;
  constructor(patterns: readonly string[], ignore: readonly string[], dot: boolean) {
    this.patterns = patterns;
    this.ignore = ignore;
    this.dot = dot;
  }
}

/** A folder with all that is in it: made by `dir`. */
export class Dir {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

/** What `glob` leaves out. */
export interface GlobOptions {
  /** Patterns of what isn't meant. `.sluice`, `.git` and `node_modules` never are. */
  readonly ignore?: string | readonly string[] | undefined;
  /** Names that begin with a dot are meant too. Default false. */
  readonly dot?: boolean | undefined;
}

/**
 * The files that match a pattern, as inputs of `memo`: one that is added, removed or changed makes the entry stale.
 * `glob('src/**' + '/*.ts')`, `glob(['*.c', '*.h'], { ignore: 'gen_*' })`. Patterns are those of picomatch, relative to the effective folder.
 */
export function glob(patterns: string | readonly string[], options: GlobOptions = {}): Glob {
  checkOptions('glob', options, ['ignore', 'dot']);
  return new Glob(patternsOf('glob', patterns), patternsOf('glob: ignore', options.ignore ?? []), options.dot === true);
}

/** A folder with all that is in it, as an input of `memo`; of links in it, where they lead to. */
export function dir(path: string | URL): Dir {
  return new Dir(pathOf('dir', path));
}

function patternsOf(what: string, given: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const pattern of list)
    if (typeof pattern !== 'string' || pattern === '')
      throw new TypeError(`${what}: expected a pattern such as 'src/*.c', or a list of them, got ${show(pattern)}`);
  return list as readonly string[];
}

/** A path as a string. */
export function pathOf(what: string, path: unknown): string {
  if (path instanceof URL) return fileURLToPath(path);
  if (typeof path !== 'string') throw new TypeError(`${what}: expected a path, got ${show(path)}`);
  if (path === '') throw new TypeError(`${what}: the path is empty; a string that is no path belongs into key`);
  if (path.includes('\0')) throw new TypeError(`${what}: the path has a NUL character`);
  return path;
}

/** Options, checked and in the units of the code. */
export interface Settings {
  readonly inputs: readonly unknown[];
  readonly outputs: readonly string[];
  readonly env: readonly string[];
  readonly key: Json | undefined;
  readonly version: string | number | undefined;
  readonly keep: boolean;
  /** Bytes. */
  readonly lines: number;
  readonly partial: 'move' | 'keep';
  readonly store: string | undefined;
}

const KNOWN = ['inputs', 'outputs', 'env', 'key', 'version', 'keep', 'lines', 'partial', 'store'];

/** Throws a TypeError for what is no option, or no value of it. */
export function settings(options: MemoOptions): Settings {
  checkOptions('memo', options, KNOWN);
  const { inputs = [], outputs = [], env = [], key, version, keep = false, lines = '1MiB', partial = 'move' } = options;
  for (const [name, list] of Object.entries({ inputs, outputs, env }))
    if (!Array.isArray(list)) throw new TypeError(`memo: ${name} is a list, not ${show(list)}`);
  for (const name of env)
    if (typeof name !== 'string' || !/^[^=\0]+$/.test(name))
      throw new TypeError(`memo: env lists names of variables, not ${show(name)}`);
  if (typeof keep !== 'boolean') throw new TypeError(`memo: keep is true or false, not ${show(keep)}`);
  if (partial !== 'move' && partial !== 'keep')
    throw new TypeError(`memo: partial is 'move' or 'keep', not ${show(partial)}`);
  if (version !== undefined && typeof version !== 'string' && typeof version !== 'number')
    throw new TypeError(`memo: version is a string or a number, not ${show(version)}`);
  checkKey(key);
  return {
    inputs: Array.from(inputs, (input: unknown, index) =>
      typeof input === 'string' || input instanceof URL ? pathOf(`memo: inputs[${index}]`, input) : input,
    ),
    outputs: outputs.map((output, index) => pathOf(`memo: outputs[${index}]`, output)),
    env,
    key,
    version,
    keep,
    lines: lines === false ? 0 : bytes(lines, 'memo: lines'),
    partial,
    store: options.store === undefined ? undefined : pathOf('memo: store', options.store),
  };
}

function checkKey(key: unknown): void {
  if (key === undefined) return;
  try {
    serialize(key);
  } catch (cause) {
    throw new TypeError(
      `memo: key is ${show(key)}, which is no value that can be compared: ${(cause as Error).message}`,
      { cause },
    );
  }
}
