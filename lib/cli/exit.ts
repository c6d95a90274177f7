// The exit code: what a shell would make of it.
import { constants } from 'node:os';
import { isRunError, type Reason } from '../kernel/index.ts';

/** What shells show for a program that nobody read any more. */
export const PIPE_CLOSED = 128 + constants.signals.SIGPIPE;

/** The errors of those that failed: of a loop's error its parts. */
export function failuresOf(error: unknown): unknown[] {
  return error instanceof AggregateError ? error.errors.flatMap(failuresOf) : [error];
}

/** The code for a loop's error: that of the program which failed, if it is exactly one; else 1. */
export function exitCodeOf(error: unknown): number {
  const failures = failuresOf(error);
  return failures.length === 1 ? (codeOf(failures[0]) ?? 1) : 1;
}

/** What failed first says it; an error that a script made of it has it as its cause. */
function codeOf(error: unknown, depth = 0): number | undefined {
  if (isRunError(error)) {
    const code = codeFor(error.reason);
    if (code !== undefined) return code;
  }
  if (!(error instanceof Error) || error.cause === undefined || depth > 10) return undefined;
  const causes = failuresOf(error.cause);
  return causes.length === 1 ? codeOf(causes[0], depth + 1) : undefined;
}

function codeFor(reason: Reason): number | undefined {
  switch (reason.type) {
    case 'exit':
      return reason.exitCode;
    case 'signal':
      return codeOfSignal(reason.signal);
    case 'spawn':
      return reason.code === 'ENOENT' ? 127 : 126;
    case 'killed':
      return codeOfSignal(reason.by);
    default:
      return undefined;
  }
}

function codeOfSignal(name: string): number | undefined {
  const number = (constants.signals as Readonly<Record<string, number>>)[name];
  return number === undefined ? undefined : 128 + number;
}
