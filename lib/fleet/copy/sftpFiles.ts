// Files of a host, as one side of a copy.
import { SftpError, type Sftp } from '../../ssh/sftp.ts';
import type { Files } from './files.ts';
import { CopyError, hostError } from './job.ts';

const NO_SUCH_FILE = 2;

/** `name` is the host's. */
export function sftpFiles(sftp: Sftp, name: string): Files {
  const wrong = (path: string, what: unknown): Error =>
    hostError(`${name}:${path}`, what instanceof Error ? what.message : String(what));
  const tried = async <T>(path: string, promise: Promise<T>): Promise<T> => {
    try {
      return await promise;
    } catch (error) {
      throw error instanceof SftpError && !(error instanceof CopyError) ? wrong(path, error) : error;
    }
  };
  return {
    find: (path) => tried(path, optional(sftp.stat(path))),
    resolve: (path) =>
      tried(
        path,
        (async () => {
          const info = await optional(sftp.lstat(path));
          return info?.type === 'link' ? await sftp.realpath(path) : path;
        })(),
      ),
    real: (path) => tried(path, sftp.realpath(path)),
    list: (path) =>
      tried(
        path,
        (async () => {
          const entries = await sftp.list(path);
          const list = entries.map(({ name, info }) => ({ name, type: info.type }));
          return list.sort((a, b) => (a.name < b.name ? -1 : 1));
        })(),
      ),
    mkdir: (path) => tried(path, sftp.mkdir(path)),
    change: (path, change) => tried(path, sftp.change(path, change)),
    async open(path) {
      const handle = await tried(path, sftp.open(path, 'read'));
      return {
        info: await tried(path, sftp.fstat(handle)),
        read: (at, size) => tried(path, sftp.read(handle, at, size)),
        close: () => sftp.forget(handle),
      };
    },
    async create(path, mode, name) {
      const handle = await tried(name, sftp.open(path, 'create', mode));
      return {
        async write(at, blocks) {
          const writes: Promise<void>[] = [];
          for (const block of blocks) {
            writes.push(sftp.write(handle, at, block));
            at += block.length;
          }
          await tried(name, Promise.all(writes));
        },
        async finish({ owner, ...change }) {
          // In the order of their sending; the mode behind the owner, who takes some of it away.
          if (owner !== undefined) sftp.change(handle, { owner }).catch(() => {});
          const changing = sftp.change(handle, change);
          await tried(name, Promise.all([changing, sftp.closeFile(handle)]));
        },
        async discard() {
          sftp.forget(handle);
          await sftp.remove(path).catch(() => {});
        },
      };
    },
    rename: (from, to) => tried(to, sftp.rename(from, to)),
    wrong,
    shown: (path) => `${name}:${path}`,
  };
}

async function optional<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof SftpError && error.code === NO_SUCH_FILE) return undefined;
    throw error;
  }
}
