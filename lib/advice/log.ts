import { DONE, follow } from '../kernel/running.ts';
import { isRunError, isRunner, type Advice, type Json, type Outcome, type Runner } from '../kernel/index.ts';
import { saysFirst } from '../kernel/error.ts';
import { callbackError, returned } from '../kernel/late.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { duration, fieldOf } from './words.ts';
import { attemptOf } from './session.ts';
import { wrapped } from './wrap.ts';

/** How much something matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What is logged, as data. */
export interface LogFields {
  readonly run: string;
  readonly label: string;
  /** Which try of a `retry` around it, from 1 on. */
  readonly attempt?: number;
  /** How long it took. */
  readonly ms?: number;
  readonly exitCode?: number;
  /** The type of the reason of a failure: 'exit', 'timeout', …; 'error' where it is no RunError. */
  readonly reason?: string;
  /** The first line of what it failed with. */
  readonly error?: string;
  /** The last lines, at most 10. */
  readonly stderr?: string;
  /** By whom it was killed. */
  readonly by?: string;
  /** The data of a note. */
  readonly data?: Json;
  /** The stream of a line. */
  readonly stream?: string;
}

/** What a function that logs is called with. */
export interface LogEntry extends LogFields {
  readonly level: LogLevel;
  readonly message: string;
}

/** What logs: pino, or the console. */
export type Logger = Readonly<Record<LogLevel, (fields: LogFields, message: string) => unknown>>;

/** What `log` logs, and where. */
export interface LogOptions {
  /** Default: the console. */
  readonly to?: Logger | ((entry: LogEntry) => unknown);
  /** The least that is logged. Default: 'info' on the console, else 'debug', for a logger knows its own. */
  readonly level?: LogLevel;
  /** Lines too, as 'debug'. Default false. */
  readonly lines?: boolean;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const STDERR = 10;

/**
 * Logs what it goes around: its start and its end as 'info', a failure as 'error' with its reason and the last lines of stderr, a
 * kill and a retry as 'warn', other notes as 'debug'. `log()` is for the console, `log(pino)` for a logger that takes fields and a
 * message, `log((entry) => …)` for one's own; or options. Secrets are masked. What the logger throws, or rejects with, fails
 * the run with the reason `callback`, as with `onEvent`.
 */
export function log(options: LogOptions | Logger | ((entry: LogEntry) => unknown) = {}): Advice {
  const { to, least, lines } = read(options);
  const write = isLogger(to)
    ? (level: LogLevel, fields: LogFields, message: string) => to[level](fields, message)
    : (level: LogLevel, fields: LogFields, message: string) => to({ level, message, ...fields });
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'log' }, (sink, context) => {
      const run = context as unknown as RunRecord;
      const { id, label } = run;
      const attempt = attemptOf(run);
      const own = { run: context.mask(id), label, ...(attempt === undefined ? {} : { attempt }) };
      const say = (level: LogLevel, what: string, fields: Partial<LogFields> = {}): void => {
        if (LEVELS.indexOf(level) < least) return;
        try {
          returned(run, write(level, { ...own, ...fields }, `${label}: ${what}`), 'the logger');
        } catch (error) {
          run.fail(callbackError(run, 'the logger', error));
        }
      };
      const since = context.clock.now();
      say('info', attempt === undefined || attempt === 1 ? 'started' : `started, try ${attempt}`);
      if (run.doom !== undefined) {
        inner.traits.discard?.();
        sink.settle({ type: 'killed', by: 'callback' });
        return DONE;
      }
      const child = context.start(inner, {
        note(text, data) {
          const level = (data as { attempt?: unknown } | undefined)?.attempt === undefined ? 'debug' : 'warn';
          say(level, context.mask(text), data === undefined ? {} : { data: run.scope.masker.value(data) });
        },
        ...(lines
          ? {
              lines: (stream: string, said: readonly string[]) => {
                for (const line of said) say('debug', context.mask(line), { stream });
              },
            }
          : {}),
        settle(outcome) {
          const { level, what, fields } = ended(outcome, context.clock.now() - since, (text) => context.mask(text));
          say(level, what, fields);
          sink.settle(outcome);
        },
      });
      return follow(child);
    });
}

function ended(outcome: Outcome<unknown>, time: number, mask: (text: string) => string) {
  const ms = Math.round(time * 1000) / 1000;
  const took = duration(ms);
  if (outcome.type === 'finished') {
    const code = fieldOf(outcome.value, 'exitCode');
    const fields = { ms, ...(typeof code === 'number' ? { exitCode: code } : {}) };
    return { level: 'info' as const, what: `finished in ${took}`, fields };
  }
  if (outcome.type === 'killed') {
    const by = mask(outcome.by);
    return { level: 'warn' as const, what: `killed after ${took} by ${by}`, fields: { ms, by } };
  }
  const { error } = outcome;
  const said = mask(saysFirst(error));
  const fields: Partial<LogFields> = { ms, error: said, reason: 'error' };
  const told = isRunError(error)
    ? {
        reason: error.reason.type,
        ...(error.reason.type === 'exit' ? { exitCode: error.reason.exitCode } : {}),
        // An error of another make may only look like ours.
        ...(error.stderr ? { stderr: mask(error.stderr.split('\n').slice(-STDERR).join('\n')) } : {}),
      }
    : {};
  return { level: 'error' as const, what: `failed after ${took}: ${said}`, fields: { ...fields, ...told } };
}

function read(options: unknown): { to: NonNullable<LogOptions['to']>; least: number; lines: boolean } {
  if (typeof options === 'function' || isLogger(options)) return read({ to: options });
  if (isRunner(options)) throw new TypeError('log: write runner.with(log())');
  checkOptions('log', options, ['to', 'level', 'lines']);
  const { to = console as Logger, level, lines = false } = options as LogOptions;
  if (typeof to !== 'function' && !isLogger(to))
    throw new TypeError(
      `log: to is a function of an entry or a logger with debug, info, warn and error, not ${show(to)}`,
    );
  if (level !== undefined && !LEVELS.includes(level))
    throw new TypeError(`log: level ${show(level)} is none of ${LEVELS.join(', ')}`);
  if (typeof lines !== 'boolean') throw new TypeError(`log: lines is true or false, not ${show(lines)}`);
  return { to, least: LEVELS.indexOf(level ?? (to === console ? 'info' : 'debug')), lines };
}

function isLogger(value: unknown): value is Logger {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return LEVELS.every((level) => typeof (value as Partial<Logger>)[level] === 'function');
}
