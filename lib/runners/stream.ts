// stream(source, onLine) and streams([[source, onLine], …]): what somebody else has opened, read line by line.
import { bytes, createRunner, type Runner, type Size } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { discard, isIterable, isReadable, readOnce, takeCharge, type Readables } from './reader.ts';
import { StreamsRun, type Named, type Settings } from './streamsRun.ts';

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
 * where it has newlines in it), and any other value is an `item` event. The stream is handed over by the call: its errors
 * are the run's, and a kill or a failure destroys it (except Node's own stdin, which is only left alone). A pause pauses
 * it. It can be read once.
 *
 * Fails with a RunError `stream` when it fails or is closed before its end, `overflow` for a line over `maxLine`,
 * `callback` when `onLine` throws. Throws a TypeError for what can't be read.
 */
export function stream(source: StreamSource, onLine?: OnLine, options: StreamOptions = {}): Runner<number> {
  checkOptions('stream', options, [...KNOWN, 'name']);
  const { name = 'stream', ...rest } = options;
  return streamsRunner('stream', [[source, onLine]], { ...rest, names: [name] });
}

/**
 * Reads several streams side by side, each as `stream` does, until all have ended: `streams([[child.stdout, onLine],
 * [child.stderr, null]])`. Gives the number of lines and items. The first that fails fails the run.
 */
export function streams(entries: Iterable<StreamEntry>, options: StreamsOptions = {}): Runner<number> {
  checkOptions('streams', options, [...KNOWN, 'names']);
  return streamsRunner('streams', entries, options);
}

const KNOWN = ['encoding', 'maxLine', 'label'];

function streamsRunner(type: string, given: Iterable<StreamEntry>, options: StreamsOptions): Runner<number> {
  const { encoding = 'utf8', maxLine = '16MiB', label = type, names } = options;
  const entries = checkEntries(type, given);
  if (encoding !== 'utf8' && encoding !== 'latin1')
    throw new TypeError(`${type}: encoding '${String(encoding)}' is neither 'utf8' nor 'latin1'`);
  if (names !== undefined && (names.length !== entries.length || new Set(names).size !== names.length))
    throw new TypeError(`${type}: names are as many as the streams, all different: ${entries.length}`);
  const settings: Settings = { encoding, limit: bytes(maxLine, `${type}: maxLine`) };
  const once = entries.map(([source]) => readOnce(source)).find((why) => why !== undefined);
  const named: Named[] = entries.map(([source, onLine], index) => ({
    source,
    onLine,
    name: names?.[index] ?? String(index),
  }));
  let used = false;
  return createRunner<number>({
    spec: type === 'stream' ? { type, name: named[0]!.name } : { type, names: named.map(({ name }) => name) },
    label,
    leaf: true,
    dry: () => 0,
    ...(once === undefined ? {} : { once }),
    discard() {
      if (!used) for (const { source } of named) discard(source);
    },
    start(sink, context) {
      if (used && once !== undefined) throw new TypeError(`${type}: ${once}`);
      used = true;
      return new StreamsRun(named, settings, sink, context as unknown as RunRecord);
    },
  });
}

/** Entries, checked and taken charge of: a TypeError names the first that is wrong. `what` begins the message. */
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
    takeCharge(source);
    return [source, onLine as OnLine];
  });
}
