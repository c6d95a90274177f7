// What a program ends with, in words: its result, or the error that says why there is none.
//
// The first that holds (a kill by the loop goes before all of these, see kernel/run.ts):
//   1. it could not be started                            spawn, file
//   2. what ended it early: its timeout, an overflow, the source of its stdin, a destination of its output
//   3. it was killed                                      killed
//      the machine that it runs on is out of reach        connection
//   4. it was ended by a signal                           signal (a result when unchecked)
//   5. its exit code is not 0                             exit   (a result when unchecked)
//   6. its result
import {
  RunError,
  type Context,
  type Exit,
  type Json,
  type Outcome,
  type Reason,
  type Spec,
  type Usage,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import type { Output } from './output.ts';
import type { ProgramResult, ProgramRunner } from './program.ts';

/** Why a program is being ended by us. */
export interface Failure {
  readonly reason: Reason;
  readonly hint?: string;
  readonly cause?: unknown;
}

type Details = Omit<Failure, 'hint'> & { readonly hint?: string | undefined };
type Exited = Extract<Exit, { type: 'exit' }>;
type Outputs = readonly [stdout: Output | undefined, stderr: Output | undefined];

/** Says how the run of a program ended. */
export class Verdict {
  readonly #runner: ProgramRunner;
  readonly #run: RunRecord;
  readonly #outputs: Outputs;
  /** Of the program, once it has exited. */
  usage: Usage | undefined;

  constructor(runner: ProgramRunner, context: Context, outputs: Outputs) {
    this.#runner = runner;
    this.#run = context as unknown as RunRecord;
    this.#outputs = outputs;
  }

  /** Of one that has ended. */
  outcome(
    exit: Exited,
    failure: Failure | undefined,
    killedBy: string | undefined,
    ms: number,
  ): Outcome<ProgramResult<any>> {
    if (failure !== undefined) return { type: 'failed', error: this.error(failure) };
    if (killedBy !== undefined) return { type: 'killed', by: killedBy };
    const result = this.result(exit, ms);
    const { exitCode, signal } = exit;
    if (exitCode === 0 || this.#runner.settings.options.unchecked === true) return { type: 'finished', value: result };
    const reason: Reason =
      signal === undefined ? { type: 'exit', exitCode: exitCode ?? 1 } : { type: 'signal', signal };
    return { type: 'failed', error: this.error({ reason, hint: this.#hint(exit) }, result) };
  }

  /** Of one that has not begun. */
  notStarted({ code, error, file }: Extract<Exit, { type: 'error' }>): Outcome<never> {
    const reason: Reason = file === undefined ? { type: 'spawn', code } : { type: 'file', path: file };
    return {
      type: 'failed',
      error: this.error({ reason, cause: error, ...(file === undefined ? {} : { hint: 'nothing was started' }) }),
    };
  }

  /** Of one on a machine that can't be reached, or not any more. */
  lost(
    { phase, sent, error }: Extract<Exit, { type: 'lost' }>,
    failure: Failure | undefined,
    killedBy: string | undefined,
  ): Outcome<never> {
    if (failure !== undefined) return { type: 'failed', error: this.error(failure) };
    if (killedBy !== undefined) return { type: 'killed', by: killedBy };
    return { type: 'failed', error: this.error({ reason: { type: 'connection', phase, sent }, cause: error }) };
  }

  error({ reason, hint, cause }: Details, result?: unknown): RunError {
    const run = this.#run;
    const mask = (text: string): string => run.mask(text);
    const [stdout, stderr] = this.#outputs;
    return new RunError({
      reason,
      run: run.id,
      spec: this.#spec(),
      label: mask(run.remote === undefined ? this.#runner.commandText : `${run.remote}: ${this.#runner.commandText}`),
      tails: { stdout: stdout?.lastLines(mask) ?? '', stderr: stderr?.lastLines(mask) ?? '' },
      ...(hint === undefined ? {} : { hint: mask(hint) }),
      ...(cause === undefined ? {} : { cause: this.#masked(cause) }),
      ...(result === undefined ? {} : { result }),
    });
  }

  /** Errors are printed with all they have, and the environment may be secret as a whole. */
  #spec(): Spec {
    const spec: Record<string, Json> = { ...this.#run.spec };
    delete spec['env'];
    delete spec['exactEnv'];
    return spec as Spec;
  }

  /** The very cause, unless its message, which becomes a part of ours, tells a secret. */
  #masked(cause: unknown): unknown {
    const message = cause instanceof Error ? cause.message : String(cause);
    const masked = this.#run.mask(message);
    return masked === message ? cause : new Error(masked);
  }

  /** Of one that has ended, however. */
  result({ exitCode, signal }: Exited, ms: number): ProgramResult<any> {
    const { encoding, options } = this.#runner.settings;
    const [stdout, stderr] = this.#outputs.map((output) => {
      const captured = output?.captured;
      if (encoding === 'buffer') return captured?.bytes() ?? Buffer.alloc(0);
      return captured?.text(encoding, options.stripFinalNewline !== false) ?? '';
    });
    let truncated = 0;
    for (const output of this.#outputs) truncated += output?.captured?.truncated ?? 0;
    const result = { exitCode, signal, stdout, stderr, ms, truncated };
    // What it cost is no part of what it gave: it isn't compared, printed or remembered with it.
    if (this.usage !== undefined) Object.defineProperty(result, 'usage', { value: this.usage });
    return result;
  }

  #hint({ exitCode }: Exited): string | undefined {
    if (exitCode === 127 && this.#runner.shell) return 'a shell says so when it does not find a program';
    if (exitCode === 126 && this.#runner.shell) return 'a shell says so when a file cannot be executed';
    const said = this.#outputs[1]?.lastLines((text) => text) ?? '';
    return WANTS_TERMINAL.test(said)
      ? `it seems to want a terminal: give it this one with stdin: 'inherit'`
      : undefined;
  }
}

const WANTS_TERMINAL =
  /not a (tty|terminal)|no tty present|terminal is required|inappropriate ioctl for device|\/dev\/tty\b|no such device or address/i;
