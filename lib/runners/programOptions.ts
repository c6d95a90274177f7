// The options of a program: what can be said, what is refused at the call, and what it is in the units of the code.
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { bytes, milliseconds, type Duration, type Size } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { checkInput, inputOnce, type Input } from './input.ts';
import type { Split } from './split.ts';

/** A file as a place for output or a source of input; opened by the system, so bytes don't pass through Node. */
export interface FilePlace {
  readonly file: string;
  readonly append?: boolean;
}

/** Names a file for `stdin`, `stdout` or `stderr`. A relative path is resolved against the program's folder. */
export function file(path: string | URL, options: { append?: boolean } = {}): FilePlace {
  const name = path instanceof URL ? fileURLToPath(path) : path;
  return options.append === undefined ? { file: name } : { file: name, append: options.append };
}

/**
 * Where the output of a program goes. A function is called with each line, inside a turn. A Writable gets the bytes, with its
 * back-pressure, and isn't ended; the run settles when all is written. Where output goes to a Writable, a file, 'inherit' or
 * 'ignore' there are no line events (unless `split` makes them).
 */
export type OutputPlace = ((line: any) => void) | Writable | 'inherit' | 'ignore' | FilePlace | URL;

/** How a program runs. */
export interface ProgramOptions {
  readonly stdout?: OutputPlace | undefined;
  readonly stderr?: OutputPlace | undefined;
  /**
   * What it reads: nothing by default (it sees the end at once). A string, bytes, an iterable or async iterable of those, a
   * Readable, a file (`file(path)` or a file: URL), 'inherit' (the terminal's, or Node's own stdin), or 'pipe': kept open
   * for `run.send(line)` until `run.end()`. With a Readable or an iterator the runner runs once.
   */
  readonly stdin?: Input | FilePlace | 'inherit' | 'pipe' | 'ignore' | undefined;
  /** Its folder; relative to the surrounding one. Default: `within`'s, else Node's own. */
  readonly cwd?: string | URL | undefined;
  /** Added to the environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The whole environment, instead of an added one. */
  readonly exactEnv?: Readonly<Record<string, string>> | undefined;
  /**
   * Kills it after this time, pauses not counted; it fails with the reason `timeout`. On another machine from when it has begun: a
   * login has `connectTimeout`, the advice `timeout` counts both. Default: never.
   */
  readonly timeout?: Duration | undefined;
  /** Between the first signal of a kill and SIGKILL. Default '5s'. */
  readonly grace?: Duration | undefined;
  /** How much of each stream its result has; the tail is kept. false: nothing. Default '16MiB'; nothing where it goes elsewhere. */
  readonly capture?: Size | false | undefined;
  /**
   * The longest line, in bytes; a longer one kills the program and fails it with the reason `overflow`. Default '16MiB', or
   * `capture` where that is more.
   */
  readonly maxLine?: Size | undefined;
  /** 'utf8' (default; invalid bytes become U+FFFD), 'latin1' (a character for each byte), 'buffer' (lines as 'latin1', results as bytes). */
  readonly encoding?: 'utf8' | 'latin1' | 'buffer' | undefined;
  /** What reports print in front of its lines. Default: the first words of the command. */
  readonly label?: string | undefined;
  /** A non-zero exit or a death by signal is a result, not a failure. Default false. */
  readonly unchecked?: boolean | undefined;
  /** Reports the beginning of a line that rests for this long (a prompt, a progress bar), as a `partial` line event. Default: never. */
  readonly partial?: Duration | undefined;
  /** Cuts stdout in another way than at newlines: any Transform, such as `() => split2(/\0/)` or `() => split2(JSON.parse)`. */
  readonly split?: Split | undefined;
  /**
   * What to do when the program has exited and something still holds its output open. 'close' waits for that; otherwise
   * reading goes on until it has been silent for `quiet` (default '200ms'), at most `cap` (default '2s').
   */
  readonly drain?: 'close' | { readonly quiet?: Duration; readonly cap?: Duration } | undefined;
  /** A pause stops the program itself (SIGSTOP), not only the reading of its output. Default false. */
  readonly freeze?: boolean | undefined;
  /**
   * It is meant to outlive Node: exit(), a throw and even `kill -9` of Node leave it alone. While the loop runs it is a
   * run like any other, awaited and killed with its loop. Give it files or 'ignore' for stdout and stderr: who writes to a
   * pipe that Node has left gets SIGPIPE. Default false.
   */
  readonly detach?: boolean | undefined;
  /** Results without their last newline. Default true. */
  readonly stripFinalNewline?: boolean | undefined;
}

/** Options, checked and in the units of the code. */
export interface Settings {
  readonly options: ProgramOptions;
  readonly timeout: number;
  readonly grace: number;
  readonly maxLine: number;
  /** Undefined: what its place says. */
  readonly capture: number | undefined;
  readonly encoding: 'utf8' | 'latin1' | 'buffer';
  readonly partial: number | undefined;
  readonly quiet: number;
  readonly cap: number;
  /** Why it can run once only. */
  readonly once: string | undefined;
}

const DEFAULTS: Settings = {
  options: {},
  timeout: Infinity,
  grace: 5000,
  maxLine: 16 * 1024 * 1024,
  capture: undefined,
  encoding: 'utf8',
  partial: undefined,
  quiet: 200,
  cap: 2000,
  once: undefined,
};

const KNOWN = (
  'stdout stderr stdin cwd env exactEnv timeout grace capture maxLine encoding ' +
  'label unchecked partial split drain freeze detach stripFinalNewline'
).split(' ');

/** Throws a TypeError for what is no option, or no value of it. */
export function settings(options: ProgramOptions): Settings {
  checkOptions('program', options, KNOWN);
  if (Object.keys(options).length === 0) return DEFAULTS;
  checkPlace('stdout', options.stdout);
  checkPlace('stderr', options.stderr);
  checkSurroundings(options);
  const once = checkStdin(options.stdin) ?? splitOnce(options);
  const { timeout, grace, maxLine, encoding, partial, drain } = options;
  if (encoding !== undefined && !['utf8', 'latin1', 'buffer'].includes(encoding))
    throw new TypeError(`program: encoding ${show(encoding)} is none of 'utf8', 'latin1', 'buffer'`);
  if (drain !== undefined && drain !== 'close' && (typeof drain !== 'object' || drain === null))
    throw new TypeError(`program: drain is 'close' or { quiet, cap }, not ${show(drain)}`);
  const rest = drain === 'close' ? { quiet: Infinity, cap: Infinity } : drain;
  const time = (value: Duration | undefined, name: string, standard: number): number =>
    value === undefined ? standard : milliseconds(value, `program: ${name}`);
  const capture = options.capture === false ? 0 : options.capture;
  const captured = capture === undefined ? undefined : bytes(capture, 'program: capture');
  return {
    options,
    timeout: time(timeout, 'timeout', DEFAULTS.timeout),
    grace: time(grace, 'grace', DEFAULTS.grace),
    maxLine: maxLine === undefined ? Math.max(DEFAULTS.maxLine, captured ?? 0) : bytes(maxLine, 'program: maxLine'),
    capture: captured,
    encoding: encoding ?? 'utf8',
    partial: partial === undefined ? undefined : milliseconds(partial, 'program: partial'),
    quiet: time(rest?.quiet, 'drain.quiet', DEFAULTS.quiet),
    cap: time(rest?.cap, 'drain.cap', DEFAULTS.cap),
    once,
  };
}

function checkSurroundings({ cwd, env, exactEnv, label }: ProgramOptions): void {
  if (cwd !== undefined && typeof cwd !== 'string' && !(cwd instanceof URL && cwd.protocol === 'file:'))
    throw new TypeError(`program: cwd is a path or a file: URL, not ${show(cwd)}`);
  if (label !== undefined && typeof label !== 'string')
    throw new TypeError(`program: label is a string, not ${show(label)}`);
  if (env !== undefined && exactEnv !== undefined)
    throw new TypeError('program: env adds to the environment and exactEnv replaces it; give one of them');
  for (const [option, given] of Object.entries({ env, exactEnv })) {
    if (given === undefined) continue;
    if (typeof given !== 'object' || given === null)
      throw new TypeError(`program: ${option} is an object, not ${show(given)}`);
    for (const [name, value] of Object.entries(given)) {
      // It would set another variable than the one that is named.
      if (name === '' || name.includes('='))
        throw new TypeError(`program: ${option} has ${JSON.stringify(name)}, which is no name of a variable`);
      // A number would do, but what an object becomes is never what was meant; and the value may be a secret.
      if (typeof value !== 'string' && (value !== undefined || option === 'exactEnv'))
        throw new TypeError(
          `program: ${option}.${name} is ${value === null ? 'null' : `of the type ${typeof value}`}, not a string`,
        );
    }
  }
}

function checkStdin(stdin: unknown): string | undefined {
  if (stdin === undefined || stdin === 'inherit' || stdin === 'pipe' || stdin === 'ignore' || isFilePlace(stdin))
    return;
  checkInput(stdin, 'program: stdin');
  return inputOnce(stdin);
}

function splitOnce({ split }: ProgramOptions): string | undefined {
  if (split === undefined || typeof split === 'function') return undefined;
  return 'its split: a Transform can be used only once; give a function that makes one';
}

function checkPlace(stream: string, place: unknown): void {
  if (place === undefined || typeof place === 'function' || place === 'inherit' || place === 'ignore') return;
  if (isFilePlace(place) || isWritable(place) || (place instanceof URL && place.protocol === 'file:')) return;
  const hint = typeof place === 'string' ? `; for a file give file(${JSON.stringify(place)})` : '';
  throw new TypeError(
    `program: ${stream} is a function, a Writable, 'inherit', 'ignore', file(path) or a file: URL, not ${show(place)}${hint}`,
  );
}

/** By its methods, since there are Writables of readable-stream too. */
function isWritable(value: unknown): value is Writable {
  if (typeof value !== 'object' || value === null) return false;
  const methods = value as Record<string, unknown>;
  return ['write', 'end', 'on', 'off'].every((name) => typeof methods[name] === 'function');
}

/** Whether a place for output is a file by its name; a Writable, which may have a `file` too, is none. */
export function isFilePlace(value: unknown): value is FilePlace {
  if (typeof value !== 'object' || value === null) return false;
  const { file: name, on } = value as { file?: unknown; on?: unknown };
  return typeof name === 'string' && typeof on !== 'function';
}
