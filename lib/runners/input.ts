// What a program reads on its stdin, or is sent through a socket: text, bytes, or something that gives such, written as
// fast as it is taken.
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { toError } from '../kernel/error.ts';
import { show } from '../kernel/runnable.ts';
import { isIterable, isReadable, reader, readOnce, takeCharge, type Readables, type Reader } from './reader.ts';

/** L5: what is sent may wait for somebody who doesn't read, up to this. */
export const SENT = 64 * 1024 * 1024; // bytes

/**
 * What can be fed: a string, bytes, a file: URL, a Readable, a web ReadableStream, an iterable or async iterable of strings
 * and bytes. All of it is written as it is: no newlines are added.
 */
export type Input =
  | string
  | Uint8Array
  | URL
  | NodeJS.ReadableStream
  // An object: otherwise TypeScript takes words like 'inherit' beside this type for iterables, which strings are.
  | (object & Iterable<string | Uint8Array>)
  | AsyncIterable<string | Uint8Array>;

/** What is told of an input that is being fed. */
export interface FeedOptions {
  /**
   * The source failed, or gave something that is neither a string nor bytes: nothing more is fed, and the writable is
   * left as it is. Also where the writable failed, other than by a reader that goes away.
   */
  onError(error: Error): void;
  /** All was written (true), or the reader went away before (false): that is no error. */
  onDone?(complete: boolean): void;
  /** Ends the writable after the input. Default true. */
  readonly end?: boolean;
}

/** An input that is being fed. */
export interface Feeding {
  /** Feeds no more, also when the source just makes us wait, and lets go of it: closes the file, returns the iterator. */
  stop(): void;
  /** Takes nothing from the source until `play`. */
  pause(): void;
  play(): void;
}

/**
 * Throws a TypeError, which begins with `what`, for what can't be fed. Takes charge of a stream: what goes wrong with it before
 * it is fed will be told then. To be called when the input is handed over, for a run may begin later.
 */
export function checkInput(input: unknown, what: string): asserts input is Input {
  takeCharge(input);
  if (typeof input === 'string' || input instanceof Uint8Array || isReadable(input) || isIterable(input)) return;
  if (input instanceof URL) {
    if (input.protocol === 'file:') return;
    throw new TypeError(`${what}: only a file: URL can be read, not ${input.protocol}`);
  }
  throw new TypeError(
    `${what}: expected a string, bytes, a file: URL, a stream or an iterable of strings and bytes, got ${show(input)}`,
  );
}

/** Why an input can't be fed a second time; undefined where it can. */
export function inputOnce(input: Input | undefined): string | undefined {
  const why = readOnce(input);
  return why === undefined ? undefined : `its input: ${why}`;
}

/**
 * Feeds an input to a writable, with its back-pressure. A reader that goes away (EPIPE, ECONNRESET, a writable destroyed) is
 * no error: the source is closed. Nothing is told after `stop`, nor twice.
 */
export function feedInput(writable: Writable, input: Input, options: FeedOptions): Feeding {
  return new FeedingInput(writable, input, options);
}

const GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

class FeedingInput implements Feeding {
  readonly #writable: Writable;
  readonly #options: FeedOptions;
  #source: Reader | undefined;
  #over = false;

  constructor(writable: Writable, input: Input, options: FeedOptions) {
    this.#writable = writable;
    this.#options = options;
    writable.on('error', this.#failed);
    writable.on('close', this.#gone);
    writable.on('drain', this.#drained);
    if (typeof input === 'string' || input instanceof Uint8Array) this.#whole(input);
    else this.#open(input instanceof URL ? createReadStream(input) : input);
  }

  // Neither tells anything before the caller has what it is told of.

  #whole(content: string | Uint8Array): void {
    queueMicrotask(() => {
      if (this.#over || this.#left()) return;
      if (content.length > 0) this.#writable.write(content);
      this.#ended();
    });
  }

  #open(source: Readables): void {
    try {
      this.#source = reader(source);
    } catch (error) {
      queueMicrotask(() => this.#fail(error));
      return;
    }
    this.#source.open({
      read: (item) => this.#write(item),
      ended: () => this.#ended(),
      failed: (error) => this.#fail(error),
    });
    queueMicrotask(() => this.#left());
  }

  #write(item: unknown): void {
    if (this.#over || this.#left()) return;
    if (typeof item !== 'string' && !(item instanceof Uint8Array)) {
      this.#fail(new TypeError(`an input is made of strings and bytes; this one gave ${show(item)}`));
    } else if (item.length > 0 && !this.#writable.write(item)) {
      this.#source?.stop('full');
    }
  }

  /** Nobody reads any more. */
  #left(): boolean {
    if (this.#writable.writable) return false;
    this.#gone();
    return true;
  }

  #ended(): void {
    if (!this.#finish()) return;
    if (this.#options.end !== false) this.#writable.end();
    this.#options.onDone?.(true);
  }

  #fail(error: unknown): void {
    if (this.#letGo()) this.#options.onError(toError(error));
  }

  readonly #drained = (): void => this.#source?.go('full');
  readonly #gone = (): void => {
    if (this.#letGo()) this.#options.onDone?.(false);
  };
  readonly #failed = (error: unknown): void => {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) this.#gone();
    else this.#fail(error);
  };

  /** Ends it before the source has ended. True for the first who calls it. */
  #letGo(): boolean {
    if (!this.#finish()) return false;
    this.#source?.close();
    return true;
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    // Not 'error': what was written last may fail later, and that must not end the process.
    this.#writable.off('close', this.#gone);
    this.#writable.off('drain', this.#drained);
    return true;
  }

  stop(): void {
    this.#letGo();
  }
  pause(): void {
    this.#source?.stop('pause');
  }
  play(): void {
    this.#source?.go('pause');
  }
}
