// Standard input for many: read once, given to each from its beginning on, also to who begins later.
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** More than this goes to a file without a name. */
const MEMORY = 8 * 1024 * 1024;
/** Given at once. */
const PIECE = 64 * 1024;

/**
 * What a stream has said. It is read when the fastest reader wants more, so nobody waits for a slow one, and one that is never
 * read takes nothing out of it.
 */
export class Spool {
  readonly #source: Readable;
  #iterator: AsyncIterator<Buffer> | undefined;
  #chunks: Buffer[] = [];
  #fd: number | undefined;
  #size = 0;
  #ended = false;
  #over = false;
  #error: Error | undefined;
  /** A read that is under way. */
  #more: Promise<void> | undefined;

  constructor(source: Readable) {
    this.#source = source;
    source.on('error', () => {}); // its readers are told
  }

  /** All of it, for one of them. Throws the error of the source, in its place. */
  async *reader(): AsyncGenerator<Buffer, void> {
    for (let at = 0; ;) {
      if (at < this.#size) {
        const piece = this.#piece(at);
        at += piece.length;
        yield piece;
      } else if (this.#error !== undefined) throw this.#error;
      else if (this.#ended || this.#over) return;
      else await (this.#more ??= this.#read());
    }
  }

  /** Nobody wants more of it. */
  close(): void {
    this.#over = true;
    this.#source.destroy();
    this.#chunks = [];
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#size = 0;
  }

  async #read(): Promise<void> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const { value, done } = await this.#iterator.next();
      if (done === true) this.#ended = true;
      else if (!this.#over) this.#keep(Buffer.from(value));
    } catch (error) {
      if (!this.#over) this.#error = error as Error;
    } finally {
      this.#more = undefined;
    }
  }

  #keep(chunk: Buffer): void {
    if (this.#fd === undefined && this.#size + chunk.length > MEMORY) {
      const path = join(tmpdir(), `sluice-stdin-${process.pid}`);
      this.#fd = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
      let at = 0;
      for (const one of this.#chunks.splice(0)) at += this.#write(one, at);
    }
    if (this.#fd === undefined) this.#chunks.push(chunk);
    else this.#write(chunk, this.#size);
    this.#size += chunk.length;
  }

  #write(chunk: Buffer, at: number): number {
    for (let done = 0; done < chunk.length;) done += writeSync(this.#fd!, chunk, done, chunk.length - done, at + done);
    return chunk.length;
  }

  #piece(at: number): Buffer {
    if (this.#fd !== undefined) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, this.#size - at));
      return piece.subarray(0, readSync(this.#fd, piece, 0, piece.length, at));
    }
    let before = 0;
    for (const chunk of this.#chunks) {
      if (at < before + chunk.length) return chunk.subarray(at - before);
      before += chunk.length;
    }
    throw new Error('unreachable');
  }
}
