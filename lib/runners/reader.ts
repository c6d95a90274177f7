// Reads what somebody hands over, to its end: a Node Readable, a web ReadableStream, an iterable. Whatever state it is in
// at that time (ended, destroyed, failed, paused), one `ended` or `failed` follows, unless it is closed before.
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { ReadableStream as WebStream } from 'node:stream/web';
import { toError } from '../kernel/error.ts';
import { IterableReader } from './iterableReader.ts';

/** What can be read: a Node Readable, a web ReadableStream, an iterable or async iterable. */
export type Readables = NodeJS.ReadableStream | WebStream<unknown> | AsyncIterable<unknown> | Iterable<unknown>;

/** What a Reader tells: nothing inside `open`, nothing after `ended` or `failed`. */
export interface ReaderEvents {
  read(item: unknown): void;
  ended(): void;
  failed(error: Error): void;
}

/** Reads one source. */
export interface Reader {
  /** Whether what it reads are items, each by itself; otherwise they are pieces of one text, cut anywhere. */
  readonly items: boolean;
  open(events: ReaderEvents): void;
  /** Reads no more, for a reason, until `go` takes the same reason back. */
  stop(why: string): void;
  go(why: string): void;
  /** Reads no more, ever, and lets go of the source: a Readable is destroyed, an iterator returned. Tells nothing. */
  close(): void;
}

/** A Readable by its methods, since there are those of readable-stream too. */
export function isReadable(value: unknown): value is NodeJS.ReadableStream {
  if (typeof value !== 'object' || value === null) return false;
  const methods = value as Record<string, unknown>;
  return ['on', 'off', 'pause', 'resume'].every((name) => typeof methods[name] === 'function');
}

/** Has an iterator, sync or async, and is neither text nor bytes. */
export function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** The reader for a source; `isReadable` or `isIterable` is true of it (a web stream is an async iterable). */
export function reader(source: Readables): Reader {
  if (isReadable(source)) return new StreamReader(source);
  if (source instanceof WebStream) return new StreamReader(Readable.fromWeb(source));
  return new IterableReader(source);
}

const guarded = new WeakSet<object>();

const held = new WeakSet<object>();

/**
 * Takes charge of a stream that is to be read later: should it fail before, that is told when it is read, and doesn't end
 * the process. Nor do late errors of one that isn't read any more.
 */
export function takeCharge(source: unknown): void {
  if (!isReadable(source) || guarded.has(source)) return;
  guarded.add(source);
  source.on('error', ignore);
  hold(source);
}

/**
 * At the exit of a child process Node reads what nobody has read of its output, and throws it away; not from a stream with a
 * listener for 'readable'. Others aren't touched: such a listener would begin to pull from their sources.
 */
function hold(source: NodeJS.ReadableStream): void {
  if (!(source instanceof Socket) || isStdin(source) || source.readableFlowing === true) return;
  if (source.listenerCount('data') > 0) return;
  source.on('readable', ignore);
  held.add(source);
}

/** Why something can't be read a second time; undefined where it can. */
export function readOnce(source: unknown): string | undefined {
  if (isReadable(source) || source instanceof WebStream) return 'a stream can be read only once';
  if (isIterable(source) && typeof (source as { next?: unknown }).next === 'function')
    return 'an iterator can be read only once';
  return undefined;
}

/** Lets go of what was to be read and won't be: a stream is destroyed, an iterator returned; the rest is left alone. */
export function discard(source: unknown): void {
  if (readOnce(source) === undefined) return;
  try {
    reader(source as Readables).close();
  } catch {
    // A web stream that somebody else reads; it is theirs.
  }
}

/** Properties that a Readable has unless it is of an old kind. */
type AnyReadable = NodeJS.ReadableStream & Partial<Readable> & { readonly fd?: unknown };

class StreamReader implements Reader {
  readonly #readable: AnyReadable;
  readonly #stops = new Set<string>();
  #events: ReaderEvents | undefined;

  constructor(readable: NodeJS.ReadableStream) {
    this.#readable = readable as AnyReadable;
    takeCharge(readable);
  }

  get items(): boolean {
    return this.#readable.readableObjectMode === true;
  }

  open(events: ReaderEvents): void {
    const readable = this.#readable;
    this.#events = events;
    readable.on('error', this.#failed);
    if (readable.readableEnded === true) {
      queueMicrotask(this.#ended);
    } else if (readable.destroyed === true) {
      queueMicrotask(this.#closed);
    } else {
      readable.on('data', this.#data);
      readable.on('end', this.#ended);
      readable.on('close', this.#closed);
      // Its former owner may have paused it, and a listener for 'data' doesn't undo that.
      if (this.#stops.size === 0) readable.resume();
      else readable.pause();
      if (held.delete(readable)) this.#release();
    }
  }

  /** Node resumes a stream in the tick after it has lost such a listener, also one that was paused. */
  #release(): void {
    this.#readable.off('readable', ignore);
    process.nextTick(() => {
      if (this.#stops.size > 0 && this.#events !== undefined) this.#readable.pause();
    });
  }

  stop(why: string): void {
    this.#stops.add(why);
    if (this.#events !== undefined) this.#readable.pause();
  }

  go(why: string): void {
    if (this.#stops.delete(why) && this.#stops.size === 0 && this.#events !== undefined) this.#readable.resume();
  }

  close(): void {
    this.#letGo();
    if (isStdin(this.#readable)) leave(this.#readable);
    else this.#readable.destroy?.();
  }

  readonly #data = (item: unknown): void => this.#events?.read(item);
  readonly #ended = (): void => this.#letGo()?.ended();
  readonly #failed = (error: unknown): void => this.#letGo()?.failed(toError(error));
  readonly #closed = (): void => this.#failed(this.#readable.errored ?? closedEarly());

  #letGo(): ReaderEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    const readable = this.#readable;
    readable.off('data', this.#data);
    readable.off('end', this.#ended);
    readable.off('close', this.#closed);
    readable.off('error', this.#failed);
    return events;
  }
}

/** By its descriptor, since looking at `process.stdin` would open it. */
function isStdin(readable: AnyReadable): boolean {
  return readable.fd === 0;
}

/** Node's own stdin belongs to everybody, so it is only left; paused it doesn't keep the process alive. */
function leave(stdin: AnyReadable): void {
  stdin.pause();
  // A pause inside its 'data' event is undone when Node reads ahead after that; a second one lasts.
  setImmediate(() => {
    if (stdin.isPaused()) stdin.resume().pause();
  });
}

function closedEarly(): Error {
  return new Error('it was closed before its end');
}

function ignore(): void {}
