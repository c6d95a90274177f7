// Secrets never reach a screen or a log: they are masked in events, specs, labels, notes and errors. Callbacks, results
// and stdin have them whole: a program that prints a token may be the way to get one.

import { textOf } from './error.ts';
import type { Outcome } from './event.ts';

/** What stands in a secret's place. */
export const MASK = '***';

/** Masks text, and can tell how much of a text's end may be the beginning of a secret. */
export interface Masker {
  text(text: string): string;
  /**
   * The strings in arrays, plain objects, Maps, Sets and errors, however deep; everything else as it is. An error without
   * secrets stays itself, one with some has the same copy always, so that who tells of each error once still can.
   */
  value<V>(value: V): V;
  /** An outcome whose error is masked, and whose value isn't: results are given whole. */
  outcome<T>(outcome: Outcome<T>): Outcome<T>;
  /** The length of the longest end of `text` that a secret begins with: an unfinished line holds it back. */
  overhang(text: string): number;
  /** All that it masks; who masks more masks these with the same stroke, since one may be a part of another. */
  readonly forms: readonly string[];
}

const nothing: Masker = {
  text: (text) => text,
  value: (value) => value,
  outcome: (outcome) => outcome,
  overhang: () => 0,
  forms: [],
};

/**
 * A masker for these secrets. Those that are quoted for a shell or written as JSON are found too; of one with several
 * lines, each line of 4 characters or more. Throws a TypeError for a secret shorter than 4 characters: masking it would
 * garble everything and hide nothing.
 */
export function masker(secrets: readonly string[] | undefined, outer: Masker = nothing): Masker {
  if (secrets === undefined) return outer;
  if (!Array.isArray(secrets)) throw new TypeError('secrets: expected a list of strings');
  if (secrets.length === 0) return outer;
  const forms = new Set(outer.forms);
  for (const [index, secret] of secrets.entries()) {
    if (typeof secret !== 'string' || secret.length < 4)
      throw new TypeError(`secrets[${index}]: a secret is a string of at least 4 characters`);
    for (const part of [secret, ...secret.split(/\r?\n/)]) {
      if (part.length < 4) continue;
      forms.add(part);
      forms.add(part.replaceAll("'", `'\\''`));
      forms.add(JSON.stringify(part).slice(1, -1));
    }
  }
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g');

  const text = (value: string): string => value.replace(pattern, MASK);
  const copies = new WeakMap<Error, Error>();
  const deep = (value: unknown, seen: Map<object, unknown>): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    const known = seen.get(value);
    if (known !== undefined) return known;
    if (value instanceof Error) return ofError(value, seen);
    const made = emptyLike(value);
    if (made === undefined) return value;
    seen.set(value, made);
    if (made instanceof Map)
      for (const [key, field] of value as Map<unknown, unknown>) made.set(deep(key, seen), deep(field, seen));
    else if (made instanceof Set) for (const field of value as Set<unknown>) made.add(deep(field, seen));
    else if (Array.isArray(made)) for (const field of value as unknown[]) made.push(deep(field, seen));
    else for (const key of Object.keys(value)) define(made, text(key), deep(read(value, key), seen), true);
    return made;
  };
  const ofError = (error: Error, seen: Map<object, unknown>): Error => {
    const before = copies.get(error);
    if (before !== undefined) return before;
    const copy = new Error();
    seen.set(error, copy);
    Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object);
    let hidden = false;
    for (const name of Object.getOwnPropertyNames(error)) {
      const { enumerable = false } = Object.getOwnPropertyDescriptor(error, name)!;
      const field = read(error, name);
      // What the run would have given, and what others gave, are results.
      const shown = name !== 'outcomes' && (enumerable || SHOWN.has(name));
      const masked = shown ? deep(field, seen) : field;
      hidden ||= shown && differs(field, masked);
      define(copy, name, masked, enumerable);
    }
    if (!hidden) seen.set(error, error);
    const given = hidden ? copy : error;
    copies.set(error, given);
    return given;
  };
  return {
    text,
    forms: longestFirst,
    outcome: (given) => (given.type === 'finished' ? given : (deep(given, new Map()) as typeof given)),
    value: (value) => deep(value, new Map()) as typeof value,
    overhang(value) {
      let longest = 0;
      for (const form of longestFirst) {
        for (let length = Math.min(form.length - 1, value.length); length > longest; length--) {
          if (value.endsWith(form.slice(0, length))) longest = length;
        }
      }
      return longest;
    },
  };
}

/** What is shown of an error though it isn't enumerable. */
const SHOWN = new Set(['message', 'stack', 'cause', 'errors']);

function emptyLike(value: object): object | undefined {
  if (Array.isArray(value)) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return {};
  if (prototype === Map.prototype) return new Map();
  return prototype === Set.prototype ? new Set() : undefined;
}

/** A field; of one that can't be read, why. */
function read(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch (error) {
    return `[${textOf(error)}]`;
  }
}

function define(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, writable: true, configurable: true });
}

/** Whether something in a copy is not what it was: copies of what has no secrets are equal to it. */
function differs(value: unknown, copy: unknown, seen = new Set<unknown>()): boolean {
  if (Object.is(value, copy) || seen.has(value)) return false;
  seen.add(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return true;
  const before = partsOf(value);
  const after = partsOf(copy as object);
  return before.length !== after.length || before.some((part, index) => differs(part, after[index], seen));
}

function partsOf(value: object): unknown[] {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set || Array.isArray(value)) return [...value];
  return Object.keys(value).flatMap((key) => [key, read(value, key)]);
}
