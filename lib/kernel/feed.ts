// What a run tells its readers. A feed keeps the latest 64 KiB of a run's subtree for readers that come later, and hands
// what comes to its iterators. Entries are shared by all feeds above a run; an Event object is made when one is read.
//
// L5  An iterator that is behind by more than 1,024 events holds the runs that it hears (they stop reading their pipes)
//     until it has caught up by half: the slowest reader governs. A reader that isn't there holds nobody.
import type { Event, Json, Outcome, StreamName } from './event.ts';
import type { RunRecord } from './run.ts';

const KEPT = 64 * 1024; // bytes
const KEPT_ENTRIES = 1024;
const BEHIND = 1024; // events

/** Something that took effect. `lines` counts for as many events as it has lines; everything else is one. */
export type Entry =
  | ({ readonly type: 'lines'; readonly run: RunRecord; readonly at: number; readonly size: number } & {
      readonly stream: StreamName;
      readonly lines: readonly string[];
    })
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

/** Events in an entry. */
export function eventCount(entry: Entry): number {
  return entry.type === 'lines' ? entry.lines.length : 1;
}

/** The event number `index` of an entry. Secrets are masked, unless it is for the program's own logic (`plain`). */
export function toEvent(entry: Entry, index = 0, plain = false): Event {
  const { run, at } = entry;
  const id = run.id;
  const mask = run.scope.masking && !plain ? run.scope.masker : undefined;
  switch (entry.type) {
    case 'lines': {
      const line = entry.lines[index]!;
      return { run: id, at, type: 'line', stream: entry.stream, line: mask === undefined ? line : mask.text(line) };
    }
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

/** The latest entries of a subtree, and those who read them. */
export class Feed {
  #kept: Entry[] = [];
  #first = 0;
  #bytes = 0;
  /** Lines that have gone from what is kept. */
  #missing = 0;
  readonly iterators = new Set<FeedIterator>();
  readonly root: RunRecord;
  ended = false;

  constructor(root: RunRecord) {
    this.root = root;
  }

  push(entry: Entry): void {
    this.#kept.push(entry);
    if (entry.type === 'lines') this.#bytes += entry.size;
    while (this.#bytes > KEPT || this.#kept.length - this.#first > KEPT_ENTRIES) {
      // The latest chunk stays whole, however long, unless even that is past all measure.
      if (this.#kept.length - this.#first === 1 && this.#bytes <= 4 * KEPT) break;
      const gone = this.#kept[this.#first++]!;
      if (gone.type === 'lines') {
        this.#bytes -= gone.size;
        this.#missing += gone.lines.length;
      }
    }
    if (this.#first > KEPT_ENTRIES) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
    if (this.iterators.size > 0) for (const iterator of this.iterators) iterator.push(entry);
  }

  /** Nothing more will come. */
  end(): void {
    this.ended = true;
    for (const iterator of this.iterators) iterator.wake();
  }

  /** Reads from the beginning of what is kept; a note tells how many lines are missing before it. */
  iterate(): FeedIterator {
    const iterator = new FeedIterator(this);
    if (this.#missing > 0) {
      const text = `${this.#missing} earlier lines are gone`;
      iterator.push({ type: 'note', run: this.root, at: this.root.now(), text, data: { missing: this.#missing } });
    }
    for (let i = this.#first; i < this.#kept.length; i++) iterator.push(this.#kept[i]!);
    if (!this.ended) this.iterators.add(iterator);
    return iterator;
  }
}

/** A place in a feed. Pulls one event at a time; `wanted` is called when there is something after there was nothing. */
export class FeedIterator {
  readonly #feed: Feed;
  #entries: Entry[] = [];
  #head = 0;
  #line = 0;
  #behind = 0;
  readonly #holding = new Set<RunRecord>();
  #closed = false;
  /** Called once when something comes or the feed ends. */
  wanted: (() => void) | undefined;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  push(entry: Entry): void {
    const count = eventCount(entry);
    if (count === 0) return;
    this.#entries.push(entry);
    this.#behind += count;
    if (this.#behind > BEHIND && entry.run.open && !this.#holding.has(entry.run)) {
      this.#holding.add(entry.run);
      entry.run.hold();
    }
    if (this.wanted !== undefined) this.wake();
  }

  wake(): void {
    const wanted = this.wanted;
    this.wanted = undefined;
    wanted?.();
  }

  /** Whether the feed has ended and all of it was read. */
  get done(): boolean {
    return this.#closed || (this.#feed.ended && this.#head === this.#entries.length);
  }

  /** The run that the next event is of. */
  get source(): RunRecord | undefined {
    return this.#entries[this.#head]?.run;
  }

  /** The next event, or undefined when there is none now; `plain`: with its secrets. */
  pull(plain = false): Event | undefined {
    if (this.#head === this.#entries.length) return undefined;
    const entry = this.#entries[this.#head]!;
    const event = toEvent(entry, this.#line, plain);
    if (entry.type === 'lines' && this.#line + 1 < entry.lines.length) {
      this.#line++;
    } else {
      this.#line = 0;
      this.#head++;
      if (this.#head === this.#entries.length) {
        this.#entries = [];
        this.#head = 0;
      } else if (this.#head > 1024) {
        this.#entries = this.#entries.slice(this.#head);
        this.#head = 0;
      }
    }
    this.#behind--;
    if (this.#behind <= BEHIND / 2 && this.#holding.size > 0) this.#release();
    return event;
  }

  #release(): void {
    for (const run of this.#holding) run.unhold();
    this.#holding.clear();
  }

  /** Reads no more; holds nobody any more. */
  close(): void {
    this.#closed = true;
    this.#entries = [];
    this.#head = 0;
    this.#behind = 0;
    this.#feed.iterators.delete(this);
    this.#release();
    this.wake();
  }
}
