// A misspelt option that is ignored is found hours later; so every function that takes options looks at their names.
import { show } from './runnable.ts';

/** Throws a TypeError for what is no object, and for an option that isn't known: it names both. */
export function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${what}: expected options, got ${show(options)}`);
  for (const name in options)
    if (!known.includes(name)) throw new TypeError(`${what}: unknown option ${name}; known are ${known.join(', ')}`);
}
