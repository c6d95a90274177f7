// Streams that are being read, side by side, until all have ended.
import { RunError, type Outcome, type Reason, type Running, type Sink } from '../kernel/index.ts';
import { callEach, type Returned } from '../kernel/late.ts';
import type { RunRecord } from '../kernel/run.ts';
import { LineSplitter } from './lines.ts';
import { reader, type Reader } from './reader.ts';
import type { OnLine, StreamSource } from './stream.ts';

/** Options, checked and in the units of the code. */
export interface Settings {
  readonly encoding: 'utf8' | 'latin1';
  /** Bytes. */
  readonly limit: number;
}

/** A stream that is to be read. */
export interface Named {
  readonly source: StreamSource;
  readonly onLine: OnLine;
  readonly name: string;
}

/** One stream that is being read. */
interface Open {
  readonly name: string;
  readonly onLine: OnLine;
  readonly reader: Reader;
  readonly splitter: LineSplitter;
}

/** Items that may be reported before the first of them has taken effect. */
const ITEMS = 1024;

/** Streams that are being read. */
export class StreamsRun implements Running {
  readonly #settings: Settings;
  readonly #sink: Sink<number>;
  readonly #run: RunRecord;
  readonly #callbacks = new Map<string, OnLine>();
  /** Whom to call with the items that were reported, in their order: an item doesn't say where it came from. */
  #itemCallbacks: OnLine[] = [];
  readonly #open = new Set<Open>();
  #count = 0;
  #items = 0;
  #settled = false;

  constructor(entries: readonly Named[], settings: Settings, sink: Sink<number>, run: RunRecord) {
    this.#settings = settings;
    this.#sink = sink;
    this.#run = run;
    const { encoding, limit } = settings;
    for (const { source, onLine, name } of entries) {
      this.#callbacks.set(name, onLine);
      this.#open.add({
        name,
        onLine,
        reader: reader(source),
        splitter: new LineSplitter({ encoding, maxLine: limit }),
      });
    }
    if (this.#open.size === 0) this.#settle({ type: 'finished', value: 0 });
    for (const open of this.#open) this.#begin(open);
  }

  #begin(open: Open): void {
    open.reader.open({
      read: (item) => this.#read(open, item),
      ended: () => this.#ended(open),
      failed: (cause) => {
        this.#lines(open, open.splitter.end());
        this.#fail({ type: 'stream', stream: open.name }, cause);
      },
    });
  }

  #read(open: Open, item: unknown): void {
    if (open.onLine === null) return;
    if (item instanceof Uint8Array) {
      this.#bytes(open, Buffer.from(item.buffer, item.byteOffset, item.byteLength));
    } else if (typeof item === 'string') {
      if (open.reader.items) this.#strings(open, item);
      else this.#bytes(open, Buffer.from(item, this.#settings.encoding));
    } else {
      this.#lines(open, open.splitter.end());
      this.#item(open, item);
    }
  }

  #bytes(open: Open, chunk: Buffer): void {
    open.splitter.push(chunk, (lines, bytes) => {
      if (typeof lines !== 'function') {
        this.#lines(open, lines, bytes);
        return;
      }
      // Its result is their number, so they are made now, and not again where they take effect.
      let first: readonly string[] | undefined = lines();
      this.#count += first.length;
      const made = (): readonly string[] => {
        const given = first ?? lines();
        first = undefined;
        return given;
      };
      this.#sink.lines(open.name, made, bytes);
    });
    if (open.splitter.overflow) this.#overflow(open);
  }

  #strings(open: Open, text: string): void {
    const rest = open.splitter.end();
    const lines = text.split(/\r?\n/);
    if (lines.length > 1 && lines.at(-1) === '') lines.pop();
    const { limit } = this.#settings;
    // A character has at most 3 bytes in UTF-8.
    const tooLong = text.length * 3 > limit ? lines.findIndex((line) => Buffer.byteLength(line) > limit) : -1;
    this.#lines(open, rest.concat(tooLong < 0 ? lines : lines.slice(0, tooLong)));
    if (tooLong >= 0) this.#overflow(open);
  }

  #lines(open: Open, lines: readonly string[], size?: number): void {
    if (lines.length === 0) return;
    this.#count += lines.length;
    this.#sink.lines(open.name, lines, size);
  }

  #item({ onLine }: Open, item: unknown): void {
    this.#count++;
    this.#itemCallbacks.push(onLine);
    this.#sink.item(item);
    // The kernel measures lines, and holds those who report too many; of items it doesn't know the size.
    if (++this.#items < ITEMS) return;
    this.#items = 0;
    for (const { reader } of this.#open) reader.stop('items');
    this.#run.whenKeptUp(() => {
      for (const { reader } of this.#open) reader.go('items');
    });
  }

  #ended(open: Open): void {
    this.#lines(open, open.splitter.end());
    if (open.splitter.overflow) this.#overflow(open);
    this.#open.delete(open);
    if (this.#open.size === 0) this.#settle({ type: 'finished', value: this.#count });
  }

  #overflow({ name }: Open): void {
    this.#fail({ type: 'overflow', stream: name, limit: this.#settings.limit });
  }

  #fail(reason: Reason, cause?: Error): void {
    const { id, spec, label } = this.#run;
    const error = new RunError({ reason, run: id, spec, label, cause });
    this.#settle({ type: 'failed', error });
  }

  #settle(outcome: Outcome<number>): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const { reader } of this.#open) reader.close();
    this.#open.clear();
    this.#sink.settle(outcome);
  }

  deliver(stream: string, lines: readonly string[], returned: Returned): void {
    const call = this.#callbacks.get(stream);
    if (call) callEach(call, lines, returned);
  }
  deliverItem(item: unknown, returned: Returned): void {
    returned(this.#itemCallbacks.shift()?.(item));
  }
  pause(): void {
    for (const { reader } of this.#open) reader.stop('pause');
  }
  play(): void {
    for (const { reader } of this.#open) reader.go('pause');
  }
  flow(open: boolean): void {
    for (const { reader } of this.#open) {
      if (open) reader.go('flow');
      else reader.stop('flow');
    }
  }
  kill(by: string): void {
    this.#settle({ type: 'killed', by });
  }
  describe(): string {
    return `waits for the end of ${[...this.#open].map(({ name }) => name).join(', ')}`;
  }
}
