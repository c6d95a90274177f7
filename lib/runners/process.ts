// The life of a program: started, exited, pipes closed, settled; three ends that are three things.
//
// What it settles with, the first that holds (a kill by the loop goes before all of these, see kernel/run.ts):
//   1. it could not be started                            spawn, file
//   2. what ended it early: its timeout, an overflow, the source of its stdin, a destination of its output
//   3. it was ended by a signal                           signal (a result when unchecked)
//   4. its exit code is not 0                             exit   (a result when unchecked)
//   5. its result
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Writable } from 'node:stream';
import { toError, RunError, type Child, type Command, type Context, type Exit, type Reason, type Running, type Sink, type StreamName } from '../kernel/index.ts';
import type { Stdio } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { enterTerminal } from '../kernel/terminal.ts';
import { feedInput, type Feeding, type Input } from './input.ts';
import { leaveBehind } from './leftover.ts';
import { Output } from './output.ts';
import { folderOf, type OutputPlace, type ProgramResult, type ProgramRunner } from './program.ts';
import { endGroup, type Ending } from './stop.ts';

const TAIL = 8 * 1024;
/** What is still in the pipes of a killed program gets this long to be read. */
const LAST_WORDS = 100;

/** What a pipe changes of a program that is one of its stages. */
export interface Stage {
  readonly stdin?: Input;
  readonly stdout?: Writable;
  /** The destination takes no more. */
  readonly closed?: () => void;
}

type Callback = (line: unknown) => void;

export class ProgramRun implements Running {
  readonly #runner: ProgramRunner;
  readonly #sink: Sink<ProgramResult<any>>;
  readonly #context: Context;
  readonly #stage: Stage;
  #child: Child | undefined;
  #feeding: Feeding | undefined;
  readonly #stdout: Output | undefined;
  readonly #stderr: Output | undefined;
  readonly #callbacks: Partial<Record<string, Callback>> = {};
  #startedAt: number;
  #exit: Exit | undefined;
  #settled = false;
  /** Why it is being ended by us. */
  #failure: { reason: Reason; hint?: string; cause?: unknown } | undefined;
  #killedBy: string | undefined;
  #ending: Ending | undefined;
  #ended = false;
  #cancelTimeout: (() => void) | undefined;
  #cancelQuiet: (() => void) | undefined;
  #cancelCap: (() => void) | undefined;
  #leaveTerminal: (() => void) | undefined;
  /** What was sent before it had started. */
  readonly #unsent: ((stdin: Writable) => void)[] = [];
  /** Only where there are callbacks: without, the loop has nothing to call. */
  readonly deliver?: NonNullable<Running['deliver']>;
  readonly deliverItem?: NonNullable<Running['deliverItem']>;

  constructor(runner: ProgramRunner, sink: Sink<ProgramResult<any>>, context: Context, stage: Stage = {}) {
    this.#runner = runner;
    this.#sink = sink;
    this.#context = context;
    this.#stage = stage;
    this.#startedAt = context.clock.now();
    const { options } = runner.settings;
    const stdout = stage.stdout ?? options.stdout;
    this.#stdout = this.#output('stdout', stdout);
    this.#stderr = this.#output('stderr', options.stderr);
    const callbacks = this.#callbacks;
    if (callbacks['stdout'] !== undefined || callbacks['stderr'] !== undefined) {
      this.deliver = (stream, lines) => {
        const callback = callbacks[stream];
        if (callback !== undefined) for (const line of lines) callback(line);
      };
      this.deliverItem = (item) => callbacks['stdout']?.(item);
    }
    let command: Command;
    try {
      command = this.#command(stdout, options.stderr);
    } catch (error) {
      this.#settled = true;
      sink.settle({ type: 'failed', error: toError(error) });
      return;
    }
    if (process.platform === 'win32') {
      this.#notStarted({ type: 'error', code: 'ENOSYS', error: new Error('programs are not supported on Windows yet') });
      return;
    }
    if (command.session) this.#start(command);
    else {
      this.#leaveTerminal = enterTerminal(() => {
        if (!this.#settled && this.#killedBy === undefined) this.#start(command);
      });
    }
  }

  // --- starting -----------------------------------------------------------------------------------------------------------

  #output(name: StreamName, place: OutputPlace | undefined): Output | undefined {
    if (place === 'inherit' || place === 'ignore' || place instanceof URL) return undefined;
    if (typeof place === 'object' && 'file' in place) return undefined;
    const { settings } = this.#runner;
    const callback = typeof place === 'function' ? (place as Callback) : undefined;
    if (callback !== undefined) this.#callbacks[name] = callback;
    const destination = typeof place === 'object' ? place : undefined;
    const wanted = settings.capture ?? (place !== undefined || this.#context.iterated ? 0 : 16 * 1024 * 1024);
    return new Output(
      {
        name,
        encoding: settings.encoding === 'utf8' ? 'utf8' : 'latin1',
        maxLine: settings.maxLine,
        keep: name === 'stdout' && this.#stage.stdout !== undefined ? 0 : Math.max(wanted, TAIL),
        partial: settings.partial,
        split: name === 'stdout' ? settings.options.split : undefined,
        destination,
        lines: !(name === 'stdout' && this.#stage.stdout !== undefined),
      },
      this.#sink,
      this.#context.clock,
      {
        read: () => this.#hush(),
        ended: () => this.#check(),
        overflow: () => this.#fail({ reason: { type: 'overflow', stream: name, limit: settings.maxLine } }),
        failed: (cause, what) =>
          this.#fail({ reason: { type: 'stream', stream: name }, hint: `its ${what} failed`, cause }),
        closed: () => {
          this.#stage.closed?.();
          if (name === 'stdout' && this.#stage.stdout !== undefined) this.#stdout?.close();
        },
      },
    );
  }

  #command(stdout: OutputPlace | undefined, stderr: OutputPlace | undefined): Command {
    const { options } = this.#runner.settings;
    const context = this.#context;
    const cwd = folderOf(options, context);
    const place = (to: OutputPlace | undefined): Stdio => {
      if (to === 'inherit' || to === 'ignore') return to;
      if (to instanceof URL) return { file: fileURLToPath(to) };
      if (typeof to === 'object' && 'file' in to) return { ...to, file: resolve(cwd, to.file) };
      return 'pipe';
    };
    const terminal = options.stdin === 'inherit' && process.stdin.isTTY === true;
    const command: Command = {
      argv: this.#runner.argv,
      cwd,
      env: this.#env(),
      stdin: this.#stdin(cwd),
      stdout: place(stdout),
      stderr: place(stderr),
      session: !terminal,
    };
    return context.via === undefined ? command : context.via(command);
  }

  #env(): Command['env'] {
    const { env, exactEnv } = this.#runner.settings.options;
    if (exactEnv !== undefined) return exactEnv;
    const { ownEnv } = this.#context;
    if (env === undefined) return ownEnv;
    const all: Record<string, string> = { ...(ownEnv ?? (process.env as Record<string, string>)) };
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete all[name];
      else all[name] = value;
    }
    return all;
  }

  #stdin(cwd: string): Stdio {
    const { stdin } = this.#runner.settings.options;
    if (this.#stage.stdin !== undefined) return 'pipe';
    if (stdin === undefined || stdin === 'ignore') return 'ignore';
    if (stdin === 'inherit' || stdin === 'pipe') return stdin;
    const path =
      stdin instanceof URL ? fileURLToPath(stdin) : typeof stdin === 'object' && 'file' in stdin ? resolve(cwd, stdin.file) : undefined;
    if (path === undefined) return 'pipe';
    return { file: path };
  }

  #start(command: Command): void {
    const child = this.#context.spawner.spawn(
      command,
      () => this.#started(command),
      (exit) => this.#exited(exit),
    );
    this.#child = child;
    const { timeout } = this.#runner.settings;
    if (timeout !== Infinity) {
      this.#cancelTimeout = this.#context.clock.after(timeout, () => this.#fail({ reason: { type: 'timeout', ms: timeout } }));
    }
  }

  #started(command: Command): void {
    const { stdin, stdout, stderr } = this.#child!;
    if (stdout !== undefined) this.#stdout?.open(stdout);
    if (stderr !== undefined) this.#stderr?.open(stderr);
    if (stdin === undefined) return;
    stdin.on('error', () => {}); // a reader that goes away is no error
    const source = this.#stage.stdin ?? this.#runner.settings.options.stdin;
    for (const act of this.#unsent.splice(0)) act(stdin);
    if (command.stdin !== 'pipe' || source === 'pipe') return;
    this.#feeding = feedInput(stdin, source as Input, {
      onError: (cause: unknown) => this.#fail({ reason: { type: 'stream', stream: 'stdin' }, hint: 'the source of its stdin failed', cause }),
    });
  }

  // --- ending -------------------------------------------------------------------------------------------------------------

  #exited(exit: Exit): void {
    if (this.#settled) return;
    this.#exit = exit;
    this.#cancelTimeout?.();
    this.#feeding?.stop();
    this.#child?.stdin?.destroy();
    this.#leaveTerminal?.();
    if (exit.type === 'error') {
      this.#notStarted(exit);
      return;
    }
    if (this.#ending !== undefined) {
      this.#ending.exited();
      return;
    }
    this.#hush();
    const { cap } = this.#runner.settings;
    if (cap !== Infinity && !this.#closed) this.#capFrom(cap);
    this.#check();
  }

  get #closed(): boolean {
    return this.#stdout?.ended !== false && this.#stderr?.ended !== false;
  }

  /** The limit on waiting for those who hold the pipes; time in which nobody reads here doesn't count. */
  #capFrom(rest: number): void {
    const { clock } = this.#context;
    this.#cancelCap = clock.after(rest, () => {
      if (this.#stdout?.stopped === true || this.#stderr?.stopped === true) this.#capFrom(rest);
      else this.#leaked();
    });
  }

  /** After the exit: another chunk has come, or the wait for silence begins. */
  #hush(): void {
    if (this.#exit === undefined || this.#ended || this.#ending !== undefined) return;
    const { quiet } = this.#runner.settings;
    this.#cancelQuiet?.();
    if (quiet === Infinity || this.#closed) return;
    this.#cancelQuiet = this.#context.clock.after(quiet, () => {
      if (this.#stdout?.stopped === true || this.#stderr?.stopped === true) this.#hush();
      else this.#leaked();
    });
  }

  /** It has exited, but its output is held open: what was written has been read, so that is all. */
  #leaked(): void {
    if (this.#ended || this.#settled) return;
    const pids = this.#child?.members() ?? [];
    const open = [this.#stdout?.ended === false ? 'stdout' : '', this.#stderr?.ended === false ? 'stderr' : ''].filter(Boolean);
    const who = pids.length === 0 ? 'some process' : `pid ${pids.join(', ')}`;
    this.#sink.note(`leaked: exited, but ${who} holds ${open.join(' and ')} open`, { leaked: open, pids });
    this.#ended = true;
    this.#stdout?.close();
    this.#stderr?.close();
    this.#check();
  }

  /** The group is gone, or nothing can be done about it: reads what is left in the pipes, then settles. */
  #gone(survivors: readonly number[]): void {
    if (survivors.length > 0) this.#sink.note(`could not be killed: pid ${survivors.join(', ')}`, { survivors });
    this.#exit ??= { type: 'exit', exitCode: undefined, signal: 'SIGKILL' };
    this.#ending = undefined;
    this.#stdout?.force();
    this.#stderr?.force();
    this.#cancelQuiet?.();
    if (!this.#closed) {
      const timer = setTimeout(() => {
        this.#ended = true;
        this.#stdout?.close();
        this.#stderr?.close();
        this.#check();
      }, LAST_WORDS);
      this.#cancelQuiet = () => clearTimeout(timer);
    }
    this.#check();
  }

  /** Settles when it has exited, its pipes are closed and nothing is being ended any more. */
  #check(): void {
    if (this.#settled || this.#exit === undefined || this.#ending !== undefined || !this.#closed) return;
    this.#settled = true;
    this.#cancelAll();
    const child = this.#child;
    if (child !== undefined) {
      if (child.alive()) leaveBehind(child, this.#context as unknown as RunRecord, this.#runner);
      else child.release();
    }
    if (this.#killedBy !== undefined) {
      this.#sink.settle({ type: 'killed', by: this.#killedBy });
      return;
    }
    const exit = this.#exit as Extract<Exit, { type: 'exit' }>;
    if (this.#failure !== undefined) {
      const { reason, ...details } = this.#failure;
      this.#sink.settle({ type: 'failed', error: this.#error(reason, details) });
      return;
    }
    const result = this.#result(exit);
    const { unchecked } = this.#runner.settings.options;
    const { exitCode, signal } = exit;
    if (unchecked === true || exitCode === 0) {
      this.#sink.settle({ type: 'finished', value: result });
      return;
    }
    const reason: Reason = signal === undefined ? { type: 'exit', exitCode: exitCode ?? 1 } : { type: 'signal', signal };
    this.#sink.settle({ type: 'failed', error: this.#error(reason, { hint: this.#hint(exit), result }) });
  }

  #notStarted(exit: Extract<Exit, { type: 'error' }>): void {
    this.#settled = true;
    this.#cancelAll();
    this.#stdout?.close();
    this.#stderr?.close();
    const { code, error: cause, file } = exit;
    if (file !== undefined) {
      this.#sink.settle({ type: 'failed', error: this.#error({ type: 'file', path: file }, { hint: 'nothing was started', cause }) });
      return;
    }
    const hint = spawnHint(code, this.#runner.argv[0], folderOf(this.#runner.settings.options, this.#context), cause);
    this.#sink.settle({ type: 'failed', error: this.#error({ type: 'spawn', code }, { hint, cause }) });
  }

  #hint({ exitCode }: Extract<Exit, { type: 'exit' }>): string | undefined {
    if (exitCode === 127 && this.#runner.shell) return 'a shell says so when it does not find a program';
    if (exitCode === 126 && this.#runner.shell) return 'a shell says so when a file cannot be executed';
    const said = this.#stderr?.captured.lastLines(TAIL) ?? '';
    if (/not a tty|not a terminal|inappropriate ioctl|no tty present|a terminal is required/i.test(said))
      return `it seems to want a terminal: give it this one with stdin: 'inherit'`;
    return undefined;
  }

  #result(exit: Extract<Exit, { type: 'exit' }>): ProgramResult<any> {
    const { settings } = this.#runner;
    const strip = settings.options.stripFinalNewline !== false;
    let truncated = 0;
    const content = (output: Output | undefined, place: OutputPlace | undefined): string | Buffer => {
      const kept = settings.capture ?? (place !== undefined || this.#context.iterated ? 0 : Infinity);
      if (output === undefined || kept === 0) return settings.encoding === 'buffer' ? Buffer.alloc(0) : '';
      truncated += output.captured.truncated;
      return settings.encoding === 'buffer' ? output.captured.bytes() : output.captured.text(settings.encoding, strip);
    };
    const stdout = content(this.#stdout, this.#stage.stdout ?? settings.options.stdout);
    const stderr = content(this.#stderr, settings.options.stderr);
    const ms = this.#context.clock.now() - this.#startedAt;
    return { exitCode: exit.exitCode, signal: exit.signal, stdout, stderr, ms, truncated };
  }

  #error(reason: Reason, details: { hint?: string | undefined; cause?: unknown; result?: unknown }): RunError {
    const run = this.#context as unknown as RunRecord;
    const tail = (output: Output | undefined): string => run.mask(output?.captured.lastLines(TAIL) ?? '');
    return new RunError({
      reason,
      run: run.id,
      spec: run.scope.masker.json(this.#runner.spec),
      label: run.mask(this.#runner.commandText),
      ...(details.hint === undefined ? {} : { hint: run.mask(details.hint) }),
      tails: { stdout: tail(this.#stdout), stderr: tail(this.#stderr) },
      ...(details.cause === undefined ? {} : { cause: details.cause }),
      ...(details.result === undefined ? {} : { result: details.result }),
    });
  }

  #cancelAll(): void {
    this.#cancelTimeout?.();
    this.#cancelQuiet?.();
    this.#cancelCap?.();
    this.#feeding?.stop();
    this.#leaveTerminal?.();
  }

  // --- Running ------------------------------------------------------------------------------------------------------------

  #fail(failure: { reason: Reason; hint?: string; cause?: unknown }): void {
    if (this.#settled || this.#failure !== undefined) return;
    this.#failure = failure;
    if (this.#exit === undefined) this.#stop('SIGTERM');
    else {
      this.#ended = true;
      this.#stdout?.close();
      this.#stderr?.close();
      this.#check();
    }
  }

  #stop(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child === undefined) {
      // It waits for the terminal, and will not have it.
      this.#exit = { type: 'exit', exitCode: undefined, signal };
      this.#stdout?.close();
      this.#stderr?.close();
      this.#check();
      return;
    }
    this.#cancelTimeout?.();
    this.#feeding?.stop();
    if (this.#ending !== undefined) {
      if (signal === 'SIGKILL') this.#ending.hurry();
      return;
    }
    this.#ending = endGroup(child, {
      signal,
      grace: this.#runner.settings.grace,
      clock: this.#context.clock,
      exited: this.#exit !== undefined,
      gone: (survivors) => this.#gone(survivors),
    });
  }

  kill(by: string): void {
    if (this.#settled) return;
    this.#killedBy ??= by;
    this.#cancelQuiet?.();
    this.#cancelCap?.();
    this.#stop(/^SIG(INT|TERM|HUP|KILL|QUIT)$/.test(by) ? (by as NodeJS.Signals) : 'SIGTERM');
  }

  pause(): void {
    this.#stdout?.stop('pause');
    this.#stderr?.stop('pause');
    if (this.#runner.settings.options.freeze === true) this.#child?.signal('SIGSTOP');
  }
  play(): void {
    if (this.#runner.settings.options.freeze === true) this.#child?.signal('SIGCONT');
    this.#stdout?.go('pause');
    this.#stderr?.go('pause');
  }
  flow(open: boolean): void {
    for (const output of [this.#stdout, this.#stderr]) {
      if (open) output?.go('flow');
      else output?.stop('flow');
    }
  }


  send(item: unknown): void {
    const bytes = typeof item === 'string' ? (item.endsWith('\n') ? item : `${item}\n`) : bytesOf(item);
    this.#input('send', (stdin) => stdin.write(bytes));
  }
  end(): void {
    this.#input('end', (stdin) => stdin.end());
  }
  /** Does something with its stdin, as soon as it has started; nothing when it takes no more. */
  #input(what: string, act: (stdin: Writable) => void): void {
    if (this.#runner.settings.options.stdin !== 'pipe') {
      throw this.#error({ type: 'closed' }, { hint: `${what}() needs the option stdin: 'pipe'` });
    }
    const stdin = this.#child?.stdin;
    if (stdin === undefined) this.#unsent.push(act);
    else if (stdin.writable) act(stdin);
  }

  describe(): string {
    const { pid } = this.#child ?? {};
    const name = pid === undefined ? 'it' : `pid ${pid}`;
    const open = [this.#stdout?.ended === false ? 'stdout' : '', this.#stderr?.ended === false ? 'stderr' : ''].filter(Boolean);
    const held = this.#stdout?.stopped === true || this.#stderr?.stopped === true ? ', not read now: a reader is behind' : '';
    if (this.#child === undefined) return 'waits for the terminal';
    if (this.#ending !== undefined) return `${name} is being killed`;
    if (this.#exit === undefined) return `${name} runs, ${open.join(' and ') || 'no pipe'} open${held}`;
    return `${name} has exited, ${open.join(' and ')} still open${held}`;
  }
}

function bytesOf(item: unknown): Uint8Array {
  if (item instanceof Uint8Array) return item;
  throw new TypeError(`send: a program takes strings (lines) and bytes, got ${typeof item}`);
}

function spawnHint(code: string, name: string, cwd: string, error: Error): string {
  switch (code) {
    case 'ENOENT':
      return name.includes('/') ? `there is no ${name}, or its #! line names no program` : `${name} was not found; is it installed, and in PATH?`;
    case 'EACCES':
      return `${name} may not be executed; chmod +x?`;
    case 'ENOEXEC':
      return `${name} is no program for this machine; a script needs a #! line`;
    case 'CWD':
      return `its folder ${cwd} is missing or no folder`;
    case 'E2BIG':
      return 'its arguments and environment are too long for the system; give them by stdin or a file';
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
    case 'ENOMEM':
      return 'the system is out of resources for another program';
    default:
      return error.message;
  }
}
