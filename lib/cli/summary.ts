import { isRunError, type Outcome } from '../kernel/index.ts';
import { forTerminal } from '../report/clean.ts';
import { fully, inOneLine } from '../report/explain.ts';
import { failuresOf } from './exit.ts';

const SHOWN = 20;

/**
 * What is said of a loop that failed, at its end: each failure once. The output of its programs has been shown, so theirs is
 * one line; of other errors the user's own stack helps. `told`: what has been said already.
 */
export function summary(error: unknown, told: readonly unknown[]): string {
  const outcomes = (error as { outcomes?: readonly Outcome<unknown>[] }).outcomes ?? [];
  const failures = failuresOf(error);
  if (!(error instanceof AggregateError)) {
    // A loop that was killed: why, then what went wrong before or meanwhile.
    for (const outcome of outcomes) {
      if (outcome?.type === 'failed') failures.push(...failuresOf(outcome.error));
      else if (outcome?.type === 'killed' && outcome.cause !== undefined) failures.push(...failuresOf(outcome.cause));
    }
    // Who pressed Ctrl-C knows.
    if (killedBy(error)?.startsWith('SIG') === true) failures.shift();
  }
  const known = new Set(told);
  const texts = new Map<string, number>();
  for (const failure of failures) {
    if (known.has(failure)) continue;
    const text =
      isRunError(failure) && failure.reason.type !== 'callback' ? inOneLine(failure) : fully(asError(failure));
    texts.set(text, (texts.get(text) ?? 0) + 1);
  }
  const shown = [...texts].slice(0, SHOWN).map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
  if (shown.length === 0) return '';
  if (texts.size > SHOWN) shown.push(`… and ${texts.size - SHOWN} more`);
  const [first] = shown;
  const text =
    shown.length === 1
      ? `sluice: ${first}`
      : [`sluice: ${failures.length} failed`, ...shown].join('\n').replaceAll('\n', '\n  ');
  return `${text.split('\n').map(forTerminal).join('\n')}\n`;
}

function killedBy(error: unknown): string | undefined {
  return isRunError(error) && error.reason.type === 'killed' ? error.reason.by : undefined;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
