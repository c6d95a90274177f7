// A file that lines are written to as they come. Writing waits for the disk: a slow one slows down who writes, instead of
// filling the memory, and what was written is there also when Node is killed the next moment. It is open only while it is
// written to: of thousands of runs, most of which wait for something, none holds a descriptor that programs could need.
import { closeSync, constants, openSync, writeSync } from 'node:fs';

const WRITE = 64 * 1024; // characters
const APPEND = constants.O_WRONLY | constants.O_APPEND;

/** It is there from the first moment, so that an empty one is told from none. Throws where it can't be, or is gone. */
export class LineFile {
  readonly #path: string;
  #text = '';

  /** `flags` 'wx': it must not be there yet. */
  constructor(path: string, flags: 'w' | 'wx' = 'w') {
    this.#path = path;
    closeSync(openSync(path, flags));
  }

  /** Adds a line; it is on its way with `flush`, or when there are many. */
  line(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= WRITE) this.flush();
  }

  /** Writes what was added. */
  flush(): void {
    if (this.#text === '') return;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    const fd = openSync(this.#path, APPEND);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
  }
}
