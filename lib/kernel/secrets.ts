// Secrets never reach a screen or a log: they are masked in events, specs, labels, notes and errors. Callbacks, results
// and stdin have them whole: a program that prints a token may be the way to get one.

/** What stands in a secret's place. */
export const MASK = '***';

/** Masks text, and can tell how much of a text's end may be the beginning of a secret. */
export interface Masker {
  text(text: string): string;
  /** The strings in arrays and plain objects, however deep; everything else as it is. */
  value<V>(value: V): V;
  /** The length of the longest end of `text` that a secret begins with: an unfinished line holds it back. */
  overhang(text: string): number;
  /** All that it masks; who masks more masks these with the same stroke, since one may be a part of another. */
  readonly forms: readonly string[];
}

const nothing: Masker = { text: (text) => text, value: (value) => value, overhang: () => 0, forms: [] };

/**
 * A masker for these secrets. Those that are quoted for a shell or written as JSON are found too; of one with several
 * lines, each line of 4 characters or more. Throws a TypeError for a secret shorter than 4 characters: masking it would
 * garble everything and hide nothing.
 */
export function masker(secrets: readonly string[] | undefined, outer: Masker = nothing): Masker {
  if (secrets === undefined || secrets.length === 0) return outer;
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
  const deep = (value: unknown, above: readonly object[]): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null || above.includes(value)) return value;
    const below = [...above, value];
    if (Array.isArray(value)) return value.map((element) => deep(element, below));
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [text(key), deep(field, below)]));
  };
  return {
    text,
    forms: longestFirst,
    value: (value) => deep(value, []) as typeof value,
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
