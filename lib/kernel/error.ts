// The one error of a run. Its reason is data, told apart by `type`; there are no boolean flags. Its message names what
// ran and shows the last lines of both streams, at most 16 kB, and never the environment (idea of the tail: dax).
import { inspect } from 'node:util';
import type { Outcome, RunId, Spec } from './event.ts';

/** Why a run failed. */
export type Reason =
  | { readonly type: 'exit'; readonly exitCode: number }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** The program did not start. `CWD`: its folder is missing or no folder. */
  | { readonly type: 'spawn'; readonly code: string }
  | { readonly type: 'timeout'; readonly ms: number }
  /** A line longer than the limit (bytes). */
  /** A line too long on a stream; 'input': bytes sent that nobody reads; 'items': too many of them. */
  | { readonly type: 'overflow'; readonly stream: string; readonly limit: number }
  /** `sent`: whether anything may have reached the other side ('no' is safe to repeat). */
  | { readonly type: 'connection'; readonly phase: string; readonly sent: 'no' | 'maybe' }
  /** A local file could not be read or written; nothing was started or connected. */
  | { readonly type: 'file'; readonly path: string }
  /** Code of the user's that was called with reports threw: a line callback, `onEvent`, `onComplete`, … */
  | { readonly type: 'callback'; readonly name: string }
  /** A stream, or the source of a program's stdin, failed. */
  | { readonly type: 'stream'; readonly stream: string }
  | { readonly type: 'closed' }
  | { readonly type: 'reply' }
  | { readonly type: 'stale' }
  | { readonly type: 'killed'; readonly by: string };

/** What a RunError is made of. */
export interface RunErrorDetails {
  readonly reason: Reason;
  readonly run?: RunId;
  readonly spec?: Spec;
  /** What ran, in one line: the message begins with it. */
  readonly label?: string;
  /** What to do about it, or what was tried; a sentence. */
  readonly hint?: string | undefined;
  /** The last lines of the streams, newest last. */
  readonly tails?: { readonly stdout?: string; readonly stderr?: string };
  readonly cause?: unknown;
  /** What the run would have given, had it been unchecked. */
  readonly result?: unknown;
}

const MESSAGE_LIMIT = 16_000;
const LINES = 30;

/** A run that failed or was killed. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly reason: Reason;
  /** The run that failed; '' where no loop was involved. */
  readonly run: RunId;
  readonly spec: Spec | undefined;
  /** The last lines of both streams (at most 8 KiB each), '' where there are none. */
  readonly stdout: string;
  readonly stderr: string;
  /** What an unchecked run would have given: a program's exit code and output. */
  declare readonly result: unknown;
  /** How the generators of the loop ended; on the error of a loop that was killed, timed out or aborted. */
  outcomes?: readonly Outcome<unknown>[];

  constructor(details: RunErrorDetails) {
    super(message(details), details.cause === undefined ? undefined : { cause: details.cause });
    this.reason = details.reason;
    this.run = details.run ?? '';
    this.spec = details.spec;
    this.stdout = details.tails?.stdout ?? '';
    this.stderr = details.tails?.stderr ?? '';
    // Not enumerable: the captured output of a program would be printed with the error.
    Object.defineProperty(this, 'result', { value: details.result, enumerable: false });
  }
}

/** A reason in words. */
export function describe(reason: Reason): string {
  switch (reason.type) {
    case 'exit':
      return `failed with exit code ${reason.exitCode}`;
    case 'signal':
      return `was ended by ${reason.signal}`;
    case 'spawn':
      return `could not be started (${reason.code})`;
    case 'timeout':
      return `timed out after ${reason.ms} ms`;
    case 'overflow':
      if (reason.stream === 'input') return `does not read what is sent: more than ${reason.limit} bytes wait`;
      if (reason.stream === 'items') return `gave more than ${reason.limit} items that its readers have not taken`;
      return `wrote a line longer than ${reason.limit} bytes to ${reason.stream}`;
    case 'connection':
      return `connection failed: ${reason.phase}`;
    case 'file':
      return `file ${reason.path}`;
    case 'callback':
      return `${reason.name} threw`;
    case 'stream':
      return `${reason.stream} failed`;
    case 'killed':
      return `was killed by ${reason.by}`;
    case 'closed':
    case 'reply':
    case 'stale':
      return reason.type;
  }
}

function message({ reason, label, hint, tails, cause }: RunErrorDetails): string {
  const parts = [`${label === undefined ? '' : `${clip(label, 2000)}: `}${describe(reason)}`];
  if (hint !== undefined) parts[0] += ` (${clip(hint, 1000)})`;
  if (cause !== undefined)
    parts.push(`cause: ${clip(cause instanceof Error ? messageOf(cause) : textOf(cause), 2000)}`);
  if (tails?.stderr) parts.push(tailOf(tails.stderr, 5000));
  if (tails?.stdout) parts.push(tailOf(tails.stdout, 5000));
  return clip(parts.join('\n'), MESSAGE_LIMIT);
}

/** A text cut to a number of characters, its last one then '…'. */
export function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** The last lines, few enough to be read at a glance. */
function tailOf(all: string, limit: number): string {
  let from = all.length;
  for (let lines = 0; lines < LINES && from > 0; lines++) from = all.lastIndexOf('\n', from - 1);
  const text = from > 0 ? all.slice(from + 1) : all;
  return text.length <= limit ? text : `…${text.slice(1 - limit)}`;
}

/** The error by which a kill is delivered and told. It has no stack: that would be the loop's own, and there may be thousands. */
export function killedError(by: string, details: Omit<RunErrorDetails, 'reason'> = {}): RunError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new RunError({ ...details, reason: { type: 'killed', by } });
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/**
 * Whether an error is a RunError (of any copy of the library), of the given reason where one is given:
 * `if (isRunError(error, 'exit')) console.log(error.reason.exitCode)`.
 */
export function isRunError<T extends Reason['type']>(
  error: unknown,
  type: T,
): error is RunError & { readonly reason: Extract<Reason, { readonly type: T }> };
export function isRunError(error: unknown, type?: Reason['type']): error is RunError;
export function isRunError(error: unknown, type?: Reason['type']): error is RunError {
  if (!(error instanceof Error) || error.name !== 'RunError') return false;
  const reason = (error as { reason?: { type?: unknown } }).reason;
  return typeof reason?.type === 'string' && (type === undefined || reason.type === type);
}

/** What was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`non-error thrown: ${textOf(thrown)}`, { cause: thrown });
}

/** What an error says. Errors of others may have anything for their message, also a getter that throws. */
export function messageOf(error: Error): string {
  try {
    const message: unknown = error.message;
    return typeof message === 'string' ? message : textOf(message);
  } catch (thrown) {
    return `(its message can't be read: ${textOf(thrown)})`;
  }
}

/** The first line of what an error says. */
export function saysFirst(error: Error): string {
  return messageOf(error).split('\n', 1)[0]!;
}

/** Anything can be thrown, also what can't become a string, or becomes one that says nothing. */
export function textOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = String(value);
  } catch {
    // told as it is, too
  }
  if (text !== undefined && !/^\[object \w+\]$/.test(text)) return text;
  return clip(inspect(value, { depth: 1, breakLength: Infinity, customInspect: false }), 2000);
}
