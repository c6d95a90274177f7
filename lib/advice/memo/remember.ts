// Entries: made of what a run gave, and what it gave read from one.
import type { RunRecord } from '../../kernel/run.ts';
import { deserialize, serialize } from '../../store/serialize.ts';
import type { Store, Warn } from '../../store/store.ts';
import { entriesIn, recordIn, saidIn, type Entry, type Found, type Record_, type Said, type Text } from './entry.ts';
import type { LastLines } from './lines.ts';
import { masked } from './masked.ts';
import { labelRecordName, recordName } from './records.ts';

/** Longer texts are contents of their own, in characters. */
const INLINE = 8 * 1024;

/** Entries with the same key that are kept, and digests of an output. */
const VARIANTS = 16;
const LEFT = 64;

/** What an entry gives. */
export interface Memory {
  readonly entry: Entry;
  readonly value: unknown;
  readonly said: readonly Said[];
}

/** What is in an entry; undefined, and told, where that can't be read. */
export function readable(entry: Entry, store: Store, warn: Warn): Memory | undefined {
  const value = textOf(entry.value, store, warn);
  const lines = textOf(entry.lines, store, warn);
  if (value === undefined || lines === undefined) return undefined;
  try {
    return { entry, value: deserialize(value), said: saidIn(lines) };
  } catch (error) {
    store.warn(
      warn,
      `what ${entry.label} gave can't be read: ${(error as Error).message}; it is as if it weren't there`,
    );
    return undefined;
  }
}

function textOf(text: Text, store: Store, warn: Warn): string | undefined {
  return 'text' in text ? text.text : store.getText(text.content, warn);
}

/** What is to be remembered. */
export interface Run {
  readonly key: string;
  readonly at: number;
  readonly ms: number;
  readonly found: readonly Found[];
  readonly outputs: readonly Found[];
  readonly kept: boolean;
  readonly value: unknown;
  readonly lines: LastLines;
}

/** Stores what came of a run; what can't be stored is told. */
export function remember(run: RunRecord, store: Store, warn: Warn, given: Run): void {
  const { key, value, lines, ...rest } = given;
  const { masking, masker } = run.scope;
  let text: string;
  try {
    text = serialize(masking ? masked(value, masker) : value);
  } catch (error) {
    warn(`not remembered: ${(error as Error).message}`);
    return;
  }
  const said = JSON.stringify(lines.said);
  store.try(warn, () => {
    const entry: Entry = {
      ...rest,
      label: run.label,
      value: stored(run.mask(text), store),
      lines: stored(run.mask(said), store),
      dropped: lines.dropped,
    };
    const others = entriesIn(store.read('entries', key, warn)).filter((other) => !sameFound(other.found, entry.found));
    store.write('entries', key, [entry, ...others].slice(0, VARIANTS), warn);
  });
}

function stored(text: string, store: Store): Text {
  return text.length <= INLINE ? { text } : { content: store.putText(text) };
}

/** Whether two have found the same things in the same state: then one takes the other's place. */
function sameFound(a: readonly Found[], b: readonly Found[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

/** The latest that is known of a step. */
export function recordOf(store: Store, output: string | undefined, label: string, warn: Warn): Record_ | undefined {
  const name = output === undefined ? labelRecordName(label) : recordName(output);
  return recordIn(store.read('records', name, warn));
}

/** Writes down the latest of a step: for each of its outputs, or for its label. */
export function record(
  store: Store,
  outputs: readonly Found[],
  latest: Omit<Record_, 'output' | 'left'>,
  warn: Warn,
): void {
  if (outputs.length === 0)
    store.write('records', labelRecordName(latest.label), { ...latest, output: undefined, left: [] }, warn);
  for (const [output, digest] of outputs) {
    const before = recordOf(store, output, latest.label, warn)?.left ?? [];
    const left = [digest, ...before.filter((one) => one !== digest)].slice(0, LEFT);
    store.write('records', recordName(output), { ...latest, output, left }, warn);
  }
}
