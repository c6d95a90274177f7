// Streams that somebody else has opened, read line by line until all have ended.
import {
  bytes,
  createRunner,
  RunError,
  type Outcome,
  type Reason,
  type Runner,
  type Running,
  type Sink,
  type Size,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { show } from '../kernel/runnable.ts';
import { LineSplitter } from './lines.ts';
import { isIterable, isReadable, reader, readOnce, type Readables, type Reader } from './reader.ts';

/**
 * Called with each line, without its newline (and with each item, where there are such), inside a turn; one that throws
 * fails the run with the reason `callback`. null: what comes is read and dropped, without any events.
 */
export type OnLine = ((line: any) => void) | null | undefined;

/** How streams are read. */
export interface StreamsOptions {
  /** 'utf8' (default; invalid bytes become U+FFFD) or 'latin1' (a character for each byte). */
  readonly encoding?: 'utf8' | 'latin1' | undefined;
  /** The longest line, in bytes; a longer one fails the run with the reason `overflow`. Default '16MiB'. */
  readonly maxLine?: Size | undefined;
  /** What reports print in front of the lines. Default: 'stream', 'streams'. */
  readonly label?: string | undefined;
  /** The names of the streams in events and errors. Default: their places in the list, from '0'. */
  readonly names?: readonly string[] | undefined;
}

/** How a stream is read. */
export interface StreamOptions extends Omit<StreamsOptions, 'names'> {
  /** Its name in events and errors. Default 'stream'. */
  readonly name?: string | undefined;
}

/** What can be read: a Node Readable, a web ReadableStream, an iterable or async iterable of strings, bytes or anything else. */
export type StreamSource = Readables;

/** A stream and what is called with its lines. */
export type StreamEntry = readonly [stream: StreamSource, onLine?: OnLine];

/**
 * Reads a stream line by line until it has ended. Gives the number of lines and items.
 *
 * Bytes are cut at newlines. In object mode, and from an iterable, bytes are too; a string is a line by itself (several
 * where it has newlines in it), and any other value is an `item` event. The stream is handed over: a kill or a failure
 * destroys it (except Node's own stdin, which is only left alone). A pause pauses it. It can be read once.
 *
 * Fails with a RunError `stream` when it fails or is closed before its end, `overflow` for a line over `maxLine`,
 * `callback` when `onLine` throws. Throws a TypeError for what can't be read.
 */
export function stream(source: StreamSource, onLine?: OnLine, options: StreamOptions = {}): Runner<number> {
  const { name = 'stream', label = 'stream', ...rest } = options;
  return streamsRunner('stream', [[source, onLine]], { ...rest, label, names: [name] });
}

/**
 * Reads several streams side by side, each as `stream` does, until all have ended: `streams([[child.stdout, onLine],
 * [child.stderr, null]])`. Gives the number of lines and items. The first that fails fails the run.
 */
export function streams(entries: Iterable<StreamEntry>, options: StreamsOptions = {}): Runner<number> {
  return streamsRunner('streams', entries, options);
}

const KNOWN = new Set(['encoding', 'maxLine', 'label', 'name', 'names']);

function streamsRunner(type: string, given: Iterable<StreamEntry>, options: StreamsOptions): Runner<number> {
  for (const option in options)
    if (!KNOWN.has(option))
      throw new TypeError(`${type}: unknown option ${option}; known are ${[...KNOWN].join(', ')}`);
  const { encoding = 'utf8', maxLine = '16MiB', label = type, names } = options;
  const entries = checkEntries(type, given);
  if (encoding !== 'utf8' && encoding !== 'latin1')
    throw new TypeError(`${type}: encoding '${String(encoding)}' is neither 'utf8' nor 'latin1'`);
  if (names !== undefined && (names.length !== entries.length || new Set(names).size !== names.length))
    throw new TypeError(`${type}: names are as many as the streams, all different: ${entries.length}`);
  const settings: Settings = { type, encoding, limit: bytes(maxLine, `${type}: maxLine`) };
  const once = entries.map(([source]) => readOnce(source)).find((why) => why !== undefined);
  const named = entries.map(([source, onLine], index) => ({ source, onLine, name: names?.[index] ?? String(index) }));
  return createRunner<number>({
    spec: type === 'stream' ? { type, name: named[0]!.name } : { type, names: named.map(({ name }) => name) },
    label,
    leaf: true,
    // Whoever writes to them must not be blocked by a dry run.
    dry: () => {
      for (const { source } of named) if (isReadable(source)) source.resume();
      return 0;
    },
    ...(once === undefined ? {} : { once }),
    discard() {
      for (const { source } of named) discard(source);
    },
    start: (sink, context) => new StreamsRun(named, settings, sink, context as unknown as RunRecord),
  });
}

/** Entries, checked: a TypeError names the first that is wrong. `what` begins the message. */
export function checkEntries(what: string, given: unknown): StreamEntry[] {
  if (!isIterable(given) || !(Symbol.iterator in given))
    throw new TypeError(`${what}: expected a list of [stream, function] pairs, got ${show(given)}`);
  return [...given].map((entry: unknown, index) => {
    const where = what === 'stream' ? what : `${what}: entry ${index}`;
    if (!Array.isArray(entry) || entry.length === 0 || entry.length > 2)
      throw new TypeError(`${where}: expected [stream, function], got ${show(entry)}`);
    const [source, onLine] = entry as unknown[];
    if (!isReadable(source) && !isIterable(source))
      throw new TypeError(`${where}: expected a readable stream or an iterable, got ${show(source)}`);
    if (onLine !== undefined && onLine !== null && typeof onLine !== 'function')
      throw new TypeError(`${where}: what is called with the lines is a function or null, got ${show(onLine)}`);
    return [source, onLine as OnLine];
  });
}

function discard(source: StreamSource): void {
  try {
    reader(source).close();
  } catch {
    // A web stream that somebody else reads; it is theirs.
  }
}

interface Settings {
  readonly type: string;
  readonly encoding: 'utf8' | 'latin1';
  /** Bytes. */
  readonly limit: number;
}

interface Named {
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

class StreamsRun implements Running {
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
    this.#lines(open, open.splitter.push(chunk), chunk.length);
    if (open.splitter.overflow) this.#overflow(open);
  }

  #strings(open: Open, text: string): void {
    const rest = open.splitter.end();
    const lines = text.split(/\r?\n/);
    if (lines.length > 1 && lines.at(-1) === '') lines.pop();
    this.#lines(open, rest.length === 0 ? lines : rest.concat(lines));
    const { limit } = this.#settings;
    if (text.length > limit && lines.some((line) => Buffer.byteLength(line) > limit)) this.#overflow(open);
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
    const { id, maskedSpec, maskedLabel } = this.#run;
    const error = new RunError({ reason, run: id, spec: maskedSpec, label: maskedLabel, cause });
    this.#settle({ type: 'failed', error });
  }

  #settle(outcome: Outcome<number>): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const { reader } of this.#open) reader.close();
    this.#open.clear();
    this.#sink.settle(outcome);
  }

  deliver(stream: string, lines: readonly string[]): void {
    const call = this.#callbacks.get(stream);
    if (call) for (const line of lines) call(line);
  }
  deliverItem(item: unknown): void {
    this.#itemCallbacks.shift()?.(item);
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
