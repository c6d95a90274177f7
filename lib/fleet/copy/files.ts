// What a copy needs of files, on either side of it: here (localFiles.ts) or on a host (sftpFiles.ts). What fails rejects with a
// CopyError, or with a ConnectionError once a connection is lost.
import type { FileChange, FileInfo } from '../../ssh/sftp.ts';

export interface Files {
  /** Links are followed; undefined where there is nothing. */
  find(path: string): Promise<FileInfo | undefined>;
  /** The path that a link in the end stands for, which may not be there; others as they are. */
  resolve(path: string): Promise<string>;
  /** Without any links. */
  real(path: string): Promise<string>;
  /** In the order of names. */
  list(path: string): Promise<readonly Entry[]>;
  mkdir(path: string): Promise<void>;
  change(path: string, change: FileChange): Promise<void>;
  open(path: string): Promise<Source>;
  /** A file that is not there yet. The umask of where it is takes from its mode. Errors call it `name`. */
  create(path: string, mode: number, name: string): Promise<Target>;
  rename(from: string, to: string): Promise<void>;
  /** The error of a file: what is wrong with it. */
  wrong(path: string, what: unknown): Error;
  /** As messages show it. */
  shown(path: string): string;
}

export interface Entry {
  readonly name: string;
  /** A link is one. */
  readonly type: FileInfo['type'];
}

/** A file to read. */
export interface Source {
  readonly info: FileInfo;
  /** Fewer bytes at the end of the file only. */
  read(at: number, size: number): Promise<readonly Uint8Array[]>;
  close(): void;
}

/** A file to write. */
export interface Target {
  write(at: number, blocks: readonly Uint8Array[]): Promise<void>;
  /** Changes and closes it. An owner that can't be set is left out. */
  finish(change: FileChange): Promise<void>;
  /** Closes and removes it. */
  discard(): Promise<void>;
}

export function lengthOf(blocks: readonly Uint8Array[]): number {
  return blocks.reduce((sum, { length }) => sum + length, 0);
}
