// The options that `run` and `seq` share: how their loop runs.
import { resolve } from 'node:path';
import { milliseconds } from '../kernel/clock.ts';
import { enter, lookAt } from './paths.ts';
import { UsageError } from './usage.ts';

/** As they come from the command line. */
export interface LoopArguments {
  readonly slots: number | undefined;
  readonly timeout: string | undefined;
  readonly 'fail-fast': boolean;
  readonly report: 'prefix' | 'json' | 'quiet';
  readonly 'dry-run': boolean;
  readonly cwd: string | undefined;
}

/** An option that was given twice has its last value, as shells' aliases expect. */
export function last<T>(value: T | readonly T[]): T {
  return Array.isArray(value) ? (value as readonly T[])[value.length - 1]! : (value as T);
}

/** For yargs. */
export const loopOptions = {
  slots: {
    type: 'number',
    requiresArg: true,
    describe: 'programs at once',
    defaultDescription: 'as many as the machine has room for',
    coerce: checkSlots,
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'kill everything after this time: 90s, 5m, 2h',
    coerce: checkTimeout,
  },
  'fail-fast': {
    type: 'boolean',
    default: false,
    coerce: last<boolean>,
    describe: 'the first generator that fails kills the others',
  },
  report: {
    choices: ['prefix', 'json', 'quiet'],
    default: 'prefix',
    requiresArg: true,
    coerce: last<LoopArguments['report']>,
    describe: 'each line behind its label, each event as JSON, or failures only',
  },
  'dry-run': { type: 'boolean', default: false, coerce: last<boolean>, describe: 'start nothing, print what would be' },
  cwd: { type: 'string', requiresArg: true, coerce: last<string | undefined>, describe: 'run in this folder' },
} as const;

function checkSlots(given: number | undefined): number | undefined {
  const slots = last(given);
  if (slots === undefined || (Number.isInteger(slots) && slots >= 1)) return slots;
  throw new UsageError(`--slots: expected a whole number of 1 or more`);
}

function checkTimeout(given: string | undefined): string | undefined {
  const timeout = last(given);
  if (timeout === undefined) return undefined;
  // A bare number would be milliseconds here and seconds in timeout(1).
  const bare = /^\d+(\.\d+)?$/.test(timeout);
  if (bare && Number(timeout) > 0) throw new UsageError(`--timeout: ${timeout} needs a unit, such as ${timeout}s`);
  // Elsewhere 0 means no limit, which is what leaving it out means here.
  if (bare || durationOf(timeout) === 0)
    throw new UsageError('--timeout: 0 would end it at once; leave it out for no limit');
  return timeout;
}

function durationOf(timeout: string): number {
  try {
    return milliseconds(timeout);
  } catch {
    throw new UsageError(`--timeout: '${timeout}' is no duration; give 250ms, 90s, 5m, 2h or 1h30m`);
  }
}

/** Goes to the folder of `--cwd`, so that the script's own code and its programs agree on where they are. */
export function enterFolder(cwd: string | undefined): void {
  if (cwd === undefined) return;
  const folder = resolve(cwd);
  const stats = lookAt(folder, `--cwd: ${cwd}`);
  if (stats === undefined) throw new UsageError(`--cwd: there is no folder ${cwd}`);
  if (!stats.isDirectory()) throw new UsageError(`--cwd: ${cwd} is no folder`);
  enter(folder, `--cwd: ${cwd}`);
  process.env['PWD'] = folder;
}
