import { inspect } from 'node:util';
import { clip, saysFirst } from '../kernel/error.ts';
import { fieldOf } from './words.ts';

/** Lines of earlier errors that are shown. */
const SHOWN = 10;

/** How often errors were given some, and when each was: an error that is thrown again may still have those of another run. */
let given = 0;
const givenAt = new WeakMap<Error, number>();

/** The present, for `withAttempts`. */
export function attemptsNow(): number {
  return given;
}

/**
 * Gives an error the ones before it, the oldest first, as `attempts`: with all there is to them for code, in a line each where
 * the error is printed. What it was given `since` by advice further in comes after these. One that takes no more properties stays
 * as it is.
 */
export function withAttempts(error: Error, earlier: readonly Error[], since = given): void {
  const own = (givenAt.get(error) ?? Infinity) > since ? attemptsOf(error) : [];
  // The very same error may be thrown by every try: within itself it could not be told as JSON.
  const value = [...earlier, ...own.filter((one) => !earlier.includes(one))].filter((one) => one !== error);
  if (value.length === 0) return;
  givenAt.set(error, ++given);
  Object.defineProperty(value, inspect.custom, { value: () => new InWords(linesOf(value)), enumerable: false });
  Reflect.defineProperty(error, 'attempts', { value, configurable: true, enumerable: true });
}

/** The errors that came before one, the oldest first. */
export function attemptsOf(error: unknown): readonly Error[] {
  const attempts = fieldOf(error, 'attempts');
  return Array.isArray(attempts) ? (attempts as unknown[]).filter((one) => one instanceof Error) : [];
}

/** Earlier errors in a line each; those that say the same in one: '3 x make: failed with exit code 2'. */
export function linesOf(errors: readonly Error[]): string[] {
  const counts = new Map<string, number>();
  for (const error of errors) {
    const line = saysFirst(error);
    const shown = clip(line, 200);
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
  }
  const lines = [...counts].map(([line, count]) => (count === 1 ? line : `${count} x ${line}`));
  const more = lines.length - SHOWN;
  return more <= 0 ? lines : [`(${more} others)`, ...lines.slice(more)];
}

class InWords {
  readonly #lines: readonly string[];
  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }
  [inspect.custom](): string {
    return `[${this.#lines.map((line) => `\n    ${line}`).join('')}\n  ]`;
  }
}
