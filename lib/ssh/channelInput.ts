// What is written to a command on another machine, as far as its channel has room.
import { Writable } from 'node:stream';
import type { Channel } from './channel.ts';

/** The stdin of a command. */
export class ChannelInput extends Writable {
  readonly #channel: Channel;
  #rest: Buffer | undefined;
  #done: ((error?: Error | null) => void) | undefined;
  #over = false;

  constructor(channel: Channel) {
    super({ decodeStrings: true });
    this.#channel = channel;
  }

  /** There is room. */
  flow(): void {
    if (this.#rest === undefined) return;
    const size = this.#channel.write(this.#rest);
    this.#rest = this.#rest.subarray(size);
    if (this.#rest.length > 0) return;
    const done = this.#done!;
    this.#rest = this.#done = undefined;
    done();
  }

  /** Nobody reads any more. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.#rest = undefined;
    this.#done?.(Object.assign(new Error('the command reads no more'), { code: 'EPIPE' }));
    this.destroy();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#rest = chunk;
    this.#done = done;
    this.flow();
  }

  override _final(done: () => void): void {
    this.#channel.eof();
    done();
  }
}
