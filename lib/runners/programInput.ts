// The stdin of a program: fed from what it was given, or open for what is sent.
import type { Writable } from 'node:stream';
import { show } from '../kernel/runnable.ts';
import { feedInput, type Feeding, type Input } from './input.ts';
import { isIterable, isReadable, reader, readOnce } from './reader.ts';

/** Sources that begin once, and have: the second program that is given the same one is told. */
const begun = new WeakSet<object>();

/** Throws a TypeError where a source that can be read only once has been read. To be called before anything is started. */
export function takeInput(input: unknown): void {
  const why = readOnce(input);
  if (why === undefined || (input as { fd?: unknown }).fd === 0) return; // Node's own stdin is everybody's
  if (begun.has(input as object)) throw new TypeError(`program: stdin was read before: ${why}`);
  begun.add(input as object);
}

/** Lets go of a source that will not be read: a file that a stream has open is closed. */
export function letGo(input: unknown): void {
  if (readOnce(input) === undefined || begun.has(input as object)) return;
  begun.add(input as object);
  if (isReadable(input) || isIterable(input)) reader(input).close();
}

/** Feeds a program, from its start to its end. */
export class ProgramInput {
  /** Undefined where things are sent. */
  readonly #source: Input | undefined;
  readonly #failed: (cause: Error) => void;
  #stdin: Writable | undefined;
  #feeding: Feeding | undefined;
  #over = false;
  /** Whether `end` was called. */
  ended = false;
  /** What was sent before it had started, and how many bytes (or characters) that is. */
  #unsent: ((stdin: Writable) => void)[] = [];
  #waiting = 0;

  /** `failed`: the source failed. A program that doesn't read what it is given is no error. */
  constructor(source: Input | 'pipe', failed: (cause: Error) => void) {
    this.#source = source === 'pipe' ? undefined : source;
    this.#failed = failed;
    takeInput(this.#source);
  }

  open(stdin: Writable): void {
    this.#stdin = stdin;
    stdin.on('error', () => {}); // a reader that goes away
    if (this.#source !== undefined && !this.#over)
      this.#feeding = feedInput(stdin, this.#source, { onError: this.#failed });
    for (const act of this.#unsent) act(stdin);
    this.#unsent = [];
  }

  /** A line, or bytes as they are. Nothing happens when the program takes no more. */
  send(item: unknown): void {
    const written = typeof item === 'string' ? (item.endsWith('\n') ? item : `${item}\n`) : item;
    if (typeof written !== 'string' && !(written instanceof Uint8Array))
      throw new TypeError(`send: a program takes strings (lines) and bytes, got ${show(item)}`);
    this.#waiting += this.#stdin === undefined ? written.length : 0;
    this.#act((stdin) => stdin.write(written));
  }
  end(): void {
    this.ended = true;
    this.#act((stdin) => stdin.end());
  }
  #act(act: (stdin: Writable) => void): void {
    if (this.#stdin === undefined) this.#unsent.push(act);
    else if (this.#stdin.writable) act(this.#stdin);
  }

  /** Bytes that were sent and that the program has not read. */
  get unread(): number {
    return this.#stdin?.writableLength ?? this.#waiting;
  }

  /** Whether things can be sent. */
  get sendable(): boolean {
    return this.#source === undefined;
  }

  /** Reads no more of its source. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#feeding !== undefined) this.#feeding.stop();
    else if (this.#stdin === undefined && isReadable(this.#source)) reader(this.#source).close();
  }

  /** The program has exited: nobody reads any more. */
  close(): void {
    this.stop();
    this.#stdin?.destroy();
  }
}
