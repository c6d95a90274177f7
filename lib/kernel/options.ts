// A misspelt option that is ignored is found hours later; so every function that takes options looks at their names.
import { show } from './runnable.ts';

/** Throws a TypeError for what is no object, and for an option that isn't known: it names both. Without `known` any is. */
export function checkOptions(what: string, options: unknown, known: readonly string[] | undefined): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${what}: expected options, got ${show(options)}`);
  if (known === undefined) return;
  for (const name in options)
    if (!known.includes(name)) throw new TypeError(`${what}: unknown option ${name}; known are ${known.join(', ')}`);
}

/** Throws a TypeError for what is no list of advice. */
export function checkAdvice(what: string, advice: unknown): void {
  if (advice === undefined) return;
  if (!Array.isArray(advice)) throw new TypeError(`${what}: advice is a list of functions, not ${show(advice)}`);
  for (const [index, one] of advice.entries())
    if (typeof one !== 'function') throw new TypeError(`${what}: advice[${index}] is no function, but ${show(one)}`);
}

/** A number as a spec tells it: JSON has no Infinity. */
export function toldNumber(value: number): number | 'Infinity' {
  return value === Infinity ? 'Infinity' : value;
}
