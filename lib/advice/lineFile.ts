// A file that lines are written to as they come. Writing waits for the disk: a slow one slows down who writes, instead of
// filling the memory, and what was written is there also when Node is killed the next moment.
import { closeSync, openSync, writeSync } from 'node:fs';

const WRITE = 64 * 1024; // characters

/** It is there from the first moment, so that an empty one is told from none. Throws where it can't be. */
export class LineFile {
  readonly #fd: number;
  #text = '';
  #open = true;

  /** `flags` 'wx': it must not be there yet. */
  constructor(path: string, flags: 'w' | 'wx' = 'w') {
    this.#fd = openSync(path, flags);
  }

  /** Adds a line; it is on its way with `flush`, or when there are many. */
  line(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= WRITE) this.flush();
  }

  /** Writes what was added. */
  flush(): void {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }

  /** Writes the rest and closes it, whether that can be written or not. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.flush();
    } finally {
      closeSync(this.#fd);
    }
  }
}
