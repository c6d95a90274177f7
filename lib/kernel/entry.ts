// What has taken effect, as it waits for its readers: one object for many lines; an Event is made when one is read.
import type { Event, Json, Outcome, StreamName } from './event.ts';
import type { RunRecord } from './run.ts';
import type { Lines } from './runner.ts';

/** Something that took effect. `lines` counts for as many events as it has lines; everything else is one. */
export type Entry =
  | LinesEntry
  | {
      readonly type: 'partial';
      readonly run: RunRecord;
      readonly at: number;
      readonly stream: StreamName;
      readonly text: string;
    }
  | { readonly type: 'item'; readonly run: RunRecord; readonly at: number; readonly item: unknown }
  | {
      readonly type: 'note';
      readonly run: RunRecord;
      readonly at: number;
      readonly text: string;
      readonly data: Json | undefined;
    }
  | { readonly type: 'start' | 'pause' | 'play'; readonly run: RunRecord; readonly at: number }
  | {
      readonly type: 'settle';
      readonly run: RunRecord;
      readonly at: number;
      readonly outcome: Outcome<unknown>;
      readonly ms: number;
    };

/** Below this, in bytes, lines are made to be counted. */
const FEW = 4096;

/**
 * Lines of a run. They are made when somebody wants them, and kept by nobody who only might: strings that wait are what
 * makes garbage collection expensive (at 7 bytes a line, half of the time and more).
 */
export class LinesEntry {
  readonly type = 'lines';
  readonly run: RunRecord;
  readonly at: number;
  readonly stream: StreamName;
  /** Bytes. */
  readonly size: number;
  readonly #reported: Lines;
  #made: readonly string[] | undefined;
  #count: number | undefined;
  #weight: number | undefined;

  constructor(run: RunRecord, at: number, stream: StreamName, lines: Lines, size: number) {
    this.run = run;
    this.at = at;
    this.stream = stream;
    this.#reported = lines;
    this.size = size;
  }

  /** The lines; made once, until `forget`. */
  get lines(): readonly string[] {
    const reported = this.#reported;
    const made = (this.#made ??= typeof reported === 'function' ? reported() : reported);
    this.#count = made.length;
    return made;
  }
  /** The lines for one reader, who keeps them himself. */
  take(): readonly string[] {
    const { lines } = this;
    this.#made = undefined;
    return lines;
  }
  get count(): number {
    return this.#count ?? this.take().length;
  }
  /** For how many events it stands while they are not made: never changes, is exact for few, else a guess. */
  get weight(): number {
    return (this.#weight ??= this.#count ?? (this.size <= FEW ? this.count : this.size >> 6));
  }
  /** Lets go of the strings; they can be made again. */
  forget(): void {
    this.#made = undefined;
  }
}

/** The event of one of its lines. Secrets are masked, unless it is for the program's own logic (`plain`). */
export function lineEvent({ run, at, stream }: LinesEntry, line: string, plain = false): Event {
  const text = run.scope.masking && !plain ? run.scope.masker.text(line) : line;
  const event = { run: run.id, at, type: 'line', stream, line: text } as const;
  return run.runner.traits.memory === true ? { ...event, memory: true } : event;
}

/** The event of anything but lines; masked likewise. */
export function toEvent(entry: Exclude<Entry, LinesEntry>, plain = false): Event {
  const { run, at } = entry;
  const id = run.id;
  const mask = run.scope.masking && !plain ? run.scope.masker : undefined;
  switch (entry.type) {
    case 'partial': {
      // What may be the beginning of a secret is held back.
      const { stream, text } = entry;
      const line = mask === undefined ? text : mask.text(text.slice(0, text.length - mask.overhang(text)));
      return { run: id, at, type: 'line', stream, line, partial: true };
    }
    case 'item':
      return { run: id, at, type: 'item', item: mask === undefined ? entry.item : mask.value(entry.item) };
    case 'note': {
      const { text, data } = mask === undefined ? entry : mask.value({ text: entry.text, data: entry.data });
      return data === undefined ? { run: id, at, type: 'note', text } : { run: id, at, type: 'note', text, data };
    }
    case 'start':
      return { run: id, at, type: 'start', spec: run.spec, label: run.label };
    case 'pause':
    case 'play':
      return { run: id, at, type: entry.type };
    case 'settle': {
      const { outcome, ms } = entry;
      return { run: id, at, type: 'settle', outcome: mask === undefined ? outcome : mask.value(outcome), ms };
    }
  }
}
