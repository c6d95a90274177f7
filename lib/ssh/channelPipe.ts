// What a remote command writes, as it comes out of a channel: paused, what came waits here, and the channel's window, which is
// given back as it is taken, makes the other side wait.
import { EventEmitter } from 'node:events';
import type { OutputPipe } from '../kernel/index.ts';

/** One output stream of a channel. It emits 'data' (a Buffer), 'end' and 'close'. */
export class ChannelPipe extends EventEmitter implements OutputPipe {
  readonly #taken: (bytes: number) => void;
  readonly #waiting: Buffer[] = [];
  #flowing: boolean | null = null;
  #ended = false;
  #over = false;

  /** `taken` is told of the bytes that a listener has got, or that nobody will. */
  constructor(taken: (bytes: number) => void) {
    super();
    this.#taken = taken;
  }

  get readableFlowing(): boolean | null {
    return this.#flowing;
  }

  override on(event: string, listener: (...args: any[]) => void): this {
    super.on(event, listener);
    if (event === 'data' && this.#flowing === null) this.resume();
    return this;
  }

  push(chunk: Buffer): void {
    if (this.#over) this.#taken(chunk.length);
    else if (this.#flowing === true && this.#waiting.length === 0) this.#give(chunk);
    else this.#waiting.push(chunk);
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    if (this.#flowing === true) this.#flush();
  }

  pause(): this {
    this.#flowing = false;
    return this;
  }

  resume(): this {
    const before = this.#flowing;
    this.#flowing = true;
    // Not inside the call, as with a Readable.
    if (before !== true) queueMicrotask(() => this.#flush());
    return this;
  }

  /** Takes no more: what comes is dropped. */
  destroy(): this {
    if (this.#over) return this;
    this.#over = true;
    for (const chunk of this.#waiting.splice(0)) this.#taken(chunk.length);
    queueMicrotask(() => this.emit('close'));
    return this;
  }

  #flush(): void {
    while (this.#flowing === true && !this.#over && this.#waiting.length > 0) this.#give(this.#waiting.shift()!);
    if (this.#flowing !== true || this.#over || !this.#ended || this.#waiting.length > 0) return;
    this.#over = true;
    this.emit('end');
    this.emit('close');
  }

  #give(chunk: Buffer): void {
    this.#taken(chunk.length);
    this.emit('data', chunk);
  }
}
