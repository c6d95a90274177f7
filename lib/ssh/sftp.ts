// The files of a host by SFTP version 3, which every OpenSSH speaks: a client over one channel. A request doesn't wait for the
// answer to the one before, so the length of the way counts once for many of them.
import type { Transport } from './transport.ts';
import { SftpChannel } from './sftpChannel.ts';
import { SftpError, readInfo, readName, writeChange, type FileChange, type FileInfo } from './sftpWire.ts';
import type { Writer } from './wire.ts';

export { SftpError, type FileChange, type FileInfo } from './sftpWire.ts';

/** An open file. */
export type Handle = Uint8Array & { readonly handle?: never };

/** Bytes in one request: with what is around them, one packet of a channel. */
export const BLOCK = 32_640;

const [OPEN, CLOSE, READ, WRITE] = [3, 4, 5, 6];
const [LSTAT, FSTAT, SETSTAT, FSETSTAT] = [7, 8, 9, 10];
const [OPENDIR, READDIR, REMOVE, MKDIR] = [11, 12, 13, 14];
const [REALPATH, STAT, RENAME] = [16, 17, 18];
const EXTENDED = 200;
const END_OF_FILE = 1;

/** How a file is opened. */
const FLAGS = { read: 0x01, create: 0x02 | 0x08 | 0x20 } as const; // write, create, exclusive

/** The files of a host. What fails rejects with an SftpError; all that is open, with a ConnectionError once the way is lost. */
export class Sftp {
  readonly #channel: SftpChannel;

  private constructor(connection: Transport, greeted: { resolve(): void; reject(error: Error): void }) {
    this.#channel = new SftpChannel(connection, greeted);
  }

  /** Begins the subsystem; `signal` gives it up. */
  static open(connection: Transport, signal?: AbortSignal): Promise<Sftp> {
    return new Promise((resolve, reject) => {
      const off = (): void => signal?.removeEventListener('abort', abort);
      const sftp: Sftp = new Sftp(connection, {
        resolve: () => {
          off();
          resolve(sftp);
        },
        reject: (error) => {
          off();
          reject(error);
        },
      });
      const abort = (): void => sftp.close();
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Leaves the server. What waits for an answer is rejected. */
  close(): void {
    this.#channel.close();
  }

  /** Follows links. */
  async stat(path: string): Promise<FileInfo> {
    return readInfo(await this.#channel.ask(STAT, (m) => m.string(path)));
  }
  async lstat(path: string): Promise<FileInfo> {
    return readInfo(await this.#channel.ask(LSTAT, (m) => m.string(path)));
  }
  async fstat(handle: Handle): Promise<FileInfo> {
    return readInfo(await this.#channel.ask(FSTAT, (m) => m.string(handle)));
  }

  /** The entries of a folder, less '.' and '..'; links are told as such. */
  async list(path: string): Promise<readonly { readonly name: string; readonly info: FileInfo }[]> {
    const handle = (await this.#channel.ask(OPENDIR, (m) => m.string(path))).bytes();
    const entries: { name: string; info: FileInfo }[] = [];
    try {
      for (;;) {
        const reader = await this.#channel.ask(READDIR, (m) => m.string(handle));
        for (let left = reader.u32(); left > 0; left--) {
          const name = readName(reader);
          reader.bytes();
          const info = readInfo(reader);
          if (name === '.' || name === '..') continue;
          // A server could name files outside of the folder.
          if (name === '' || name.includes('/')) throw new SftpError(4, `the server lists ${JSON.stringify(name)}`);
          entries.push({ name, info });
        }
      }
    } catch (error) {
      if (!(error instanceof SftpError && error.code === END_OF_FILE)) throw error;
    } finally {
      this.forget(handle);
    }
    return entries;
  }

  /** `create` makes a file that is not there yet. */
  async open(path: string, how: keyof typeof FLAGS, mode?: number): Promise<Handle> {
    return (await this.#channel.ask(OPEN, (m) => writeChange(m.string(path).u32(FLAGS[how]), { mode }))).bytes();
  }

  /** Bytes from `at`: fewer at the end of the file only, none behind it. */
  async read(handle: Handle, at: number, size: number): Promise<Buffer[]> {
    const pieces: Promise<Buffer[]>[] = [];
    for (let from = 0; from < size; from += BLOCK)
      pieces.push(this.#readBlock(handle, at + from, Math.min(BLOCK, size - from)));
    return (await Promise.all(pieces)).flat();
  }

  async #readBlock(handle: Handle, at: number, size: number): Promise<Buffer[]> {
    const blocks: Buffer[] = [];
    try {
      for (let got = 0; got < size;) {
        const [from, most] = [at + got, size - got];
        const answer = await this.#channel.ask(READ, (m) =>
          m
            .string(handle)
            .u32(Math.floor(from / 2 ** 32))
            .u32(from % 2 ** 32)
            .u32(most),
        );
        const block = answer.bytes();
        if (block.length === 0) break;
        blocks.push(block);
        got += block.length;
      }
    } catch (error) {
      if (!(error instanceof SftpError && error.code === END_OF_FILE)) throw error;
    }
    return blocks;
  }

  async write(handle: Handle, at: number, bytes: Uint8Array): Promise<void> {
    const pieces: Promise<unknown>[] = [];
    for (let from = 0; from < bytes.length; from += BLOCK) {
      const piece = bytes.subarray(from, from + BLOCK);
      const to = at + from;
      const fill = (m: Writer): Writer =>
        m
          .string(handle)
          .u32(Math.floor(to / 2 ** 32))
          .u32(to % 2 ** 32)
          .string(piece);
      pieces.push(this.#channel.ask(WRITE, fill));
    }
    await Promise.all(pieces);
  }

  async change(what: string | Handle, change: FileChange): Promise<void> {
    await this.#channel.ask(typeof what === 'string' ? SETSTAT : FSETSTAT, (m) => writeChange(m.string(what), change));
  }
  async closeFile(handle: Handle): Promise<void> {
    await this.#channel.ask(CLOSE, (m) => m.string(handle));
  }
  /** Closes it, and what comes of that doesn't matter. */
  forget(handle: Handle): void {
    this.closeFile(handle).catch(() => {});
  }
  async remove(path: string): Promise<void> {
    await this.#channel.ask(REMOVE, (m) => m.string(path));
  }
  async mkdir(path: string, mode?: number): Promise<void> {
    await this.#channel.ask(MKDIR, (m) => writeChange(m.string(path), { mode }));
  }
  /** Replaces a file of the new name, where the server can (OpenSSH's can). */
  async rename(from: string, to: string): Promise<void> {
    const posix = 'posix-rename@openssh.com';
    if (this.#channel.extensions.has(posix))
      await this.#channel.ask(EXTENDED, (m) => m.string(posix).string(from).string(to));
    else await this.#channel.ask(RENAME, (m) => m.string(from).string(to));
  }
  /** The path without links; `~` and `~user` in front are homes where the server can. */
  async realpath(path: string): Promise<string> {
    const expand = 'expand-path@openssh.com';
    const reader =
      path.startsWith('~') && this.#channel.extensions.has(expand)
        ? await this.#channel.ask(EXTENDED, (m) => m.string(expand).string(path))
        : await this.#channel.ask(REALPATH, (m) => m.string(path));
    reader.u32();
    return readName(reader);
  }
}
