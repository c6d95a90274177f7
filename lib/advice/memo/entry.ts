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
  /** Of this very entry: another one with the same content has another. */
  readonly id: string;
  readonly key: string;
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

/** What is known of a step: of its first output, or, where it has none, of its key. One file, since making files is dear. */
export interface Step {
  readonly label: string;
  /** When it last ran, in milliseconds since the epoch. */
  readonly at: number;
  /** What it went by then. */
  readonly parts: readonly Part[];
  readonly found: readonly Found[];
  /** Why it ran. */
  readonly why: readonly string[];
  /** By output, the digests that runs have left there; the latest first. */
  readonly left: { readonly [output: string]: readonly string[] };
  /** The latest first. */
  readonly entries: readonly Entry[];
}

/** One that was read; undefined where it isn't one, for whatever reason. Entries that are none are left out. */
export function stepIn(value: unknown): Step | undefined {
  if (!isObject(value)) return undefined;
  const { label, at, parts, found, why, left, entries } = value;
  const good =
    typeof label === 'string' &&
    typeof at === 'number' &&
    isPairs(parts) &&
    isPairs(found) &&
    isStrings(why) &&
    isObject(left) &&
    Object.values(left).every(isStrings) &&
    Array.isArray(entries);
  if (!good) return undefined;
  return { ...value, left: leftOf(left), entries: (entries as unknown[]).filter(isEntry) } as unknown as Step;
}

/** What steps have left, by output: a copy, with no fields but these, for an output may be called 'constructor'. */
export function leftOf(left: object | undefined): Record<string, readonly string[]> {
  return Object.assign(Object.create(null), left) as Record<string, readonly string[]>;
}

function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const { id, key, at, kept, found, outputs, value: gave, lines } = value;
  const good = isStrings([id, key]) && typeof at === 'number' && typeof kept === 'boolean';
  return good && isPairs(found) && isPairs(outputs) && isText(gave) && isText(lines);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPairs(value: unknown): boolean {
  return Array.isArray(value) && value.every((pair) => isStrings(pair) && pair.length >= 2);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isText(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { text, content } = value;
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
