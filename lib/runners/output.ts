// One output stream of a program: read when its readers keep up, cut into lines, captured within bounds, and copied to a
// destination if it has one. Knows nothing of processes.
//
// It ends in two steps: the pipe is closed, then all that came has been reported and taken by its destination.
import type { Writable } from 'node:stream';
import type { Clock, OutputPipe, Sink, StreamName } from '../kernel/index.ts';
import { MASK } from '../kernel/secrets.ts';
import { destination, type Destination } from './destination.ts';
import { LineSplitter, type Give } from './lines.ts';
import { TransformSplitter, type Split } from './split.ts';
import { Capture, TAIL } from './tail.ts';

/** What is asked of an output stream. */
export interface OutputOptions {
  readonly name: StreamName;
  readonly encoding: 'utf8' | 'latin1';
  /** Bytes. */
  readonly maxLine: number;
  /** Bytes kept for the result. */
  readonly capture: number;
  /** Whether its last lines are kept for messages. */
  readonly tail: boolean;
  /** Milliseconds that an unfinished line rests before it is reported as such. */
  readonly partial: number | undefined;
  readonly split: Split | undefined;
  /** Gets the bytes; then there are no lines. */
  readonly destination: Writable | undefined;
}

/** What an Output tells its program. */
export interface OutputEvents {
  /** A chunk of so many bytes was read. */
  read(bytes: number): void;
  /** Reading was stopped, or goes on. */
  flows(open: boolean): void;
  /** The pipe is closed; more may be reported of what came. */
  closed(): void;
  /** All has been reported and taken. */
  ended(): void;
  overflow(): void;
  splitFailed(error: Error): void;
  /** The destination takes no more; `error` is undefined when its reader went away. */
  destinationEnded(error: Error | undefined): void;
}

/** Reads one stream of a program. */
export class Output {
  readonly #captured: Capture;
  /** What messages show, where less is captured. */
  readonly #tail: Capture;
  readonly #options: OutputOptions;
  readonly #sink: Sink<any>;
  readonly #clock: Clock;
  readonly #events: OutputEvents;
  /** Undefined where there are no lines. */
  readonly #splitter: LineSplitter | undefined;
  readonly #transform: TransformSplitter | undefined;
  readonly #destination: Destination | undefined;
  #readable: OutputPipe | undefined;
  /** Reasons not to read now. */
  readonly #stops = new Set<string>();
  #forced = false;
  #closed = false;
  #splitEnded = true;
  /** The split ended by itself, before the output did, and whether something came after that. */
  #endedEarly = false;
  #unread = false;
  #ended = false;
  #cancelPartial: (() => void) | undefined;

  constructor(options: OutputOptions, sink: Sink<any>, clock: Clock, events: OutputEvents) {
    this.#options = options;
    this.#sink = sink;
    this.#clock = clock;
    this.#events = events;
    const { capture, tail } = options;
    this.#captured = new Capture(capture);
    this.#tail = capture >= 2 * TAIL || !tail ? this.#captured : new Capture(2 * TAIL);
    const { encoding, maxLine, split, destination: to } = options;
    if (split !== undefined) {
      this.#splitEnded = false;
      this.#transform = new TransformSplitter(split, {
        items: (items) => this.#items(items),
        error: (error) => this.#splitOver(() => events.splitFailed(error)),
        drain: () => this.go('split'),
        end: () => this.#splitOver(),
      });
    } else if (to === undefined) this.#splitter = new LineSplitter({ encoding, maxLine });
    if (to !== undefined) {
      this.#destination = destination(to, {
        drained: () => this.go('destination'),
        ended: (error) => {
          this.go('destination');
          if (!this.#ended) events.destinationEnded(error);
          this.#check();
        },
        flushed: () => this.#check(),
      });
    }
  }

  /** The pipe is closed, or nobody reads it any more. */
  get closed(): boolean {
    return this.#closed;
  }
  get name(): StreamName {
    return this.#options.name;
  }
  get ended(): boolean {
    return this.#ended;
  }
  /** Reading is stopped: silence says nothing about the program. */
  get stopped(): boolean {
    return this.#stops.size > 0;
  }

  open(readable: OutputPipe): void {
    this.#readable = readable;
    if (this.#closed) {
      readable.on('error', () => {}).destroy();
      return;
    }
    readable.on('data', this.#data);
    readable.on('end', this.#close);
    // A pipe that fails has nothing more to give.
    readable.on('error', this.#close);
    readable.on('close', this.#close);
    if (this.stopped) readable.pause();
  }

  /** Stops reading for a reason, until the same reason is gone. */
  stop(why: string): void {
    if (this.#forced) return;
    const before = this.stopped;
    this.#stops.add(why);
    if (why !== 'split') this.#transform?.pause();
    if (before || this.#closed) return;
    this.#readable?.pause();
    this.#events.flows(false);
  }
  go(why: string): void {
    if (!this.#stops.delete(why)) return;
    if (!this.stopped || (this.#stops.size === 1 && this.#stops.has('split'))) this.#transform?.play();
    if (this.stopped || this.#closed) return;
    this.#readable?.resume();
    this.#events.flows(true);
  }
  /** Reads on whatever the reasons against it, from now on. */
  force(): void {
    this.#forced = true;
    for (const why of this.#stops) this.go(why);
  }

  /** Reads no more: what was read so far is all. */
  close(): void {
    this.#letGo();
    this.#readable?.destroy();
    this.#close();
  }

  /** Reads no more, but doesn't close the pipe: gives it, where it is open. */
  release(): OutputPipe[] {
    if (this.#closed || this.#readable === undefined) return [];
    this.#letGo();
    this.#close();
    return [this.#readable];
  }

  /** Ends now: waits neither for the split nor for the destination. */
  abandon(): void {
    this.close();
    this.#transform?.destroy();
    this.#splitEnded = true;
    this.#destination?.leave();
    this.#check();
  }

  /** What was captured; undefined where nothing was to be. */
  get captured(): Capture | undefined {
    return this.#options.capture > 0 ? this.#captured : undefined;
  }

  /** The last lines, as they may be shown: `mask` sees more than that, so that no half of a secret is left at the beginning. */
  lastLines(mask: (text: string) => string): string {
    if (!this.#options.tail) return '';
    const text = this.#tail.lastLines(2 * TAIL, this.#options.encoding);
    let all = mask(text);
    const cut = this.#tail.truncated > 0 || this.#tail.size > 2 * TAIL;
    // The end of one long line: masked it is shorter, and what is before the first mask may be a half.
    if (cut && all !== text && !text.includes('\n')) all = all.slice(all.indexOf(MASK));
    if (all.length <= TAIL) return all;
    const from = all.indexOf('\n', all.length - TAIL - 1) + 1;
    return all.slice(from > 0 && from < all.length ? from : all.length - TAIL);
  }

  #letGo(): void {
    this.#readable?.off('data', this.#data).off('end', this.#close).off('close', this.#close);
  }

  readonly #give: Give = (lines, bytes) => this.#sink.lines(this.#options.name, lines, bytes);

  readonly #data = (chunk: Buffer): void => {
    const { partial } = this.#options;
    this.#captured.push(chunk);
    if (this.#tail !== this.#captured) this.#tail.push(chunk);
    if (this.#destination?.write(chunk) === false) this.stop('destination');
    if (this.#transform !== undefined) {
      if (this.#splitEnded) this.#unread = this.#endedEarly;
      else if (!this.#transform.write(chunk)) this.stop('split');
    } else if (this.#splitter !== undefined) {
      this.#splitter.push(chunk, this.#give);
      if (this.#splitter.overflow) this.#events.overflow();
      if (partial !== undefined) this.#rest(partial);
    }
    this.#events.read(chunk.length);
  };

  #rest(after: number): void {
    this.#cancelPartial?.();
    this.#cancelPartial = undefined;
    if (this.#splitter!.resting === 0) return;
    this.#cancelPartial = this.#clock.after(after, () => {
      const text = this.#splitter!.partial();
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

  #splitOver(tell?: () => void): void {
    this.#splitEnded = true;
    this.#endedEarly = tell === undefined && !this.#closed;
    this.go('split');
    tell?.();
    this.#check();
  }

  readonly #close = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelPartial?.();
    this.#transform?.end();
    if (this.#splitter !== undefined) {
      const last = this.#splitter.end();
      if (last.length > 0) this.#sink.lines(this.#options.name, last);
      if (this.#splitter.overflow) this.#events.overflow();
    }
    this.#events.closed();
    this.#check();
  };

  #check(): void {
    if (this.#ended || !this.#closed || !this.#splitEnded || this.#destination?.busy === true) return;
    this.#ended = true;
    this.#destination?.leave();
    if (this.#unread) this.#sink.note('the split ended before the output did; what came later was dropped');
    this.#events.ended();
  }
}
