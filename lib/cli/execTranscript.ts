// --transcript: what each host says, in files of its own.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileNameOf, makeFolders } from './folders.ts';
import { UsageError } from './usage.ts';

const WRITE = 64 * 1024; // characters

/** Makes the folder. @throws UsageError where that can't be */
export function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
  } catch (error) {
    throw new UsageError(`--transcript: ${(error as Error).message}`);
  }
}

/** A file of lines; it is there from the first moment, so that an empty one is told from none. */
export class Transcript {
  readonly #fd: number;
  #text = '';

  constructor(folder: string, host: string, end: 'out' | 'err') {
    this.#fd = openSync(join(folder, `${fileNameOf(host)}.${end}`), 'w');
  }

  line(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length >= WRITE) this.#write();
  }

  close(): void {
    this.#write();
    closeSync(this.#fd);
  }

  #write(): void {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
  }
}
