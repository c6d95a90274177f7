// What is stored of a run: what it gave, what it said and left; and what decided it, for who asks why. All of it is checked when it is read: a store
// may be another machine's, or a later version's.

/** Something that decides what a run does: its name, its digest, and what is shown of it (secrets masked). */
export type Part = readonly [name: string, digest: string, shown?: string];

/** Something that a run found out that it read, or a file that it left: what it is, by name, and its digest. */
export type Found = readonly [what: string, digest: string];

/** Lines of one stream, as they came. */
export type Said = readonly [stream: string, lines: readonly string[]];

/** A value or lines: in the entry itself, or a content of the store. */
export type Text = { readonly text: string } | { readonly content: string };

/** What came of a run. */
export interface Entry {
  readonly label: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Inputs that it found while it ran. */
  readonly found: readonly Found[];
  /** Paths, relative to the project where they are inside. */
  readonly outputs: readonly Found[];
  /** Their contents are in the store. */
  readonly kept: boolean;
  /** Serialized. */
  readonly value: Text;
  /** `Said[]` as JSON. */
  readonly lines: Text;
  /** Lines that are not among them, since they were too many. */
  readonly dropped: number;
}

/** The entries with the same key: they differ in what was found while they ran. The latest first. */
export type Entries = readonly Entry[];

/** The latest that is known of a step: of its output, or, where it has none, of its label. */
export interface Record_ {
  readonly label: string;
  /** The path, relative to the project where it is inside; undefined: of a step without outputs. */
  readonly output: string | undefined;
  readonly at: number;
  /** What it went by. */
  readonly parts: readonly Part[];
  readonly found: readonly Found[];
  /** Why it ran. */
  readonly why: readonly string[];
  /** Digests that runs have left at the output; the latest first. */
  readonly left: readonly string[];
}

/** Those in a file of the store. What isn't one, for whatever reason, is nothing. */
export function entriesIn(value: unknown): Entries {
  return Array.isArray(value) ? (value as unknown[]).filter(isEntry) : [];
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  return (
    typeof entry['label'] === 'string' &&
    typeof entry['at'] === 'number' &&
    typeof entry['kept'] === 'boolean' &&
    isPairs(entry['found']) &&
    isPairs(entry['outputs']) &&
    isText(entry['value']) &&
    isText(entry['lines'])
  );
}

/** One that was read; undefined where it isn't one. */
export function recordIn(value: unknown): Record_ | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { label, parts, found, why, left, at } = value as Record<string, unknown>;
  const good = typeof label === 'string' && typeof at === 'number' && isPairs(parts) && isPairs(found);
  return good && isStrings(why) && isStrings(left) ? (value as Record_) : undefined;
}

function isPairs(value: unknown): boolean {
  return Array.isArray(value) && value.every((pair) => isStrings(pair) && pair.length >= 2);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isText(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { text, content } = value as Record<string, unknown>;
  return typeof text === 'string' || (typeof content === 'string' && /^[0-9a-f]{64}$/.test(content));
}

/** Lines as they were stored; none where it isn't that. */
export function saidIn(text: string): readonly Said[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isSaid) ? (value as Said[]) : [];
  } catch {
    return [];
  }
}

function isSaid(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'string' && isStrings(value[1]);
}
