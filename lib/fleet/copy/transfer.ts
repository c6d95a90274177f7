// Copies files by blocks, many of which are under way at once. Each is written under a hidden name beside its target, and
// renamed when it is whole.
import type { FileChange, FileInfo } from '../../ssh/sftp.ts';
import { folderOf, inFolder } from './endpoint.ts';
import { lengthOf, type Files, type Source, type Target } from './files.ts';
import type { Job } from './job.ts';
import type { Plan, Step } from './plan.ts';
import type { Progress } from './progress.ts';
import { HIDDEN } from './scripts.ts';

const BLOCK = 256 * 1024; // bytes
/** Blocks of all files under way: what a channel has room for. */
const BLOCKS = 8;
/** Files at once. */
const FILES = 16;

/** What of a file goes with it. */
export type Kept = 'all' | 'mode' | 'nothing';

/** How it is done. */
export interface Transfer {
  readonly job: Job;
  readonly to: Files;
  readonly keep: Kept;
  readonly token: string;
  readonly progress: Progress;
  /** There will be hidden files in this folder. */
  cover(folder: string): void;
}

/** Copies all of a plan. The first that fails ends it; files that are whole by then stay. */
export async function transfer(plan: Plan, how: Transfer): Promise<void> {
  const { job, to, keep } = how;
  const late: [string, FileChange][] = [];
  for (const { to: path, info } of plan.folders) {
    await job.go();
    const there = await to.find(path);
    if (there !== undefined && there.type !== 'folder') throw to.wrong(path, 'it is no folder');
    if (there === undefined) await to.mkdir(path);
    if (keep !== 'nothing' && (there === undefined || keep === 'all')) {
      // One that can't be written into, only once it is full.
      await to.change(path, { mode: info.mode | 0o700 });
      late.push([path, changeOf(info, keep, undefined)]);
    }
  }
  const room = new Room(BLOCKS);
  const steps = plan.files.values();
  let number = 0;
  const failed = new AbortController();
  const copy = async (): Promise<void> => {
    for (const step of steps) {
      if (failed.signal.aborted) return;
      try {
        await copyFile(step, number++, room, failed.signal, how);
      } catch (error) {
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(FILES, plan.files.length) }, copy));
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const [path, change] of late.reverse()) await to.change(path, change);
}

/** The change that makes a new file of this one. */
function changeOf(info: FileInfo, keep: Kept, replaced: FileInfo | undefined): FileChange {
  const mode = keep === 'nothing' ? replaced?.mode : info.mode & (keep === 'all' ? 0o7777 : 0o777);
  return {
    mode,
    ...(keep === 'all' && { times: { atime: info.atime, mtime: info.mtime } }),
    ...(replaced?.owner !== undefined && { owner: replaced.owner }),
  };
}

async function copyFile(step: Step, number: number, room: Room, failed: AbortSignal, how: Transfer): Promise<void> {
  const { to, job, token, keep, progress } = how;
  await job.go();
  const [source, replaced, path] = await Promise.all([
    step.files.open(step.from),
    to.find(step.to),
    to.resolve(step.to),
  ]);
  try {
    if (replaced !== undefined && replaced.type !== 'file')
      throw to.wrong(step.to, replaced.type === 'folder' ? 'it is a folder' : 'it is no regular file');
    const folder = folderOf(path);
    how.cover(folder);
    const hidden = inFolder(folder, `${HIDDEN}${token}-${number}`);
    job.sent = true;
    const open = keep === 'nothing' && replaced === undefined;
    // The hidden name would tell nobody anything.
    const target = await to.create(hidden, open ? 0o666 : 0o600, step.to);
    try {
      await pump(source, target, step, room, failed, how);
      await target.finish(changeOf(source.info, keep, replaced));
      await to.rename(hidden, path);
    } catch (error) {
      await target.discard();
      throw error;
    }
    progress.done(step);
  } finally {
    source.close();
  }
}

async function pump(
  source: Source,
  target: Target,
  step: Step,
  room: Room,
  failed: AbortSignal,
  { job, progress }: Transfer,
): Promise<void> {
  const { size } = source.info;
  const file = progress.file(step, size);
  const block = async (at: number, most: number): Promise<number> => {
    const blocks = await source.read(at, most);
    await target.write(at, blocks);
    const length = lengthOf(blocks);
    file(length);
    return length;
  };
  const proceed = async (): Promise<void> => {
    failed.throwIfAborted();
    await job.go();
  };
  let at = 0;
  let wrong = false;
  const worker = async (): Promise<void> => {
    while (at < size && !wrong) {
      const from = at;
      const most = Math.min(BLOCK, size - from);
      at += most;
      await room.take();
      try {
        await proceed();
        if ((await block(from, most)) < most)
          throw step.files.wrong(step.from, 'it became shorter while it was copied');
      } catch (error) {
        wrong = true;
        throw error;
      } finally {
        room.give();
      }
    }
  };
  // All of them, before the file is closed.
  const ends = await Promise.allSettled(Array.from({ length: Math.min(BLOCKS, Math.ceil(size / BLOCK)) }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  // Those of /proc have a size of 0 and something in them.
  if (size > 0) return;
  for (;;) {
    await proceed();
    const length = await block(at, 32_768);
    if (length === 0) return;
    at += length;
  }
}

/** So many at once. */
class Room {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
