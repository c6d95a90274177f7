// The contents of a store: bytes by their digest, which is checked when they are used.
import { chmodSync, constants, copyFileSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from './digest.ts';
import { move } from './move.ts';
import type { Paced } from './paced.ts';
import { inFolder, temporaryIn, writeAtomically } from './sealed.ts';
import type { Store, Warn } from './store.ts';
import { touch } from './touch.ts';

/** Not asked for each time: asking sets it for a moment. */
const UMASK = process.umask();

/** Contents up to this size are copied in place, in bytes. */
const SMALL = 1024 * 1024;

/** Keeps texts and files of any size. */
export class Contents {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Where that with a digest is. */
  path(digest: string): string {
    return join(this.#store.folder, 'contents', digest.slice(0, 2), digest.slice(2));
  }

  /** Keeps text; gives its digest. */
  putText(text: string | Uint8Array): string {
    const digest = sha256(text);
    const path = this.path(digest);
    if (isThere(path, Buffer.byteLength(text))) return digest;
    this.#store.make();
    writeAtomically(path, text, this.#store.aside);
    return digest;
  }

  /** The text with a digest; undefined where it isn't there, or is another. */
  getText(digest: string, warn: Warn): string | undefined {
    const bytes = this.#read(digest);
    if (bytes === undefined) return undefined;
    if (sha256(bytes) === digest) return bytes.toString('utf8');
    this.#damaged(digest, warn);
    return undefined;
  }

  #read(digest: string): Buffer | undefined {
    try {
      return readFileSync(this.path(digest));
    } catch {
      return undefined;
    }
  }

  #damaged(digest: string, warn: Warn): void {
    const path = this.path(digest);
    this.#store.warn(warn, `${path} can't be used: it is not what was written; it is as if it weren't there`, path);
    rmSync(path, { force: true });
  }

  /** Keeps a copy of a file, whose digest is known. */
  *putFile(file: string, digest: string): Paced<void> {
    const path = this.path(digest);
    const { size } = statSync(file);
    if (isThere(path, size)) return;
    this.#store.make();
    const temporary = temporaryIn(this.#store.aside);
    try {
      if (size <= SMALL) copyFileSync(file, temporary, constants.COPYFILE_FICLONE);
      else yield copyFile(file, temporary, constants.COPYFILE_FICLONE);
      inFolder(dirname(path), () => renameSync(temporary, path));
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Puts a kept file in its place again; false where it isn't there, or is another. */
  *getFile(digest: string, file: string, executable: boolean, warn: Warn): Paced<boolean> {
    const path = this.path(digest);
    this.#store.make();
    const temporary = temporaryIn(this.#store.aside);
    try {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return false;
      touch(path, stats.mtimeMs);
      if (stats.size <= SMALL) copyFileSync(path, temporary, constants.COPYFILE_FICLONE);
      else yield copyFile(path, temporary, constants.COPYFILE_FICLONE);
      chmodSync(temporary, (executable ? 0o777 : 0o666) & ~UMASK);
      const copied = yield* this.#store.files.digest(temporary);
      if (copied.slice(1) !== digest) {
        this.#damaged(digest, warn);
        return false;
      }
      move(temporary, file);
      return true;
    } finally {
      rmSync(temporary, { force: true });
    }
  }
}

/** Whether it is there with all of its bytes; then it has been used now. */
function isThere(path: string, size: number): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  // A machine that lost its power may leave files without what was written to them.
  if (stats?.size !== size) return false;
  touch(path, stats.mtimeMs);
  return true;
}
