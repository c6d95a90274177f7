// What is kept of a stream of bytes: its end, within a limit (L5).
import { constants } from 'node:buffer';

const LF = 10;
const CR = 13;

/** Bytes kept of every stream, for messages. */
export const TAIL = 8 * 1024;
/** Bytes kept for a result, unless the option `capture` says otherwise. */
export const CAPTURE = 16 * 1024 * 1024;

/**
 * The last `limit` bytes of what was pushed. A ring: it grows by doubling up to the limit, then the oldest bytes are
 * written over, so the time is linear in the bytes and the memory at most the limit, whatever the size of the chunks.
 */
export class Capture {
  #ring: Buffer = Buffer.alloc(0);
  /** Where the oldest byte is; 0 until the ring has its final size. */
  #start = 0;
  #size = 0;
  #truncated = 0;
  readonly #limit: number;

  /** @param limit in bytes; Infinity is as much as fits into a string. */
  constructor(limit: number) {
    this.#limit = Math.min(limit, constants.MAX_STRING_LENGTH);
  }

  /** How many bytes are kept. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes were dropped from the front. */
  get truncated(): number {
    return this.#truncated;
  }

  /** Copies the chunk: its memory may be used again. */
  push(chunk: Buffer): void {
    const excess = this.#size + chunk.length - this.#limit;
    if (excess > 0) this.#truncated += excess;
    const from = Math.max(0, chunk.length - this.#limit);
    const length = chunk.length - from;
    this.#reserve(this.#size + length);
    const capacity = this.#ring.length;
    if (capacity === 0) return;
    const end = (this.#start + this.#size) % capacity;
    const copied = chunk.copy(this.#ring, end, from);
    if (copied < length) chunk.copy(this.#ring, 0, from + copied);
    const over = Math.max(0, this.#size + length - capacity);
    this.#start = (this.#start + over) % capacity;
    this.#size += length - over;
  }

  /** A copy of the bytes kept. */
  bytes(): Buffer {
    return this.#last(this.#size);
  }

  /**
   * The bytes kept, as text. What was truncated in the middle of a UTF-8 character begins with the next one.
   *
   * @param stripFinalNewline leaves out one '\n' or '\r\n' at the very end
   */
  text(encoding: 'utf8' | 'latin1' = 'utf8', stripFinalNewline = false): string {
    return decode(this.bytes(), encoding, stripFinalNewline, this.#truncated > 0);
  }

  /** The last whole lines that fit into `limit` bytes, without the final newline; the end of the last one if it doesn't fit. */
  lastLines(limit = TAIL, encoding: 'utf8' | 'latin1' = 'utf8'): string {
    // The byte before tells whether the first line is whole.
    const before = this.#size > limit ? 1 : 0;
    const cut = before === 1 || this.#truncated > 0;
    const bytes = this.#last(Math.min(this.#size, limit + 1));
    const first = cut ? bytes.indexOf(LF) : -1;
    // Behind a newline at the very end there is nothing to show.
    const whole = first !== -1 && first < bytes.length - 1;
    return decode(bytes.subarray(whole ? first + 1 : before), encoding, true, cut && !whole);
  }

  #last(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    if (size === 0) return bytes;
    const from = (this.#start + this.#size - size) % this.#ring.length;
    const copied = this.#ring.copy(bytes, 0, from, Math.min(from + size, this.#ring.length));
    if (copied < size) this.#ring.copy(bytes, copied, 0, size - copied);
    return bytes;
  }

  #reserve(size: number): void {
    if (size <= this.#ring.length || this.#ring.length === this.#limit) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(size, this.#ring.length * 2, 128)));
    this.#ring.copy(grown, 0, 0, this.#size);
    this.#ring = grown;
  }
}

function decode(bytes: Buffer, encoding: 'utf8' | 'latin1', stripFinalNewline: boolean, cut: boolean): string {
  let from = 0;
  if (cut && encoding === 'utf8') while (from < 3 && (bytes[from]! & 0xc0) === 0x80) from++;
  let end = bytes.length;
  if (stripFinalNewline && end > from && bytes[end - 1] === LF) {
    end--;
    if (end > from && bytes[end - 1] === CR) end--;
  }
  return bytes.toString(encoding, from, end);
}
