// What a run tells its readers. A feed keeps the latest 64 KiB of a run's subtree for readers that come later, and hands
// what comes to its iterators. Entries are shared by all feeds above a run; an Event object is made when one is read.
//
// L5  An iterator that is behind by more than 1,024 events holds the runs that it hears (they stop reading their pipes)
//     until it has caught up by half: the slowest reader governs. A reader that isn't there holds nobody.
import { lineEvent, toEvent, type Entry } from './entry.ts';
import type { Event } from './event.ts';
import { Fifo } from './fifo.ts';
import type { RunRecord } from './run.ts';
import { hold, unhold } from './run/flow.ts';

const KEPT = 64 * 1024; // bytes
const KEPT_ENTRIES = 1024;
const BEHIND = 1024; // events

/** The latest entries of a subtree, and those who read them. */
export class Feed {
  readonly #kept = new Fifo<Entry>();
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
    while (this.#bytes > KEPT || this.#kept.length > KEPT_ENTRIES) {
      // The latest lines stay whole, however long, unless even that is past all measure.
      if (this.#kept.length === 1 && this.#bytes <= 4 * KEPT) break;
      const gone = this.#kept.shift()!;
      if (gone.type === 'lines') {
        this.#bytes -= gone.size;
        this.#missing += gone.count;
      }
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
    for (const entry of this.#kept) iterator.push(entry);
    if (!this.ended) this.iterators.add(iterator);
    return iterator;
  }
}

/** A place in a feed. Pulls one event at a time; `wanted` is called when there is something after there was nothing. */
export class FeedIterator {
  readonly #feed: Feed;
  readonly #entries = new Fifo<Entry>();
  /** Those of the first entry, and how many of them were read. */
  #lines: readonly string[] | undefined;
  #line = 0;
  #behind = 0;
  readonly #holding = new Set<RunRecord>();
  #closed = false;
  /** Called once when something comes or the feed ends. */
  wanted: (() => void) | undefined;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  /** Whether it has read all that has come. */
  get idle(): boolean {
    return this.#entries.length === 0;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#behind += entry.type === 'lines' ? entry.weight : 1;
    if (this.#behind > BEHIND && entry.run.open && !this.#holding.has(entry.run)) {
      this.#holding.add(entry.run);
      hold(entry.run);
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
    return this.#closed || (this.#feed.ended && this.idle);
  }

  /** The run that the next event is of. */
  get source(): RunRecord | undefined {
    return this.#entries.first?.run;
  }

  /** The next event, or undefined when there is none now; `plain`: with its secrets. */
  pull(plain = false): Event | undefined {
    const entry = this.#entries.first;
    if (entry === undefined) return undefined;
    let event: Event;
    if (entry.type === 'lines') {
      if (this.#lines === undefined) {
        this.#lines = entry.take();
        this.#behind += this.#lines.length - entry.weight;
      }
      event = lineEvent(entry, this.#lines[this.#line++]!, plain);
      if (this.#line === this.#lines.length) this.#next();
    } else {
      event = toEvent(entry, plain);
      this.#next();
    }
    this.#behind--;
    if (this.#behind <= BEHIND / 2 && this.#holding.size > 0) this.#release();
    return event;
  }

  #next(): void {
    this.#line = 0;
    this.#lines = undefined;
    this.#entries.shift();
  }

  #release(): void {
    for (const run of this.#holding) unhold(run);
    this.#holding.clear();
  }

  /** Reads no more; holds nobody any more. */
  close(): void {
    this.#closed = true;
    this.#entries.clear();
    this.#lines = undefined;
    this.#behind = 0;
    this.#feed.iterators.delete(this);
    this.#release();
    this.wake();
  }
}
