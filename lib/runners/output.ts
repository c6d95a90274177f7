// One output stream of a program: read when its readers keep up, cut into lines, captured within bounds, and copied to a
// destination if it has one. Knows nothing of processes.
import type { Readable, Writable } from 'node:stream';
import type { Clock, Sink, StreamName } from '../kernel/index.ts';
import { LineSplitter } from './lines.ts';
import { TransformSplitter, type Split } from './split.ts';
import { Capture } from './tail.ts';

/** What is asked of an output stream. */
export interface OutputOptions {
  readonly name: StreamName;
  readonly encoding: 'utf8' | 'latin1';
  /** Bytes. */
  readonly maxLine: number;
  /** Bytes kept of its end. */
  readonly keep: number;
  /** Milliseconds that an unfinished line rests before it is reported as such. */
  readonly partial: number | undefined;
  readonly split: Split | undefined;
  readonly destination: Writable | undefined;
  /** False: bytes only pass through, to the destination. */
  readonly lines: boolean;
}

/** What an Output tells its program. */
export interface OutputEvents {
  /** A chunk was read. */
  read(): void;
  /** All that will come has been reported. */
  ended(): void;
  overflow(): void;
  /** The destination or the splitter failed. */
  failed(error: Error, what: 'split' | 'destination'): void;
  /** The destination takes no more; that is no failure by itself. */
  closed(): void;
}

/** Reads one stream of a program. */
export class Output {
  readonly captured: Capture;
  readonly #options: OutputOptions;
  readonly #sink: Sink<any>;
  readonly #clock: Clock;
  readonly #events: OutputEvents;
  readonly #splitter: LineSplitter;
  readonly #transform: TransformSplitter | undefined;
  #readable: Readable | undefined;
  /** Reasons not to read now. */
  readonly #stops = new Set<string>();
  #ended = false;
  #cancelPartial: (() => void) | undefined;
  #undoDestination: (() => void) | undefined;

  constructor(options: OutputOptions, sink: Sink<any>, clock: Clock, events: OutputEvents) {
    this.#options = options;
    this.#sink = sink;
    this.#clock = clock;
    this.#events = events;
    this.captured = new Capture(options.keep);
    this.#splitter = new LineSplitter({ encoding: options.encoding, maxLine: options.maxLine });
    if (options.split !== undefined) {
      this.#transform = new TransformSplitter(options.split, {
        items: (items) => this.#items(items),
        error: (error) => events.failed(error, 'split'),
        drain: () => this.go('split'),
        end: () => this.#finish(),
      });
    }
    if (options.destination !== undefined) this.#watch(options.destination);
  }

  get ended(): boolean {
    return this.#ended;
  }
  /** Reading is stopped: silence says nothing about the program. */
  get stopped(): boolean {
    return this.#stops.size > 0;
  }

  open(readable: Readable): void {
    this.#readable = readable;
    readable.on('data', (chunk: Buffer) => this.#data(chunk));
    readable.on('end', () => this.#end());
    // A pipe that fails has nothing more to give; a file that fails to be read is the spawner's to tell.
    readable.on('error', () => this.#end());
    readable.on('close', () => this.#end());
    if (this.stopped) readable.pause();
  }

  /** Stops reading for a reason, until the same reason is gone. */
  stop(why: string): void {
    this.#stops.add(why);
    this.#readable?.pause();
  }
  go(why: string): void {
    if (this.#stops.delete(why) && this.#stops.size === 0 && !this.#ended) this.#readable?.resume();
  }
  /** Reads on whatever the reasons against it. */
  force(): void {
    this.#stops.clear();
    if (!this.#ended) this.#readable?.resume();
  }

  /** Reads no more: what was read so far is all. */
  close(): void {
    this.#readable?.destroy();
    this.#end();
  }

  #data(chunk: Buffer): void {
    if (this.#ended) return;
    const { name, destination, lines, partial } = this.#options;
    this.captured.push(chunk);
    if (destination !== undefined && destination.writable && !destination.write(chunk)) this.stop('destination');
    if (this.#transform !== undefined) {
      if (!this.#transform.write(chunk)) this.stop('split');
    } else if (lines) {
      const cut = this.#splitter.push(chunk);
      if (cut.length > 0) this.#sink.lines(name, cut, chunk.length);
      if (this.#splitter.overflow) this.#events.overflow();
      if (partial !== undefined) this.#rest(partial);
    }
    this.#events.read();
  }

  #rest(after: number): void {
    this.#cancelPartial?.();
    this.#cancelPartial = undefined;
    if (this.#splitter.resting === 0) return;
    this.#cancelPartial = this.#clock.after(after, () => {
      const text = this.#splitter.partial();
      if (!this.#ended && text !== '') this.#sink.partial?.(this.#options.name, text);
    });
  }

  #items(items: readonly unknown[]): void {
    // Strings are lines, whatever cut them; a mapper's other values are items.
    let lines: string[] = [];
    const flush = (): void => {
      if (lines.length > 0) this.#sink.lines(this.#options.name, lines);
      lines = [];
    };
    for (const item of items) {
      if (typeof item === 'string') lines.push(item);
      else {
        flush();
        this.#sink.item(item);
      }
    }
    flush();
  }

  #end(): void {
    if (this.#ended) return;
    this.#cancelPartial?.();
    if (this.#transform !== undefined) {
      this.#transform.end();
      return;
    }
    if (this.#options.lines) {
      const last = this.#splitter.end();
      if (last.length > 0) this.#sink.lines(this.#options.name, last);
      if (this.#splitter.overflow) this.#events.overflow();
    }
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#undoDestination?.();
    this.#events.ended();
  }

  #watch(destination: Writable): void {
    const drain = (): void => this.go('destination');
    const error = (cause: Error): void => {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_DESTROYED') close();
      else this.#events.failed(cause, 'destination');
    };
    const close = (): void => {
      this.go('destination');
      if (!this.#ended) this.#events.closed();
    };
    destination.on('drain', drain);
    destination.on('error', error);
    destination.on('close', close);
    this.#undoDestination = () => {
      destination.off('drain', drain);
      destination.off('close', close);
      // A late error of what was written last still is this destination's own; it must not end the process.
      setImmediate(() => destination.off('error', error));
    };
  }
}
