// The spawner that stands on posix_spawn(3), called through koffi. Node forks: the whole address space is marked to be copied,
// on the thread of the loop, for 1 ms with 60 MB of memory and 10 ms with 500 MB. posix_spawn borrows it until the program
// begins, for 0.2 ms whatever there is. (The same idea as in Deno, Bun and CPython's subprocess.)
//
// Linux on x64 and arm64, glibc 2.29 or musl 1.1.24 and newer; in Node's main thread, as only that hears of ended children.
import type { Socket } from 'node:net';
import type { Command } from '../kernel/spawner.ts';
import { candidates } from './lookup.ts';
import { close, inherited, isUnread, makeBlocking, openPipe, ownEnvironment, spawn, type Source } from './libc.ts';
import { whenEnded } from './reap.ts';
import type { Starter, Variable } from './start.ts';
import { vectorOf, type Vector } from './vector.ts';

/** One way of making a process: see start.ts. `load` of libc.ts comes first. */
export const posixStarter: Starter = {
  ready: () => undefined,
  pipes: { open: openPipe, unread: isUnread },

  start(command, places, told, extra) {
    const ours: (number | undefined)[] = [undefined, undefined, undefined];
    const theirs: number[] = [];
    let pid: number;
    try {
      const sources = places.map((place, fd): Source => {
        if (place === 'ignore') return 'null';
        if (place === 'inherit') {
          makeBlocking(fd);
          return fd;
        }
        if (place !== 'pipe') return place;
        const [read, write] = openPipe();
        const [own, its] = fd === 0 ? [write, read] : [read, write];
        ours[fd] = own;
        theirs.push(its);
        return its;
      });
      pid = begin(command, sources as [Source, Source, Source], extra, told.weak === true ? inherited() : []);
    } catch (error) {
      for (const fd of ours) if (fd !== undefined) close(fd);
      told.failed(error as NodeJS.ErrnoException);
      return;
    } finally {
      for (const fd of theirs) close(fd);
    }
    whenEnded(pid, (exitCode, signal) => told.exited(exitCode, signal), told.weak === true);
    const [stdin, stdout, stderr] = ours;
    told.begun({
      pid,
      stdin: socketOf(stdin, false),
      stdout: socketOf(stdout, true),
      stderr: socketOf(stderr, true),
    });
  },
};

function socketOf(fd: number | undefined, readable: boolean): Socket | undefined {
  if (fd === undefined) return undefined;
  // Only here: importing it would be a part of what `import 'sluice'` takes.
  const { Socket } = process.getBuiltinModule('node:net');
  return new Socket({ fd, readable, writable: !readable });
}

function begin(
  { argv, cwd, env, session }: Command,
  sources: readonly [Source, Source, Source],
  extra: Variable | undefined,
  without: readonly number[],
): number {
  for (const text of [...argv, cwd]) if (text.includes('\0')) throw invalid();
  const [name, ...args] = argv;
  const words = vectorOf(argv);
  let script: Vector | undefined;
  return spawn(candidates(name, (env ?? process.env)['PATH']), {
    cwd,
    session,
    sources,
    argv: words.addresses,
    envp: environmentOf(env, extra),
    without,
    script(path) {
      script = vectorOf(['/bin/sh', path, ...args]);
      return script.addresses;
    },
  });
}

function invalid(): NodeJS.ErrnoException {
  return Object.assign(new Error('EINVAL: a NUL character'), { code: 'EINVAL' });
}

/** What stands for the C library's own environment, unless somebody put another object in its place. */
const standard = process.env;
/** The last that was encoded: most programs get the same. */
let latest: { readonly text: string; readonly vector: Vector } | undefined;
/** The extra variable: kept until the next start. */
let added: Vector | undefined;

function environmentOf(env: Command['env'], extra: Variable | undefined): BigUint64Array {
  added = extra && vectorOf([`${extra.name}=${extra.value}`]);
  const more = added?.addresses ?? [0n];
  // As it is, byte for byte: variables may be no UTF-8.
  if (env === undefined && process.env === standard) return BigUint64Array.from([...ownEnvironment(), ...more]);
  const variables = Object.entries(env ?? process.env).map(([name, value]) => `${name}=${value}`);
  const text = variables.join('\0');
  if (latest?.text !== text) {
    if (text.split('\0').length > Math.max(1, variables.length)) throw invalid();
    latest = { text, vector: vectorOf(variables) };
  }
  return BigUint64Array.from([...latest.vector.addresses.subarray(0, -1), ...more]);
}
