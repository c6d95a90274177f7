// Chunks of bytes to lines: the hot path of every program. A newline is never inside a multi-byte character, so whatever
// ends at one decodes on its own: no decoder state, no string that grows by each chunk. Only the unfinished line is kept,
// as bytes, hence linear in a line's length and bounded by `maxLine` (L5).
import { constants, isAscii } from 'node:buffer';
import type { Lines } from '../kernel/index.ts';

/** How a LineSplitter reads bytes. */
export interface LineOptions {
  /** Default 'utf8'; invalid bytes become U+FFFD. 'latin1' gives every byte whole, as the character of its number. */
  readonly encoding?: 'utf8' | 'latin1';
  /** The longest line allowed, in bytes without its newline. Default: as long as a string can be. */
  readonly maxLine?: number;
}

/**
 * Bytes that become strings together. A line of 13 characters or more is a slice that keeps what it was cut from alive,
 * so one kept line pins this much and not a chunk of 64 KiB. Smaller costs: at 16 KiB 5 % of the rate for short lines,
 * at 4 KiB twice that and half the rate for long ones; copying each line would halve the rate.
 */
const BLOCK = 16 * 1024;

/** What an unfinished line is kept in: a buffer that grows to this size, then more of them. */
const PIECE = 1024 * 1024;

/** An emptied buffer up to this size is kept for the next unfinished line. */
const KEEP = 64 * 1024;

/** A first line up to this length, in characters, is given with those behind it. */
const SHORT = 1024;

const EMPTY = Buffer.alloc(0);
const LF = 10;
const CR = 13;

/** Takes lines, those of one block of so many bytes. */
export type Give = (lines: Lines, bytes: number) => void;

/**
 * Splits at '\n' and '\r\n', as split2 does by default: nothing else ends a line (neither a lone CR nor U+2028), empty
 * lines, NUL and BOM stay, the last line needs no newline. Where the chunks are cut makes no difference.
 */
export class LineSplitter {
  readonly #rest = new Rest();
  #overflow = false;
  readonly #encoding: 'utf8' | 'latin1';
  readonly #maxLine: number;

  constructor({ encoding = 'utf8', maxLine = Infinity }: LineOptions = {}) {
    this.#encoding = encoding;
    this.#maxLine = Math.min(maxLine, constants.MAX_STRING_LENGTH);
  }

  /** True once a line was longer than `maxLine`: the lines before it have been given, nothing more will be. */
  get overflow(): boolean {
    return this.#overflow;
  }

  /** How many bytes of an unfinished line rest here. */
  get resting(): number {
    return this.#rest.size;
  }

  /** Gives the lines that end in this chunk. The chunk isn't kept: its memory may be used again. */
  push(chunk: Buffer, give: Give): void {
    if (this.#overflow) return;
    const last = chunk.lastIndexOf(LF);
    if (last === -1) {
      this.#keep(chunk, 0);
      return;
    }
    let first: string | undefined;
    let from = 0;
    if (this.#rest.size > 0) {
      const end = chunk.indexOf(LF);
      first = this.#finish(chunk, end);
      if (first === undefined) return;
      from = end + 1;
      // One that still ends in a CR would lose that too among the others.
      if (first.length > SHORT || from > last || first.endsWith('\r')) {
        give([first], end + 1);
        first = undefined;
      }
    }
    const end = last - from > this.#maxLine ? this.#endOfFitting(chunk, from, last) : last;
    if (from <= end) this.#split(chunk, from, end, first, give);
    else if (first !== undefined) give([first], from);
    if (!this.#overflow) this.#keep(chunk, last + 1);
  }

  /** The last line, if it had no newline. */
  end(): string[] {
    const { size } = this.#rest;
    if (size > this.#maxLine) this.#fail();
    return this.#rest.size === 0 ? [] : [this.#rest.take(this.#encoding, size)];
  }

  /** The unfinished line as far as it goes, without the beginning of a character that isn't complete. */
  partial(): string {
    const bytes = this.#rest.bytes();
    return bytes.toString(this.#encoding, 0, this.#encoding === 'utf8' ? wholeCharacters(bytes) : bytes.length);
  }

  /** Splits what is between `from` and the newline at `end`, behind a first line. */
  #split(chunk: Buffer, from: number, end: number, first: string | undefined, give: Give): void {
    while (from <= end) {
      let stop = from + BLOCK < end ? chunk.indexOf(LF, from + BLOCK) : end;
      if (stop > end) stop = end;
      let text = chunk.toString(this.#encoding, from, stop);
      if (first !== undefined) text = `${first}\n${text}`;
      first = undefined;
      give(() => linesOf(text), stop + 1 - from);
      from = stop + 1;
    }
  }

  /** The resting line with its end in the chunk, or undefined where it is too long. */
  #finish(chunk: Buffer, end: number): string | undefined {
    const size = this.#rest.size + end;
    const before = end > 0 ? chunk[end - 1] : this.#rest.last;
    const length = before === CR ? size - 1 : size;
    if (length > this.#maxLine) {
      this.#fail();
      return undefined;
    }
    this.#rest.append(chunk, 0, end);
    return this.#rest.take(this.#encoding, length);
  }

  /** The newline before the first line that is too long (that of `last` where none is), or `from - 1`. */
  #endOfFitting(chunk: Buffer, from: number, last: number): number {
    let start = from;
    while (start <= last) {
      const end = chunk.indexOf(LF, start);
      const length = end > start && chunk[end - 1] === CR ? end - 1 - start : end - start;
      if (length > this.#maxLine) {
        this.#fail();
        break;
      }
      start = end + 1;
    }
    return start - 1;
  }

  #keep(chunk: Buffer, from: number): void {
    if (from === chunk.length) return;
    const size = this.#rest.size + chunk.length - from;
    // One byte more may rest where it is a CR: with a newline behind it, it isn't of the line.
    if (size > this.#maxLine + (chunk[chunk.length - 1] === CR ? 1 : 0)) this.#fail();
    else this.#rest.append(chunk, from, chunk.length);
  }

  #fail(): void {
    this.#overflow = true;
    this.#rest.clear();
  }
}

/** The bytes of an unfinished line. Small chunks share a buffer, so they cost no object each; no byte is copied often. */
class Rest {
  size = 0;
  #full: Buffer[] = [];
  #open: Buffer = EMPTY;
  #used = 0;

  get last(): number | undefined {
    return this.#open[this.#used - 1];
  }

  append(chunk: Buffer, from: number, end: number): void {
    const length = end - from;
    if (this.#used + length > this.#open.length) this.#reserve(length);
    chunk.copy(this.#open, this.#used, from, end);
    this.#used += length;
    this.size += length;
  }

  bytes(): Buffer {
    const open = this.#open.subarray(0, this.#used);
    return this.#full.length === 0 ? open : Buffer.concat([...this.#full, open], this.size);
  }

  take(encoding: 'utf8' | 'latin1', length: number): string {
    const bytes = this.bytes();
    // Of a megabyte of ASCII, 'latin1' makes the same string ten times as fast.
    const line = bytes.toString(length > KEEP && isAscii(bytes) ? 'latin1' : encoding, 0, length);
    this.clear();
    return line;
  }

  clear(): void {
    if (this.#open.length > KEEP) this.#open = EMPTY;
    this.#full = [];
    this.#used = 0;
    this.size = 0;
  }

  #reserve(length: number): void {
    const wanted = this.#used + length;
    if (wanted <= PIECE) {
      const grown = Buffer.allocUnsafe(Math.min(PIECE, Math.max(wanted, this.#open.length * 4, 128)));
      this.#open.copy(grown, 0, 0, this.#used);
      this.#open = grown;
    } else {
      if (this.#used > 0) this.#full.push(this.#open.subarray(0, this.#used));
      this.#open = Buffer.allocUnsafe(Math.max(PIECE, length));
      this.#used = 0;
    }
  }
}

function linesOf(text: string): string[] {
  // `split` is the fastest by far where no CR has to go; slicing twice would be slower than the loop.
  return text.includes('\r') ? withoutReturns(text) : text.split('\n');
}

function withoutReturns(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    lines.push(text.substring(start, text.charCodeAt(end - 1) === CR ? end - 1 : end));
    start = end + 1;
  }
  lines.push(text.substring(start, text.charCodeAt(text.length - 1) === CR ? text.length - 1 : text.length));
  return lines;
}

/** How many bytes make whole characters: less than all only where the last one may go on. */
function wholeCharacters(bytes: Buffer): number {
  const size = bytes.length;
  for (let back = 1; back <= 3 && back <= size; back++) {
    const byte = bytes[size - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? size - back : size;
  }
  return size;
}
