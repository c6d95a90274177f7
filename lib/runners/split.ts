// The adapter for a custom `split:`. Any Transform will do (split2(/\0/), split2(JSON.parse), one of the user's own): bytes
// go in, what it gives are the items.
import type { Transform } from 'node:stream';
import { toError } from '../kernel/error.ts';

/** A Transform that cuts or maps bytes; as a function it is made anew for every run. */
export type Split = Transform | (() => Transform);

/** Where a TransformSplitter tells what its Transform does. After `error` or `end`, whichever comes first, nothing. */
export interface SplitSink {
  items(items: readonly unknown[]): void;
  /** It failed: by its 'error', by a throw of its code, or by closing before its end. */
  error(error: Error): void;
  /** After `write` returned false: there is room again. */
  drain(): void;
  /**
   * Its last item has been given. It may end before the bytes do (split2(JSON.parse) ends at a `null`); what is written
   * later is dropped, which is worth a note where it wasn't meant.
   */
  end(): void;
}

/** A Transform can't begin again, so the second run that is given the same one is told. */
const used = new WeakSet<Transform>();

/** Feeds a Transform and collects what it gives, in order. */
export class TransformSplitter {
  readonly #transform: Transform;
  readonly #sink: SplitSink;
  #items: unknown[] = [];
  #flushing = false;
  /**
   * Chunks are handed over one by one, the next when the Transform has called back: then its code only runs inside a
   * `write` of ours, where a throw can be caught; from Node's own queue it would be an uncaught exception.
   */
  readonly #queue: Buffer[] = [];
  #busy = false;
  #full = false;
  #ending = false;
  #done = false;

  /** @throws TypeError where `split` is no Transform, or one that another run has used */
  constructor(split: Split, sink: SplitSink) {
    const transform = typeof split === 'function' ? split() : split;
    if (!isTransform(transform)) {
      throw new TypeError(`split: give a Transform or a function that makes one, not ${describe(transform)}`);
    }
    if (used.has(transform) || transform.writableEnded || transform.readableEnded || transform.destroyed) {
      throw new TypeError(
        'split: this Transform was used before, and none can begin again; give a function that makes one: split: () => split2(…)',
      );
    }
    used.add(transform);
    this.#transform = transform;
    this.#sink = sink;
    // Stays when all is over, so that a late error isn't an uncaught exception.
    transform.on('error', (error) => this.#fail(error));
    transform.on('data', (item) => this.#add(item));
    transform.on('end', () => this.#finish());
    transform.on('close', () => this.#fail(new Error('split: the Transform was closed before its end')));
  }

  /** False asks for a pause until `drain`; the chunk is taken nevertheless. */
  write(chunk: Buffer): boolean {
    if (this.#done) return true;
    if (!this.#busy) {
      this.#send(chunk);
      return true;
    }
    this.#queue.push(chunk);
    this.#full = true;
    return false;
  }

  /** No more bytes. What the Transform still has follows, then `end`. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#busy) this.#close();
  }

  /** Holds the items back; the Transform stops taking bytes when its own buffer is full. */
  pause(): void {
    this.#transform.pause();
  }

  /** Takes `pause` back. */
  play(): void {
    this.#transform.resume();
  }

  /** Ends it at once and tells nothing more. */
  destroy(): void {
    this.#done = true;
    this.#queue.length = 0;
    this.#items = [];
    this.#transform.destroy();
  }

  #send(chunk: Buffer): void {
    this.#busy = true;
    // Failures come by the 'error' event too.
    this.#guard(() => this.#transform.write(chunk, (error) => error || this.#sent()));
    // What this chunk made goes in one piece, and at once.
    this.#flush();
  }

  #sent(): void {
    this.#busy = false;
    if (this.#done) return;
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#send(next);
    } else if (this.#ending) {
      this.#close();
    } else if (this.#full) {
      this.#full = false;
      this.#sink.drain();
    }
  }

  #close(): void {
    if (!this.#done) this.#guard(() => this.#transform.end());
  }

  #guard(code: () => void): void {
    try {
      code();
    } catch (thrown) {
      this.#fail(toError(thrown));
    }
  }

  #add(item: unknown): void {
    if (this.#done) return;
    this.#items.push(item);
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#sink.items(items);
  }

  #finish(): void {
    if (this.#done) return;
    this.#flush();
    this.#over();
    this.#sink.end();
  }

  #fail(error: Error): void {
    if (this.#done) return;
    this.#flush();
    this.#over();
    this.#transform.destroy();
    this.#sink.error(error);
  }

  #over(): void {
    this.#done = true;
    this.#queue.length = 0;
    if (this.#full) {
      this.#full = false;
      this.#sink.drain();
    }
  }
}

/** By its methods, since libraries bring Transforms of readable-stream's too. */
function isTransform(value: unknown): value is Transform {
  if (typeof value !== 'object' || value === null) return false;
  const methods = value as Record<string, unknown>;
  return ['write', 'end', 'on', 'pause', 'resume', 'destroy'].every((name) => typeof methods[name] === 'function');
}

function describe(value: unknown): string {
  return value instanceof RegExp ? `${value} (split2(${value}) is one)` : value === null ? 'null' : typeof value;
}
