// A script of the user's: found, loaded, and what its default export gives.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isRunner, task, type Loop, type Runnable, type Source } from '../index.ts';
import { isGenerator, show } from '../kernel/runnable.ts';
import { fully, stackOf } from '../report/explain.ts';
import { lookAt } from './paths.ts';
import { suggest } from '../kernel/suggest.ts';
import { UsageError } from './usage.ts';

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** The script's absolute path. Throws a UsageError with the file that was probably meant. */
export function findScript(file: string): string {
  const path = resolve(file);
  const stats = lookAt(path, file);
  if (stats?.isDirectory() === true) throw new UsageError(`${file} is a folder, not a script`);
  if (stats !== undefined) return path;
  const meant = nearest(path);
  throw new UsageError(
    `there is no file ${file}`,
    meant === undefined ? undefined : `did you mean ${relative('.', meant)}?`,
  );
}

/** The file in the same folder, or in one beside or below it, whose name is nearest. */
function nearest(path: string): string | undefined {
  const extended = EXTENSIONS.map((extension) => path + extension).find((candidate) => existsSync(candidate));
  if (extended !== undefined) return extended;
  const wanted = basename(path);
  const near = existsSync(dirname(path)) ? dirname(path) : '.';
  for (const folder of [near, ...foldersIn(near)]) {
    const names = scriptsIn(folder);
    const bare = names.find((name) => name.slice(0, -extname(name).length) === wanted);
    const name = bare ?? (names.includes(wanted) ? wanted : suggest(wanted, names));
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

function scriptsIn(folder: string): string[] {
  return entries(folder)
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.includes(extname(entry.name)))
    .map((entry) => entry.name);
}

function foldersIn(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map((entry) => join(folder, entry.name));
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** A script could not be loaded; the message tells it all, except for a SyntaxError whose place only Node itself knows. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  readonly placeless: boolean;
  constructor(cause: unknown) {
    super(loadFailure(cause), { cause });
    this.placeless = cause instanceof SyntaxError && !/:\d+(:|$)/m.test(this.message);
  }
}

/** Loads a script and gives its default export. To the script, `process.argv` is as if Node ran it. */
export async function loadScript(path: string, args: readonly string[]): Promise<unknown> {
  await import('./load/register.ts');
  process.argv = [process.argv[0]!, path, ...args];
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new ScriptError(error);
  }
  let exported = module['default'];
  // CommonJS that was compiled from a module.
  if (typeof exported === 'object' && exported !== null && '__esModule' in exported)
    exported = (exported as { default?: unknown }).default;
  // Returned, it would be awaited.
  if (exported !== undefined) return notLoop(exported, `the default export of ${relative('.', path)}`);
  const names = Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports');
  throw new UsageError(
    `${relative('.', path)} has no default export`,
    names.includes('main')
      ? 'write: export default main'
      : `write: export default function* main() { … }${names.length === 0 ? '' : `; it exports ${names.join(', ')}`}`,
  );
}

function loadFailure(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${show(error)}`;
  if (error.name !== 'SyntaxError') return fully(error);
  // Where in the loader it was noticed tells nobody anything.
  const text = stackOf(error)
    .replace(/\n\s+at [^]*$/, '')
    .trimEnd();
  const missing = /does not provide an export named '(\w+)'/.exec(error.message)?.[1] ?? 'default';
  return missing === 'default' ? text : `${text}\nif ${missing} is a type: import { type ${missing} }`;
}

/** The generators that a default export stands for. Functions are called with the arguments. Throws a UsageError. */
export async function toSource(exported: unknown, args: readonly string[], file: string): Promise<Source> {
  const value = await exported;
  if (isRunner(value) || isGenerator(value)) return [value];
  if (typeof value === 'function') {
    if (isGeneratorFunction(value)) return [withArguments(named(value, file), args)];
    const made = (value as (...args: string[]) => unknown)(...args);
    const given: unknown = await notLoop(made, `what the default function of ${file} gave`);
    if (typeof given === 'function' || isRunner(given) || isGenerator(given)) return [given as Runnable];
    if (isList(given)) return given;
    throw new UsageError(
      `the default function of ${file} gave ${show(given)}`,
      'make it a generator function (function*), or return a list of generators',
    );
  }
  if (Array.isArray(value)) return value.map((element: unknown) => withArguments(element, args));
  if (isList(value)) return value;
  throw new UsageError(
    `the default export of ${file} is ${show(value)}`,
    'export a generator function, a function that gives generators, a list of them, or a runner',
  );
}

/** A loop could be awaited, but is one beside that of the command line, which then had nothing to run. */
function notLoop(value: unknown, what: string): unknown {
  const loop = value as Partial<Loop<unknown>> | null | undefined;
  if (typeof loop?.then !== 'function' || typeof loop.list !== 'function') return value;
  throw new UsageError(`${what} is a loop that runs already`, 'leave runCommandGens to sluice: give its generators');
}

/** Generator functions are called with the arguments; everything else is for the loop to judge. */
function withArguments(value: unknown, args: readonly string[]): Runnable {
  if (typeof value !== 'function') return value as Runnable;
  return task(value as (...args: string[]) => Generator, ...args);
}

/** `export default function* ()` has the name 'default'; the file's tells more. */
function named<F extends object>(fn: F, file: string): F {
  const { name } = fn as { name?: unknown };
  if (name === 'default' || name === '') Object.defineProperty(fn, 'name', { value: basename(file, extname(file)) });
  return fn;
}

function isGeneratorFunction(value: object): boolean {
  return Object.prototype.toString.call(value).endsWith('GeneratorFunction]');
}

function isList(value: unknown): value is Source {
  if (typeof value !== 'object' || value === null) return false;
  const observable = (Symbol as { observable?: symbol }).observable ?? '@@observable';
  return Symbol.iterator in value || Symbol.asyncIterator in value || observable in value || '@@observable' in value;
}
