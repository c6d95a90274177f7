// program(command, options): the options and what they mean. Its life, from the start to the last line, is in process.ts.
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  BaseRunner,
  bytes,
  milliseconds,
  RunError,
  type Context,
  type Duration,
  type Json,
  type Runner,
  type Running,
  type Sink,
  type Size,
  type Spec,
  type Traits,
} from '../kernel/index.ts';
import { ProgramRun } from './process.ts';
import { needsShell } from './quote.ts';
import type { Input } from './input.ts';
import type { Split } from './split.ts';

/** A program and its arguments, or a string for the shell. */
export type CommandLine = string | readonly (string | number | bigint | boolean)[];

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

/** Where the output of a program goes, besides its events. A function is called with each line, inside a turn. */
export type OutputPlace = ((line: any) => void) | Writable | 'inherit' | 'ignore' | FilePlace | URL;

/** How a program runs. */
export interface ProgramOptions {
  readonly stdout?: OutputPlace | undefined;
  readonly stderr?: OutputPlace | undefined;
  /**
   * What it reads: nothing by default (it sees the end at once). A string, bytes, an iterable or async iterable of those, a
   * Readable, a file (`file(path)` or a file: URL), 'inherit' (the terminal's, or Node's own stdin), or 'pipe': kept open
   * for `run.send(line)` until `run.end()`.
   */
  readonly stdin?: Input | FilePlace | 'inherit' | 'pipe' | 'ignore' | undefined;
  /** Its folder; relative to the surrounding one. Default: `within`'s, else Node's own. */
  readonly cwd?: string | URL | undefined;
  /** Added to the environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The whole environment, instead of an added one. */
  readonly exactEnv?: Readonly<Record<string, string>> | undefined;
  /** Kills it after this time; it fails with the reason `timeout`. Default: never. */
  readonly timeout?: Duration | undefined;
  /** Between the first signal of a kill and SIGKILL. Default '5s'. */
  readonly grace?: Duration | undefined;
  /** How much of each stream its result has; the tail is kept. false: nothing. Default '16MiB'; nothing where it goes elsewhere. */
  readonly capture?: Size | false | undefined;
  /** The longest line, in bytes; a longer one kills the program and fails it with the reason `overflow`. Default '16MiB'. */
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
  /** Results without their last newline. Default true. */
  readonly stripFinalNewline?: boolean | undefined;
}

/** What a program gives. With `encoding: 'buffer'` the streams are bytes. */
export interface ProgramResult<B extends string | Buffer = string> {
  /** Undefined when it died by a signal. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** '' where it wasn't captured. */
  readonly stdout: B;
  readonly stderr: B;
  /** From its start to its end. */
  readonly ms: number;
  /** Bytes of captured output that were dropped from the front, both streams together. */
  readonly truncated: number;
}

/**
 * A program. An array is the program and its arguments, without a shell; a string is a command of the shell (`sh -c`),
 * started without one where it needs none, as make does.
 *
 * Fails with a RunError for an exit code other than 0 (`exit`), a death by signal (`signal`), a start that failed (`spawn`),
 * a `timeout`, an `overflow`. Throws a TypeError for undefined or null among the arguments and for unknown options, and a RunError
 * (`spawn`, EINVAL) for a NUL in an argument, at the call.
 */
export function program(command: CommandLine, options: ProgramOptions & { readonly encoding: 'buffer' }): Runner<ProgramResult<Buffer>>;
export function program(command: CommandLine, options?: ProgramOptions): Runner<ProgramResult>;
export function program(command: CommandLine, options: ProgramOptions = {}): Runner<any> {
  return new ProgramRunner(command, settings(options));
}

const KNOWN = new Set(
  (
    'stdout stderr stdin cwd env exactEnv timeout grace capture maxLine encoding ' +
    'label unchecked partial split drain freeze stripFinalNewline'
  ).split(' '),
);

/** Options, checked and in the units of the code. */
export interface Settings {
  readonly options: ProgramOptions;
  readonly timeout: number;
  readonly grace: number;
  readonly maxLine: number;
  readonly capture: number | undefined;
  readonly encoding: 'utf8' | 'latin1' | 'buffer';
  readonly partial: number | undefined;
  readonly quiet: number;
  readonly cap: number;
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
};

function settings(options: ProgramOptions): Settings {
  let any = false;
  for (const name in options) {
    any = true;
    if (!KNOWN.has(name)) throw new TypeError(`program: unknown option ${name}; known are ${[...KNOWN].join(', ')}`);
  }
  if (!any) return DEFAULTS;
  const { timeout, grace, maxLine, capture, encoding, partial, drain } = options;
  if (encoding !== undefined && !['utf8', 'latin1', 'buffer'].includes(encoding))
    throw new TypeError(`program: encoding '${String(encoding)}' is none of 'utf8', 'latin1', 'buffer'`);
  if (options.env !== undefined && options.exactEnv !== undefined)
    throw new TypeError('program: env adds to the environment and exactEnv replaces it; give one of them');
  for (const stream of ['stdout', 'stderr'] as const) checkPlace(stream, options[stream]);
  if (drain !== undefined && drain !== 'close' && (typeof drain !== 'object' || drain === null))
    throw new TypeError(`program: drain is 'close' or { quiet, cap }`);
  const rest = drain === 'close' ? { quiet: Infinity, cap: Infinity } : drain;
  return {
    options,
    timeout: timeout === undefined ? DEFAULTS.timeout : milliseconds(timeout, 'program: timeout'),
    grace: grace === undefined ? DEFAULTS.grace : milliseconds(grace, 'program: grace'),
    maxLine: maxLine === undefined ? DEFAULTS.maxLine : bytes(maxLine, 'program: maxLine'),
    capture: capture === undefined ? undefined : capture === false ? 0 : bytes(capture, 'program: capture'),
    encoding: encoding ?? 'utf8',
    partial: partial === undefined ? undefined : milliseconds(partial, 'program: partial'),
    quiet: rest?.quiet === undefined ? DEFAULTS.quiet : milliseconds(rest.quiet, 'program: drain.quiet'),
    cap: rest?.cap === undefined ? DEFAULTS.cap : milliseconds(rest.cap, 'program: drain.cap'),
  };
}

function checkPlace(stream: string, place: unknown): void {
  if (place === undefined || typeof place === 'function' || place === 'inherit' || place === 'ignore') return;
  if (place instanceof URL || place instanceof Writable) return;
  if (typeof place === 'object' && place !== null) {
    if ('file' in place && typeof place.file === 'string') return;
    if ('write' in place && typeof place.write === 'function') return;
  }
  const hint = typeof place === 'string' ? `; for a file give file(${JSON.stringify(place)})` : '';
  throw new TypeError(`program: ${stream} is a function, a Writable, 'inherit', 'ignore' or file(path)${hint}`);
}

/** The runner of a program; `pipe` builds on its parts. */
export class ProgramRunner extends BaseRunner<ProgramResult<any>> {
  readonly argv: readonly [string, ...string[]];
  readonly settings: Settings;
  readonly #command: CommandLine;
  /** A string that goes to the shell: "not found" is its exit code 127 then. */
  readonly shell: boolean;

  constructor(command: CommandLine, settings: Settings) {
    super();
    this.settings = settings;
    this.#command = command;
    if (typeof command === 'string' && command.trim() === '') throw new TypeError('program: the command is empty');
    const direct = typeof command === 'string' ? needsShell(command) : checkArgv(command);
    this.shell = direct === undefined;
    if (direct === undefined) checkText(command as string);
    this.argv = (direct ?? ['/bin/sh', '-c', command as string]) as [string, ...string[]];
  }

  get spec(): Spec {
    const { cwd, env, exactEnv, stdin } = this.settings.options;
    const spec: Record<string, Json> = {
      type: 'program',
      command: typeof this.#command === 'string' ? this.#command : this.#command.map(String),
    };
    if (cwd !== undefined) spec['cwd'] = String(cwd);
    if (env !== undefined) spec['env'] = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? null]));
    if (exactEnv !== undefined) spec['exactEnv'] = exactEnv;
    if (stdin !== undefined) spec['stdin'] = typeof stdin === 'string' && ['inherit', 'pipe', 'ignore'].includes(stdin) ? stdin : 'given';
    return spec as Spec;
  }

  get label(): string {
    return this.settings.options.label ?? labelOf(this.#command);
  }

  /** The whole command, for messages. */
  get commandText(): string {
    return typeof this.#command === 'string' ? this.#command : this.#command.map(String).join(' ');
  }

  get traits(): Traits<ProgramResult<any>> {
    return this.settings.encoding === 'buffer' ? BYTES : TEXT;
  }

  start(sink: Sink<ProgramResult<any>>, context: Context): Running {
    return new ProgramRun(this, sink, context);
  }
}

const empty = { exitCode: 0, signal: undefined, ms: 0, truncated: 0 };
const TEXT: Traits<ProgramResult<any>> = { slot: true, leaf: true, dry: () => ({ ...empty, stdout: '', stderr: '' }) };
const BYTES: Traits<ProgramResult<any>> = {
  ...TEXT,
  dry: () => ({ ...empty, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }),
};

function checkArgv(command: CommandLine): readonly string[] {
  if (!Array.isArray(command)) throw new TypeError(`program: expected a string or an array of words, got ${command === null ? 'null' : typeof command}`);
  if (command.length === 0) throw new TypeError('program: an empty array names no program');
  const words = command.map((word: unknown, index) => {
    if (typeof word === 'string') return word;
    if (typeof word === 'number' || typeof word === 'bigint' || typeof word === 'boolean') return String(word);
    throw new TypeError(`program: argument ${index} is ${word === null || word === undefined ? String(word) : `of the type ${typeof word}`}, not a string`);
  });
  if (words[0] === '') throw new TypeError('program: the name of the program is empty');
  for (const word of words) checkText(word);
  return words;
}

function checkText(text: string): void {
  if (!text.includes('\0')) return;
  throw new RunError({
    reason: { type: 'spawn', code: 'EINVAL' },
    label: labelOf(text.replaceAll('\0', '\\0')),
    hint: 'an argument has a NUL character, which no program can be given; nothing was started',
  });
}

const LABEL = 40;

/** The first words of a command, its program without the folder. */
function labelOf(command: CommandLine): string {
  const words = typeof command === 'string' ? command.trim().split(/\s+/) : command.map(String);
  let label = (words[0] ?? '').replace(/^.*\/(?=.)/, '');
  for (const word of words.slice(1)) {
    if (label.length + 1 + word.length > LABEL) break;
    label += ` ${word.replace(/\s+/g, ' ')}`;
  }
  return label.length <= LABEL ? label : `${label.slice(0, LABEL - 1)}…`;
}

/** The folder that a program runs in. */
export function folderOf(options: ProgramOptions, context: Context): string {
  const { cwd } = options;
  return cwd === undefined ? context.cwd : resolve(context.cwd, cwd instanceof URL ? fileURLToPath(cwd) : cwd);
}
