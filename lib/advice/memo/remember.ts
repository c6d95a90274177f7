// Entries: made of what a run gave, and what it gave read from one.
import { randomUUID } from 'node:crypto';
import { overdue } from '../../kernel/engine.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { deserialize, serialize } from '../../store/serialize.ts';
import { sha256 } from '../../store/digest.ts';
import { atOnce, type Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';
import { leftOf, saidIn, stepIn, type Entry, type Found, type Said, type Step, type Text } from './entry.ts';
import type { LastLines } from './lines.ts';
import { maskedText } from './masked.ts';

/** Longer texts are contents of their own, in characters. */
const INLINE = 8 * 1024;

/** Entries of a step: without the contents of its outputs, few will ever hold again. And digests of an output. */
const VARIANTS = 8;
const KEPT = 32;
const LEFT = 64;

/** What an entry gives. */
export interface Memory {
  readonly entry: Entry;
  readonly value: unknown;
  readonly said: readonly Said[];
}

/** What is in an entry; undefined, and told, where that can't be read. */
export function readable(entry: Entry, label: string, store: Store, warn: Warn): Memory | undefined {
  const value = textOf(entry.value, store, warn);
  const lines = textOf(entry.lines, store, warn);
  if (value === undefined || lines === undefined) return undefined;
  try {
    return { entry, value: deserialize(value), said: saidIn(lines) };
  } catch (error) {
    store.warn(warn, `what ${label} gave can't be read: ${(error as Error).message}; it is as if it weren't there`);
    return undefined;
  }
}

function textOf(text: Text, store: Store, warn: Warn): string | undefined {
  return 'text' in text ? text.text : store.contents.getText(text.content, warn);
}

/** What is to be remembered of a run that finished: an entry before its value and lines are texts. */
export type Run = Omit<Entry, 'id' | 'value' | 'lines' | 'dropped'> & {
  readonly value: unknown;
  readonly lines: LastLines;
};

/** An entry of a run; undefined, and told, where what it gave can't be stored. */
export function entryOf(run: RunRecord, store: Store, warn: Warn, { value, lines, ...rest }: Run): Entry | undefined {
  const { masking } = run.scope;
  const mask = run.mask.bind(run);
  let text: string;
  try {
    text = serialize(value);
    if (masking) {
      text = maskedText(text, mask);
      deserialize(text); // a pattern, say, may be none without the secret that it was made of
    }
  } catch (error) {
    warn(`not remembered: ${(error as Error).message}`);
    return undefined;
  }
  const clean = masking ? lines.said.map(([stream, all]) => [stream, all.map(mask)]) : lines.said;
  const said = JSON.stringify(clean);
  let entry: Entry | undefined;
  store.try(warn, () => {
    const { dropped } = lines;
    entry = {
      id: randomUUID(),
      ...rest,
      value: stored(text, store),
      lines: stored(said, store),
      dropped,
    };
  });
  return entry;
}

function stored(text: string, store: Store): Text {
  return text.length <= INLINE ? { text } : { content: store.contents.putText(text) };
}

/** What is known of a step. `used`: it is of use now. */
export function stepAt(store: Store, name: string, warn: Warn, used = false): Step | undefined {
  return stepIn(store.read('steps', name, warn, used));
}

/** Writes down what is known of a step now: its latest run, and what that left. `before`: what was known. */
export function writeStep(
  store: Store,
  name: string,
  before: Step | undefined,
  latest: Omit<Step, 'left' | 'entries'>,
  outputs: readonly Found[],
  entry: Entry | undefined,
  warn: Warn,
): void {
  const left = leftOf(before?.left);
  for (const [output, digest] of outputs)
    left[output] = [digest, ...(left[output] ?? []).filter((one) => one !== digest)].slice(0, LEFT);
  const others = (before?.entries ?? []).filter(
    (other) => entry === undefined || other.key !== entry.key || !sameFound(other.found, entry.found),
  );
  const entries = entry === undefined ? others : [entry, ...others];
  const kept = entries.slice(0, entries.some((one) => one.kept) ? KEPT : VARIANTS);
  if (store.write('steps', name, { ...latest, left, entries: kept } satisfies Step, warn) && outputs.length === 0)
    store.write('labels', sha256(latest.label), name, warn);
}

/** The latest of a label, for steps that are told by their key. */
export function stepOfLabel(store: Store, label: string, warn: Warn): Step | undefined {
  const name = store.read('labels', sha256(label), warn);
  return typeof name === 'string' && /^[0-9a-f]{64}$/.test(name) ? stepAt(store, name, warn) : undefined;
}

const made = new WeakMap<Store, Promise<ReadonlySet<string>>>();

/** Whether any step is known to have left this at an output: outputs move from one step to another. Looked up once in a process. */
export function* wasMade(store: Store, output: string, digest: string, warn: Warn): Paced<boolean> {
  let all = made.get(store);
  if (all === undefined) made.set(store, (all = atOnce(allLeft(store, warn))));
  return ((yield all) as ReadonlySet<string>).has(`${digest} ${output}`);
}

function* allLeft(store: Store, warn: Warn): Paced<ReadonlySet<string>> {
  const all = new Set<string>();
  for (const name of store.names('steps')) {
    if (overdue()) yield undefined;
    for (const [output, digests] of Object.entries(stepAt(store, name, warn)?.left ?? {}))
      for (const digest of digests) all.add(`${digest} ${output}`);
  }
  return all;
}

/** Whether two have found the same things in the same state: then one takes the other's place. */
function sameFound(a: readonly Found[], b: readonly Found[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
