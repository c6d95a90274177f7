// A copy from beginning to end: what is here is looked at first, then the hosts are connected to, then it is decided what goes
// where; one small file goes by a script of its own, all else by SFTP.
import { Sftp } from '../../ssh/sftp.ts';
import type { FileChange, FileInfo } from '../../ssh/sftp.ts';
import type { SshSettings } from '../../ssh/settings.ts';
import { baseName, folderOf, type Endpoint } from './endpoint.ts';
import { lengthOf, type Files } from './files.ts';
import { matches } from './glob.ts';
import { Guard } from './guard.ts';
import { reach, type Job, type Reached } from './job.ts';
import { localFiles } from './localFiles.ts';
import { planOf, rootOf, type Plan, type Root } from './plan.ts';
import { Progress, type CopyProgress } from './progress.ts';
import { download, SMALL, token, upload } from './scripts.ts';
import { sftpFiles } from './sftpFiles.ts';
import { transfer, type Kept } from './transfer.ts';

/** What a copy gives. */
export interface CopyResult {
  readonly files: number;
  readonly bytes: number;
  readonly ms: number;
}

/** What is to be copied where. */
export interface CopyWork {
  readonly sources: readonly Endpoint[];
  readonly several: boolean;
  readonly target: Endpoint;
  readonly recursive: boolean;
  readonly keep: Kept;
  readonly settings: SshSettings;
}

type Remote = Extract<Endpoint, { type: 'remote' }>;

/** Does it. */
export async function copyAll(work: CopyWork, job: Job): Promise<CopyResult> {
  const progress = new Progress(job.context.clock, (item: CopyProgress) => job.item(item));
  await new Copy(work, job, progress).run();
  progress.end();
  const { files, bytes, ms } = progress;
  return { files, bytes, ms };
}

class Copy {
  readonly #work: CopyWork;
  readonly #job: Job;
  readonly #progress: Progress;
  readonly #local: Files;
  /** In the names of files that are not whole yet. */
  readonly #mark = token();
  #guard: Guard | undefined;
  #clean = false;
  /** By the host, as it was named. */
  readonly #open = new Map<string, Promise<Sftp>>();

  constructor(work: CopyWork, job: Job, progress: Progress) {
    this.#work = work;
    this.#job = job;
    this.#progress = progress;
    const { context } = job;
    this.#local = localFiles(context.remote === undefined ? context.cwd : process.cwd());
  }

  async run(): Promise<void> {
    const { sources, target, several, recursive } = this.#work;
    try {
      await this.#job.go();
      const roots: (Root | undefined)[] = [];
      for (const source of sources)
        roots.push(source.type === 'local' ? await rootOf(this.#local, source.path, recursive) : undefined);
      if (target.type === 'local') await this.#checkTarget(target.path);
      if (await this.#small(roots[0])) return;
      if (target.type === 'remote') {
        this.#sftp(target).catch(() => {});
        // Behind it: where there is room for one channel only, it goes without a guard.
        this.#guard = new Guard(this.#reach(target).connection, this.#mark);
      }
      const all: Root[] = [];
      for (const [i, source] of sources.entries()) {
        if (source.type === 'local') all.push(roots[i]!);
        else {
          const files = await this.#files(source);
          const path = await this.#path(source);
          for (const name of source.typed ? await matches(path, files) : [path])
            all.push(await rootOf(files, name, recursive));
        }
      }
      const files = await this.#files(target);
      const to = { files, path: await this.#path(target), several };
      await this.#transfer(await planOf(all, to, this.#job), to.files);
      this.#clean = true;
    } finally {
      this.#guard?.end(this.#clean);
      for (const opened of this.#open.values()) void opened.then((sftp) => sftp.close()).catch(() => {});
    }
  }

  /** What can be known of a target here before anything is connected. */
  async #checkTarget(path: string): Promise<void> {
    const { several } = this.#work;
    const info = await this.#local.find(path);
    if (info?.type === 'folder') return;
    if (several || (info !== undefined && path.endsWith('/'))) throw this.#local.wrong(path, 'it is no folder');
    if (info !== undefined && info.type !== 'file') throw this.#local.wrong(path, 'it is no regular file');
    const folder = folderOf(path.replace(/\/+$/, ''));
    if ((await this.#local.find(folder))?.type !== 'folder') throw this.#local.wrong(path, `${folder} is no folder`);
  }

  /** One small file, by one script: false where it isn't that, or there is no shell for it. */
  async #small(root: Root | undefined): Promise<boolean> {
    const { sources, target, keep } = this.#work;
    const [source] = sources as [Endpoint];
    if (sources.length > 1) return false;
    if (source.type === 'local' && target.type === 'remote') {
      if (root!.info.type !== 'file' || root!.info.size > SMALL || far(target.path)) return false;
      const opened = await root!.files.open(source.path);
      try {
        const blocks = await opened.read(0, SMALL + 1);
        if (lengthOf(blocks) > SMALL) return false;
        const where = { path: near(target), name: baseName(source.path), ...changeOf(opened.info, keep) };
        if (!(await upload(this.#reach(target), Buffer.concat(blocks), where, this.#job))) return false;
        this.#progress.file({ files: root!.files, from: source.path }, opened.info.size)(lengthOf(blocks));
        this.#progress.done(undefined);
        return true;
      } finally {
        opened.close();
      }
    }
    if (source.type === 'local' || target.type === 'remote' || far(source.path)) return false;
    if (source.typed && /[*?[\\]/.test(source.path)) return false;
    const given = await download(this.#reach(source), near(source), this.#job);
    if (given === undefined) return false;
    await this.#keep(given, source, target.path);
    return true;
  }

  /** Writes what was downloaded, as if it came in blocks. */
  async #keep(given: { info: FileInfo; content: Buffer }, source: Remote, path: string): Promise<void> {
    const { info, content } = given;
    const files: Files = {
      ...this.#local,
      shown: (path) => `${source.host.name}:${path}`,
      open: async () => ({
        info,
        read: async (at, size) => (at < content.length ? [content.subarray(at, at + size)] : []),
        close() {},
      }),
    };
    const root = { files, path: source.path, info };
    await this.#transfer(await planOf([root], { files: this.#local, path, several: false }, this.#job), this.#local);
  }

  async #transfer(plan: Plan, to: Files): Promise<void> {
    const cover = (folder: string): void => this.#guard?.cover(folder);
    const { keep } = this.#work;
    await transfer(plan, { job: this.#job, to, keep, token: this.#mark, progress: this.#progress, cover });
  }

  #reach({ host }: Remote): Reached {
    return reach(host, this.#work.settings, this.#job.context);
  }

  async #files(end: Endpoint): Promise<Files> {
    if (end.type === 'local') return this.#local;
    return sftpFiles(await this.#sftp(end), end.host.name);
  }

  #sftp(end: Remote): Promise<Sftp> {
    const { name, address, user, port } = end.host;
    const key = JSON.stringify([name, address, user, port]);
    let opened = this.#open.get(key);
    if (opened === undefined) {
      opened = Sftp.open(this.#reach(end).connection, this.#job.signal);
      this.#open.set(key, opened);
    }
    return opened;
  }

  async #path(end: Endpoint): Promise<string> {
    if (end.type === 'local') return end.path;
    if (!end.typed || !far(end.path)) return near(end);
    const [user, ...rest] = end.path.split('/') as [string, ...string[]];
    return [await (await this.#files(end)).real(user), ...rest].join('/');
  }
}

/** `~user/…`: only the host knows where that is. */
function far(path: string): boolean {
  return /^~[^/]/.test(path);
}

/** Commands begin in the home that `~` means. */
function near({ path, typed }: Remote): string {
  return typed ? path.replace(/^~(?:\/+|$)/, '') || '.' : path;
}

function changeOf(info: FileInfo, keep: Kept): FileChange {
  if (keep === 'nothing') return {};
  if (keep === 'mode') return { mode: info.mode & 0o777 };
  return { mode: info.mode, times: info };
}
