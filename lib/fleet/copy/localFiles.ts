// Files of this machine, as one side of a copy.
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { nameOf, typeOf } from '../../ssh/sftpWire.ts';
import type { FileChange, FileInfo } from '../../ssh/sftp.ts';
import { folderOf } from './endpoint.ts';
import { lengthOf, type Files, type Source, type Target } from './files.ts';
import { CopyError, fileError } from './job.ts';

/** Paths are relative to a folder. */
export function localFiles(cwd: string): Files {
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(cwd, path));
  /** What goes wrong is told with the path as it was given. */
  const tried = async <T>(path: string, what: (path: string) => Promise<T>): Promise<T> => {
    try {
      return await what(at(path));
    } catch (error) {
      throw error instanceof CopyError ? error : fileError(path, error);
    }
  };
  return {
    find: (path) => tried(path, async (path) => optional(fs.stat(path).then(infoOf))),
    resolve: (path) =>
      tried(path, async (path) => {
        if (!(await optional(fs.lstat(path)))?.isSymbolicLink()) return path;
        return (await optional(fs.realpath(path))) ?? resolve(folderOf(path), await fs.readlink(path));
      }),
    real: (path) => tried(path, (path) => fs.realpath(path)),
    list: (path) =>
      tried(path, async (path) => {
        const entries = await fs.readdir(path, { withFileTypes: true, encoding: 'buffer' });
        const list = entries.map((entry) => {
          const type = entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file';
          return { name: nameOf(entry.name), type } as const;
        });
        return list.sort((a, b) => (a.name < b.name ? -1 : 1));
      }),
    mkdir: (path) => tried(path, (path) => fs.mkdir(path)),
    change: (path, change) =>
      tried(path, async (path) => {
        if (change.mode !== undefined) await fs.chmod(path, change.mode);
        if (change.times !== undefined) await fs.utimes(path, ...dates(change.times));
      }),
    async open(path) {
      const source = await tried(path, openLocal);
      return { ...source, read: (at, size) => tried(path, () => source.read(at, size)) };
    },
    async create(path, mode, name) {
      const target = await tried(name, () => createLocal(at(path), mode));
      return {
        write: (at, blocks) => tried(name, () => target.write(at, blocks)),
        finish: (change) => tried(name, () => target.finish(change)),
        discard: () => target.discard(),
      };
    },
    rename: (from, to) => tried(to, (to) => fs.rename(at(from), to)),
    wrong: fileError,
    shown: (path) => path,
  };
}

function infoOf({ mode, size, atimeMs, mtimeMs, uid, gid }: Stats): FileInfo {
  const times = { atime: Math.floor(atimeMs / 1000), mtime: Math.floor(mtimeMs / 1000) };
  return { type: typeOf(mode), mode: mode & 0o7777, size, ...times, owner: { uid, gid } };
}

async function optional<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function openLocal(path: string): Promise<Source> {
  const handle = await fs.open(path, 'r');
  return {
    info: infoOf(await handle.stat()),
    async read(at, size) {
      const bytes = Buffer.allocUnsafe(size);
      let got = 0;
      while (got < size) {
        const { bytesRead } = await handle.read(bytes, got, size - got, at + got);
        if (bytesRead === 0) break;
        got += bytesRead;
      }
      return got === 0 ? [] : [bytes.subarray(0, got)];
    },
    close: () => void handle.close().catch(() => {}),
  };
}

/** Node takes a number below 0 for now. */
function dates({ atime, mtime }: NonNullable<FileChange['times']>): [Date, Date] {
  return [new Date(atime * 1000), new Date(mtime * 1000)];
}

async function createLocal(path: string, mode: number): Promise<Target> {
  const handle = await fs.open(path, 'wx', mode);
  return {
    async write(at, blocks) {
      const all = lengthOf(blocks);
      let { bytesWritten } = await handle.writev(blocks as Uint8Array[], at);
      if (bytesWritten === all) return;
      const bytes = Buffer.concat(blocks);
      while (bytesWritten < all)
        bytesWritten += (await handle.write(bytes, bytesWritten, all - bytesWritten, at + bytesWritten)).bytesWritten;
    },
    async finish({ mode, times, owner }: FileChange) {
      if (owner !== undefined) await handle.chown(owner.uid, owner.gid).catch(() => {});
      if (mode !== undefined) await handle.chmod(mode);
      if (times !== undefined) await handle.utimes(...dates(times));
      await handle.close();
    },
    async discard() {
      await handle.close().catch(() => {});
      await fs.rm(path, { force: true });
    },
  };
}
