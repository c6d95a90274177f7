import { inspect } from 'node:util';
import { clip, saysFirst } from '../kernel/error.ts';

/** Lines of earlier errors that are shown. */
const SHOWN = 10;

/**
 * Gives an error the ones before it, the oldest first, as `attempts`: with all there is to them for code, in a line each where
 * the error is printed. One that takes no more properties stays as it is.
 */
export function withAttempts(error: Error, earlier: readonly Error[]): void {
  if (earlier.length === 0) return;
  const value = [...earlier];
  Object.defineProperty(value, inspect.custom, { value: () => new InWords(linesOf(value)), enumerable: false });
  Reflect.defineProperty(error, 'attempts', { value, configurable: true, enumerable: true });
}

/** The errors that came before one, the oldest first. */
export function attemptsOf(error: unknown): readonly Error[] {
  const attempts: unknown = (error as { attempts?: unknown } | null | undefined)?.attempts;
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
