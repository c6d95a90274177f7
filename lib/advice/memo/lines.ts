// The lines of a run, kept to be told again: the last ones, up to a limit.
import type { Said } from './entry.ts';

/** Bytes, with the end of the line. */
function sizeOf(line: string): number {
  return Buffer.byteLength(line) + 1;
}

/** Keeps the last lines. */
export class LastLines {
  readonly #limit: number;
  #said: [string, string[]][] = [];
  #bytes = 0;
  /** Lines that were let go. */
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(stream: string, lines: readonly string[]): void {
    const last = this.#said.at(-1);
    const chunk = last?.[0] === stream && last[1].length < 1000 ? last[1] : [];
    if (chunk !== last?.[1]) this.#said.push([stream, chunk]);
    for (const line of lines) {
      chunk.push(line);
      this.#bytes += sizeOf(line);
    }
    while (this.#bytes > this.#limit) this.#drop();
  }

  #drop(): void {
    const [first] = this.#said;
    if (first === undefined) return;
    // By whole chunks while that is enough; the last one by its lines.
    const size = first[1].reduce((sum, line) => sum + sizeOf(line), 0);
    if (this.#bytes - size >= this.#limit) {
      this.#said.shift();
      this.#bytes -= size;
      this.dropped += first[1].length;
      return;
    }
    let count = 0;
    while (this.#bytes > this.#limit) this.#bytes -= sizeOf(first[1][count++]!);
    this.dropped += count;
    first[1].splice(0, count);
    if (first[1].length === 0) this.#said.shift();
  }

  /** What is kept. */
  get said(): readonly Said[] {
    return this.#said;
  }
}
