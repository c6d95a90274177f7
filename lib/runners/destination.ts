// A Writable of the user's, to which programs write. One set of listeners each, however many programs share it: a hundred
// that write to the same log raise no warnings, and all of them hear of its end.
import type { Writable } from 'node:stream';

/** What one who writes is told. */
export interface DestinationEvents {
  /** There is room again. */
  drained(): void;
  /** It takes no more: it failed, or was closed by somebody else. `error` is undefined when its reader went away. */
  ended(error: Error | undefined): void;
  /** All that this one wrote has been taken. */
  flushed(): void;
}

/** A place to write for one program. */
export interface Destination {
  /** False asks for a pause until `drained`. */
  write(chunk: Buffer): boolean;
  /** Whether something written has not been taken yet. */
  readonly busy: boolean;
  /** Writes no more, and hears nothing more. */
  leave(): void;
}

const GONE = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Whether it takes no more; one of an old kind never says so. */
export function isClosed(writable: Writable): boolean {
  return writable.writable === false || writable.destroyed === true;
}

/** Begins to write to it. */
export function destination(writable: Writable, events: DestinationEvents): Destination {
  let shared = all.get(writable);
  if (shared === undefined) all.set(writable, (shared = new Shared(writable)));
  return new Writer(shared, events);
}

const all = new WeakMap<Writable, Shared>();

class Shared {
  readonly writable: Writable;
  readonly writers = new Set<Writer>();
  #listening = false;

  constructor(writable: Writable) {
    this.writable = writable;
  }

  add(writer: Writer): void {
    this.writers.add(writer);
    if (this.#listening) return;
    this.#listening = true;
    this.writable.on('drain', this.#drained);
    this.writable.on('error', this.#failed);
    this.writable.on('close', this.#closed);
  }

  remove(writer: Writer): void {
    this.writers.delete(writer);
    if (this.writers.size > 0) return;
    // A late error of what was written last must not end the process.
    setImmediate(() => {
      if (this.writers.size > 0) return;
      this.#listening = false;
      this.writable.off('drain', this.#drained);
      this.writable.off('error', this.#failed);
      this.writable.off('close', this.#closed);
    });
  }

  readonly #drained = (): void => {
    for (const writer of this.writers) writer.events.drained();
  };
  readonly #failed = (error: Error): void => {
    const gone = GONE.has((error as NodeJS.ErrnoException).code ?? '');
    for (const writer of this.writers) writer.ended(gone ? undefined : error);
  };
  readonly #closed = (): void => {
    for (const writer of this.writers) writer.ended(undefined);
  };
}

class Writer implements Destination {
  readonly events: DestinationEvents;
  readonly #shared: Shared;
  #pending = 0;
  #over = false;

  constructor(shared: Shared, events: DestinationEvents) {
    this.#shared = shared;
    this.events = events;
    shared.add(this);
  }

  get busy(): boolean {
    return this.#pending > 0 && !this.#over;
  }

  write(chunk: Buffer): boolean {
    if (this.#over) return true;
    const { writable } = this.#shared;
    if (isClosed(writable)) {
      this.ended(undefined);
      return true;
    }
    // One of an old kind knows no callbacks.
    if (typeof writable.writableLength !== 'number') return writable.write(chunk);
    this.#pending++;
    return writable.write(chunk, this.#taken);
  }

  readonly #taken = (): void => {
    if (--this.#pending === 0 && !this.#over) this.events.flushed();
  };

  ended(error: Error | undefined): void {
    if (this.#over) return;
    this.leave();
    this.events.ended(error);
  }

  leave(): void {
    this.#over = true;
    this.#shared.remove(this);
  }
}
