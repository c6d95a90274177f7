// The spawner that stands on posix_spawn(3), called through koffi. Node forks: the whole address space is marked to be copied,
// on the thread of the loop, for 1 ms with 60 MB of memory and 10 ms with 500 MB. posix_spawn borrows it until the program
// begins, for 0.2 ms whatever there is. (The same idea as in Deno, Bun and CPython's subprocess.)
//
// Linux on x64 and arm64, glibc 2.29 or musl 1.1.24 and newer; in Node's main thread, as only that hears of ended children.
import type { Writable } from 'node:stream';
import type { Command } from '../kernel/spawner.ts';
import { candidates } from './lookup.ts';
import { hasThread, land, spawn, type Source, type Start } from './flight.ts';
import { close, inherited, isUnread, makeBlocking, openPipe } from './libc.ts';
import { ownEnvironmentLasts } from './ownEnvironment.ts';
import { PipeReader } from './pipeReader.ts';
import { awaitUnknown, whenEnded } from './reap.ts';
import type { Starter, Variable } from './start.ts';
import { environmentOf, vectorOf, type Vector } from './vector.ts';

/** One way of making a process: see start.ts. `load` of libc.ts comes first. */
export const posixStarter: Starter = {
  ready: () => undefined,
  pipes: { open: openPipe, unread: isUnread },
  land,

  start(command, places, told, { extra, inThread = false }) {
    const ours: (number | undefined)[] = [undefined, undefined, undefined];
    const theirs: number[] = [];
    const sources: Source[] = [];
    const failed = (error: NodeJS.ErrnoException): void => {
      for (const fd of ours) if (fd !== undefined) close(fd);
      for (const fd of theirs) close(fd);
      told.failed(error);
    };
    let how: Start;
    try {
      for (let fd = 0; fd < 3; fd++) {
        const place = places[fd]!;
        if (place === 'pipe') {
          const ends = openPipe();
          ours[fd] = ends[fd === 0 ? 1 : 0];
          const its = ends[fd === 0 ? 0 : 1];
          theirs.push(its);
          sources.push(its);
        } else if (place === 'inherit') {
          makeBlocking(fd);
          sources.push(fd);
        } else sources.push(place === 'ignore' ? 'null' : place);
      }
      how = startOf(command, sources, extra, told.weak === true ? inherited() : []);
    } catch (error) {
      failed(error as NodeJS.ErrnoException);
      return;
    }
    const { argv, env } = command;
    const aside = inThread && hasThread() && (env !== undefined || ownEnvironmentLasts());
    if (aside) awaitUnknown(1);
    spawn(candidates(argv[0], (env ?? process.env)['PATH']), how, aside, (error, pid) => {
      if (error !== undefined) failed(error);
      else {
        for (const fd of theirs) close(fd);
        whenEnded(pid, (exitCode, signal, usage) => told.exited(exitCode, signal, usage), told.weak === true);
        const [stdin, stdout, stderr] = ours;
        told.begun({
          pid,
          stdin: writerOf(stdin),
          stdout: readerOf(stdout),
          stderr: readerOf(stderr),
        });
      }
      if (aside) awaitUnknown(-1);
    });
  },
};

function writerOf(fd: number | undefined): Writable | undefined {
  if (fd === undefined) return undefined;
  // Only here: importing it would be a part of what `import 'sluice'` takes.
  const { Socket } = process.getBuiltinModule('node:net');
  return new Socket({ fd, readable: false, writable: true });
}

function readerOf(fd: number | undefined): PipeReader | undefined {
  return fd === undefined ? undefined : new PipeReader(fd);
}

function startOf(
  { argv, cwd, env, session }: Command,
  sources: readonly Source[],
  extra: Variable | undefined,
  without: readonly number[],
): Start {
  const environment = environmentOf(env, extra && `${extra.name}=${extra.value}`);
  if (environment === undefined || cwd.includes('\0') || argv.some((word) => word.includes('\0')))
    throw Object.assign(new Error('EINVAL: a NUL character'), { code: 'EINVAL' });
  const script = (path: string): Vector => vectorOf(['/bin/sh', path, ...argv.slice(1)]);
  return { cwd, session, sources, argv: vectorOf(argv), environment, without, script };
}
