// Outcomes, errors, specs and times in words.
import { fileURLToPath } from 'node:url';
import { attemptsOf, linesOf } from '../advice/attempts.ts';
import { clip, messageOf, textOf } from '../kernel/error.ts';
import { describe, isRunError, type Reason } from '../kernel/index.ts';

export { duration, wouldDo } from '../advice/words.ts';

/** What went wrong, in one line and without what ran: that is the label's to say. */
export function briefly(error: Error): string {
  return `${whatFailed(error)}${why(error)}`;
}

function whatFailed(error: Error): string {
  if (!isRunError(error)) return firstLine(`${textOf(error.name)}: ${messageOf(error)}`);
  const reason = describe(error.reason);
  const at = error.message.indexOf(reason);
  return firstLine(at < 0 ? reason : error.message.slice(at));
}

/** Of what never began, only the cause says what to do about it: which folder is missing, what is not in PATH. */
function why(error: Error): string {
  if (!isRunError(error) || !BEFORE.has(error.reason.type)) return '';
  const [, cause] = error.message.split('\ncause: ', 2);
  return cause === undefined ? '' : `: ${firstLine(cause)}`;
}

const BEFORE = new Set<Reason['type']>(['spawn', 'file', 'connection', 'stream']);

/** What ran and what went wrong, in one line. */
export function inOneLine(error: Error): string {
  const said = briefly(error);
  if (!isRunError(error)) return said;
  const at = error.message.indexOf(whatFailed(error));
  if (at <= 0) return said;
  const label = error.message.slice(0, at).replace(/:\s*$/, '').replace(/\s+/g, ' ').trim();
  return `${clip(label, 200)}: ${said}`;
}

/** What went wrong, for a reader who has seen nothing of it: the last lines of a program, the stack of the user's own code. */
export function fully(error: Error, depth = 0): string {
  const before = linesOf(attemptsOf(error));
  return [inFull(error, depth), ...(before.length === 0 ? [] : ['earlier tries:', ...before.map(indent)])].join('\n');
}

function inFull(error: Error, depth: number): string {
  if (isRunError(error)) {
    // Of code that was called with reports, the place that threw is what helps; the message has only what it said.
    const thrown =
      error.reason.type === 'callback' && error.cause instanceof Error ? `\n${indent(stackOf(error.cause))}` : '';
    return `${error.message}${thrown}`;
  }
  const parts = [stackOf(error)];
  if (depth >= DEEPEST) return parts[0]!;
  if (error instanceof AggregateError)
    parts.push(...error.errors.map((part) => indent(fully(asError(part), depth + 1))));
  if (error.cause !== undefined) parts.push(indent(`cause: ${fully(asError(error.cause), depth + 1)}`));
  return parts.join('\n');
}

/** Causes of causes. */
const DEEPEST = 5;

/** The first line of a text, at most 500 characters. */
export function firstLine(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.length <= 500 ? line : `${line.slice(0, 499)}…`;
}

const own = new URL('../', import.meta.url);

/** A stack without the frames of the library and of Node: the user's own are left. */
export function stackOf(error: Error): string {
  const given: unknown = error.stack;
  const stack = typeof given === 'string' ? given : `${textOf(error.name)}: ${messageOf(error)}`;
  const library = [own.href, fileURLToPath(own)];
  return stack
    .split('\n')
    .filter(
      (line) =>
        !/^\s+at /.test(line) || !(/node:|<anonymous>\)?$/.test(line) || library.some((url) => line.includes(url))),
    )
    .join('\n');
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown));
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
