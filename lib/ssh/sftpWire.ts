// What SFTP says of a file, and why something failed (version 3 of draft-ietf-secsh-filexfer-02).
import { isUtf8 } from 'node:buffer';
import { Reader, Writer } from './wire.ts';

/** What is known of a file. */
export interface FileInfo {
  readonly type: 'file' | 'folder' | 'link' | 'other';
  /** Permissions, 0 to 0o7777. */
  readonly mode: number;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly atime: number;
  readonly mtime: number;
  /** The numbers of its user and group, where they are known. */
  readonly owner?: Owner | undefined;
}

/** Whose a file is. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What can be changed of it. */
export interface FileChange {
  readonly mode?: number | undefined;
  readonly times?: { readonly atime: number; readonly mtime: number } | undefined;
  readonly owner?: Owner | undefined;
}

const SIZE = 1;
const OWNER = 2;
const MODE = 4;
const TIMES = 8;
const EXTENDED = 0x80000000;

const FORMAT = 0o170000;
const FORMATS: Readonly<Record<number, FileInfo['type']>> = { 0o100000: 'file', 0o040000: 'folder', 0o120000: 'link' };

/** The type of a file by the whole of its mode. */
export function typeOf(mode: number): FileInfo['type'] {
  return FORMATS[mode & FORMAT] ?? 'other';
}

export function readInfo(reader: Reader): FileInfo {
  const flags = reader.u32();
  const size = flags & SIZE ? reader.u32() * 2 ** 32 + reader.u32() : 0;
  const owner = flags & OWNER ? { uid: reader.u32(), gid: reader.u32() } : undefined;
  const mode = flags & MODE ? reader.u32() : 0;
  const [atime, mtime] = flags & TIMES ? [reader.u32(), reader.u32()] : [0, 0];
  if (flags & EXTENDED) for (let left = 2 * reader.u32(); left > 0; left--) reader.bytes();
  return { type: typeOf(mode), mode: mode & 0o7777, size, atime, mtime, owner };
}

/** The protocol knows no time before 1970 or behind 2106: the nearest. */
function seconds(time: number): number {
  return Math.min(Math.max(time, 0), 2 ** 32 - 1);
}

export function writeChange(writer: Writer, { mode, times, owner }: FileChange): Writer {
  writer.u32((owner === undefined ? 0 : OWNER) | (mode === undefined ? 0 : MODE) | (times === undefined ? 0 : TIMES));
  if (owner !== undefined) writer.u32(owner.uid).u32(owner.gid);
  if (mode !== undefined) writer.u32(mode);
  if (times !== undefined) writer.u32(seconds(times.atime)).u32(seconds(times.mtime));
  return writer;
}

/** A name; one that is no UTF-8 could not be said again. */
export function readName(reader: Reader): string {
  return nameOf(reader.bytes());
}

export function nameOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new SftpError(4, `the name ${JSON.stringify(bytes.toString('latin1'))} is no UTF-8`);
  return bytes.toString();
}

const REASONS: Readonly<Record<number, string>> = {
  1: 'End of file',
  2: 'No such file or directory',
  3: 'Permission denied',
  8: 'Operation not supported',
};

/** A request that failed. `code` is the protocol's: 1 end of file, 2 no such file, 3 permission denied, 4 anything else. */
export class SftpError extends Error {
  override readonly name = 'SftpError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(REASONS[code] ?? message);
    this.code = code;
  }
}
