// program(command, options): what it is before it runs. Its options are in programOptions.ts, its life, from the start to
// the last line, is in process.ts.
import { fileURLToPath } from 'node:url';
import {
  BaseRunner,
  RunError,
  type Context,
  type Json,
  type Runner,
  type Running,
  type Sink,
  type Spec,
  type Traits,
  type Usage,
} from '../kernel/index.ts';
import { clip } from '../kernel/error.ts';
import { toldNumber } from '../kernel/options.ts';
import { sha256 } from '../store/digest.ts';
import { ProgramRun } from './process.ts';
import {
  isFilePlace,
  settings,
  type FilePlace,
  type OutputPlace,
  type ProgramOptions,
  type Settings,
} from './programOptions.ts';
import { letGo } from './programInput.ts';
import { needsShell, quote } from './quote.ts';

export { file, type FilePlace, type OutputPlace, type ProgramOptions } from './programOptions.ts';

/** A program and its arguments, or a string for the shell. */
export type CommandLine = string | readonly (string | number | bigint | boolean)[];

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
  /**
   * Processor time and memory, where the system tells: not of programs on other machines or in containers, nor of those that execa started. Not
   * enumerable: results that are equal are so whatever they cost.
   */
  readonly usage?: Usage;
}

/**
 * A program. An array is the program and its arguments, without a shell; a string is a command of the shell (`sh -c`),
 * started without one where it needs none, as make does.
 *
 * Fails with a RunError for an exit code other than 0 (`exit`), a death by signal (`signal`), a start that failed (`spawn`),
 * a `timeout`, an `overflow`. Throws a TypeError for undefined or null among the arguments and for unknown options, and a RunError
 * (`spawn`, EINVAL) for a NUL in an argument, at the call.
 */
export function program(
  command: CommandLine,
  options: ProgramOptions & { readonly encoding: 'buffer' },
): Runner<ProgramResult<Buffer>>;
export function program(command: CommandLine, options?: ProgramOptions): Runner<ProgramResult>;
export function program(command: CommandLine, options: ProgramOptions = {}): Runner<any> {
  return new ProgramRunner(command, settings(options));
}

/** The runner of a program; `pipe` builds on its parts. */
export class ProgramRunner extends BaseRunner<ProgramResult<any>> {
  readonly argv: readonly [string, ...string[]];
  readonly settings: Settings;
  /** A string that goes to the shell: "not found" is its exit code 127 then. */
  readonly shell: boolean;
  readonly #command: CommandLine;
  #spec: Spec | undefined;
  #traits: Traits<ProgramResult<any>> | undefined;

  constructor(command: CommandLine, settings: Settings) {
    super();
    this.settings = settings;
    this.#command = command;
    if (typeof command === 'string' && command.trim() === '') throw new TypeError('program: the command is empty');
    const direct = typeof command === 'string' ? needsShell(command) : checkArgv(command);
    this.shell = direct === undefined;
    if (direct === undefined) checkText(command as string);
    // With `--` a command that begins with '-' is no option of the shell.
    const dashes = typeof command === 'string' && /^[-+]/.test(command) ? ['--'] : [];
    this.argv = (direct ?? ['/bin/sh', '-c', ...dashes, command as string]) as [string, ...string[]];
  }

  get spec(): Spec {
    if (this.#spec !== undefined) return this.#spec;
    const { cwd, env, exactEnv, stdin } = this.settings.options;
    const spec: Record<string, Json> = { type: 'program', command: this.#words };
    if (cwd !== undefined) spec['cwd'] = String(cwd);
    if (env !== undefined)
      spec['env'] = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? null]));
    if (exactEnv !== undefined) spec['exactEnv'] = { ...exactEnv };
    if (stdin !== undefined) spec['stdin'] = told(stdin);
    for (const name of ['stdout', 'stderr'] as const) {
      const place = this.settings.options[name];
      if (place !== undefined) spec[name] = toldPlace(place);
    }
    for (const name of RESULT) {
      const value = this.settings.options[name];
      if (value !== undefined) spec[name] = name === 'split' ? 'given' : toldNumber(value as number);
    }
    this.#spec = spec as Spec;
    return this.#spec;
  }

  get #words(): string | readonly string[] {
    return typeof this.#command === 'string' ? this.#command : this.argv;
  }

  get label(): string {
    return this.settings.options.label ?? labelOf(this.#words);
  }

  /** The command as one would type it, for messages, which it must not fill. */
  get commandText(): string {
    const text = typeof this.#command === 'string' ? this.#command : this.argv.map(quote).join(' ');
    return clip(text, COMMAND);
  }

  get traits(): Traits<ProgramResult<any>> {
    const { encoding, once, options } = this.settings;
    const untold = untoldOf(options);
    const callbacks = callbacksOf(options);
    const usual = encoding === 'buffer' ? BYTES : TEXT;
    if (once === undefined && untold === undefined && callbacks === undefined) return usual;
    this.#traits ??= {
      ...usual,
      ...(callbacks !== undefined && { callbacks }),
      ...(untold !== undefined && { exact: untold }),
      ...(once !== undefined && { once, discard: () => letGo(options.stdin) }),
    };
    return this.#traits;
  }

  start(sink: Sink<ProgramResult<any>>, context: Context): Running {
    return new ProgramRun(this, sink, context);
  }
}

const empty = { exitCode: 0, signal: undefined, ms: 0, truncated: 0 };
const TEXT: Traits<ProgramResult<any>> = {
  slot: true,
  leaf: true,
  exact: true,
  dry: () => ({ ...empty, stdout: '', stderr: '' }),
};
const BYTES: Traits<ProgramResult<any>> = {
  ...TEXT,
  dry: () => ({ ...empty, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }),
};

/** Options that say what its result is. */
const RESULT = ['encoding', 'capture', 'unchecked', 'split', 'stripFinalNewline', 'timeout', 'maxLine'] as const;

/** A place of output as data. */
function toldPlace(place: OutputPlace): Json {
  if (place === 'inherit' || place === 'ignore') return place;
  return isFile(place) ? toldFile(place) : 'given';
}

/** A stdin as data. What it holds isn't told (there may be secrets), but whether it is the same. */
function told(stdin: NonNullable<ProgramOptions['stdin']>): Json {
  if (stdin === 'inherit' || stdin === 'pipe' || stdin === 'ignore') return stdin;
  if (isFile(stdin)) return toldFile(stdin);
  if (typeof stdin === 'string' || stdin instanceof Uint8Array) return { sha256: sha256(stdin) };
  return 'given';
}

function isFile(place: ProgramOptions['stdin'] | ProgramOptions['stdout']): place is FilePlace | URL {
  return place instanceof URL || isFilePlace(place);
}

function toldFile(place: FilePlace | URL): Json {
  if (place instanceof URL) return { file: fileURLToPath(place) };
  return place.append === true ? { file: place.file, append: true } : { file: place.file };
}

function callbacksOf({ stdout, stderr }: ProgramOptions): Traits['callbacks'] {
  if (typeof stdout !== 'function' && typeof stderr !== 'function') return undefined;
  return { ...(typeof stdout === 'function' && { stdout }), ...(typeof stderr === 'function' && { stderr }) };
}

/** What of a program its spec can't tell. */
function untoldOf({ stdin, stdout, stderr, split }: ProgramOptions): string | undefined {
  if (stdin === 'pipe') return `its stdin is 'pipe': what will be sent is not known`;
  if (stdin === 'inherit') return `its stdin is 'inherit': what will be typed is not known`;
  if (stdin !== undefined && told(stdin) === 'given')
    return 'its stdin is a stream or an iterable; give a string or a file';
  for (const [name, place] of Object.entries({ stdout, stderr }))
    if (typeof place === 'object' && !isFile(place)) return `its ${name} goes to a stream; give a file`;
  return split === undefined ? undefined : 'its split is a function';
}

function checkArgv(command: CommandLine): readonly string[] {
  if (!Array.isArray(command))
    throw new TypeError(
      `program: expected a string or an array of words, got ${command === null ? 'null' : typeof command}`,
    );
  if (command.length === 0) throw new TypeError('program: an empty array names no program');
  // Not `map`, which skips holes.
  const words = Array.from(command, (word: unknown, index) => {
    if (typeof word === 'string') return word;
    if (typeof word === 'number' || typeof word === 'bigint' || typeof word === 'boolean') return String(word);
    throw new TypeError(
      `program: argument ${index} is ${word === null || word === undefined ? String(word) : `of the type ${typeof word}`}, not a string`,
    );
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
const COMMAND = 2000;

/** The first words of a command, its program without the folder. */
function labelOf(command: string | readonly string[]): string {
  const [name = '', ...rest] = typeof command === 'string' ? command.trim().split(/\s+/) : command;
  let label = name.replace(/^.*\/(?=.)/, '');
  for (const word of rest.join(' ').split(/\s+/)) {
    if (word === '') continue;
    if (label.length + 1 + word.length > LABEL) break;
    label += ` ${word}`;
  }
  return clip(label, LABEL);
}
