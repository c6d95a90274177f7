// What the posix spawner calls of the C library, through koffi. Numbers are those of Linux on x64 and arm64, where glibc
// and musl agree: this file is not used elsewhere.
import { readdirSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { Usage } from '../kernel/spawner.ts';

/** Opaque structures of glibc and musl, none larger than this. */
export const STRUCTURE = 512;
const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const F_GETFD = 1;
const F_GETFL = 3;
const F_SETFL = 4;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const POLLERR = 8;
const FD_CLOEXEC = 1;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const SIGKILL = 9;
const SIGSTOP = 19;

interface Foreign {
  (...args: unknown[]): number;
  /** Calls it in a thread of libuv's pool; ends with a callback. */
  async(...args: unknown[]): void;
}
/** What of koffi is used: it may not be installed, nor its types. */
interface Koffi {
  load(path: null): Library;
  errno(): number;
  address(buffer: Uint8Array): bigint;
  decode(value: unknown, type: string, length?: number): unknown;
  readonly node: {
    /** By libuv. What is called may not throw, and neither microtasks nor ticks are run after it. */
    poll(fd: number, readable: () => void): { ref(): void; unref(): void };
  };
}
interface Library {
  func(definition: string): Foreign;
  symbol(name: string): unknown;
}

function bind(libc: Library) {
  return {
    pipe2: libc.func('int pipe2(void *fds, int flags)'),
    fcntl: libc.func('int fcntl(int fd, int command, ...)'),
    access: libc.func('int access(const char *path, int mode)'),
    poll: libc.func('int poll(void *fds, ulong count, int timeout)'),
    close: libc.func('int close(int fd)'),
    read: libc.func('long read(int fd, void *to, ulong size)'),
    createEpoll: libc.func('int epoll_create1(int flags)'),
    changeEpoll: libc.func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
    waitEpoll: libc.func('int epoll_wait(int epoll, void *events, int most, int timeout)'),
    initActions: libc.func('int posix_spawn_file_actions_init(void *actions)'),
    destroyActions: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
    addDup2: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
    addClose: libc.func('int posix_spawn_file_actions_addclose(void *actions, int fd)'),
    addOpen: libc.func(
      'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)',
    ),
    addChdir: libc.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
    initAttributes: libc.func('int posix_spawnattr_init(void *attributes)'),
    setFlags: libc.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
    setDefault: libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)'),
    setMask: libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)'),
    spawn: libc.func(
      'int posix_spawn(void *pid, const char *path, void *actions, void *attributes, void *argv, void *envp)',
    ),
    memcpy: libc.func('void *memcpy(void *to, void *from, ulong size)'),
    kill: libc.func('int kill(int pid, int signal)'),
    wait4: libc.func('int wait4(int pid, void *status, int options, void *usage)'),
    waitid: libc.func('int waitid(int type, uint id, void *info, int options)'),
    /** Where the C library has the environment of this process. */
    environ: libc.symbol('environ'),
  };
}
export let koffi: Koffi;
export let c: ReturnType<typeof bind>;
/** Else musl. */
export let isGlibc = false;
/** Attributes of programs with a session of their own, and without. */
export let ownSession: Buffer;
export let sameSession: Buffer;

/**
 * To be called before the others; once is enough. Throws where koffi is not installed or can't be loaded, or the C library
 * is too old.
 */
export function load(): void {
  if ((ownSession as Buffer | undefined) !== undefined) return;
  // Not `import`: what joins programs has to know at once whether it can be.
  koffi = process.getBuiltinModule('node:module').createRequire(import.meta.url)('koffi') as Koffi;
  const libc = koffi.load(null);
  c = bind(libc);
  try {
    libc.symbol('gnu_get_libc_version');
    isGlibc = true;
  } catch {
    // musl
  }
  ownSession = attributesOf(SETSID);
  sameSession = attributesOf(0);
}

const two = new Int32Array(2);
const one = new Int32Array(1);
const info = new Int32Array(32);
const polled = new Int32Array(2);
/** Larger than musl's, which has room for more. */
const usage = new Int32Array(128);

/** An error as Node's own: `code` is the name of the number. */
export function systemError(errno: number, what: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: ${what}`), { code, errno: -errno, syscall: what });
}

/** A pipe: [to read from, to write to]; neither is inherited by programs. Throws when descriptors are short. */
export function openPipe(): [number, number] {
  if (c.pipe2(two, O_CLOEXEC) !== 0) throw systemError(koffi.errno(), 'pipe2');
  let read = two[0]!;
  let write = two[1]!;
  // Numbers of stdin, stdout and stderr, which Node's own may be closed: as sources they would be overwritten.
  if (read <= 2 || write <= 2) [read, write] = [lift(read), lift(write)];
  return [read, write];
}

function lift(fd: number): number {
  if (fd > 2) return fd;
  const lifted = c.fcntl(fd, F_DUPFD_CLOEXEC, 'int', 3);
  const error = lifted === -1 ? systemError(koffi.errno(), 'fcntl') : undefined;
  c.close(fd);
  if (error !== undefined) throw error;
  return lifted;
}

/** Closes a descriptor that is open. */
export function close(fd: number): void {
  c.close(fd);
}

/** The descriptors above stderr that every program inherits: Node got them itself so. */
export function inherited(): number[] {
  const open = readdirSync('/proc/self/fd').map(Number);
  return open.filter((fd) => fd > 2 && (c.fcntl(fd, F_GETFD, 'int', 0) & FD_CLOEXEC) === 0);
}

/** Whether this end to write to of a pipe has nobody left who could read. */
export function isUnread(fd: number): boolean {
  polled[0] = fd;
  polled[1] = 0; // no events asked for: an error is told unasked
  return c.poll(polled, 1, 0) === 1 && ((polled[1] >> 16) & POLLERR) !== 0;
}

/** Undoes the non-blocking mode that Node may have set on its own stdin, stdout or stderr: programs don't expect it. */
export function makeBlocking(fd: number): void {
  const flags = c.fcntl(fd, F_GETFL, 'int', 0);
  if (flags !== -1 && (flags & O_NONBLOCK) !== 0) c.fcntl(fd, F_SETFL, 'int', flags & ~O_NONBLOCK);
}

/** So that a read never waits. */
export function makeNonBlocking(fd: number): void {
  c.fcntl(fd, F_SETFL, 'int', O_NONBLOCK);
}

/** Reads what there is; returns how many bytes, 0 at the end, -1 for an error, which `errnoError` then tells. */
export function readInto(buffer: Buffer, fd: number): number {
  return c.read(fd, buffer, buffer.length);
}

/** The error of the last call. */
export function errnoError(what: string): NodeJS.ErrnoException {
  return systemError(koffi.errno(), what);
}

/** Attributes: every signal as at login, none blocked. */
function attributesOf(flags: number): Buffer {
  const made = Buffer.alloc(STRUCTURE);
  const signals = Buffer.alloc(128);
  c.initAttributes(made);
  c.setFlags(made, SETSIGDEF | SETSIGMASK | flags);
  c.setMask(made, signals);
  // All that can be set: bit 0 is signal 1.
  const all = (1n << 64n) - 1n;
  signals.writeBigUInt64LE(all & ~(1n << BigInt(SIGKILL - 1)) & ~(1n << BigInt(SIGSTOP - 1)));
  c.setDefault(made, signals);
  return made;
}

/** Where a buffer is in memory. It does not move; whoever uses the address must keep the buffer. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

const EPERM = 1;

/** Whether a process, or a group by its negative number, can be signalled; undefined where the C library isn't called. */
export function canSignal(target: number): boolean | undefined {
  return (c as typeof c | undefined) && (c.kill(target, 0) === 0 || koffi.errno() === EPERM);
}

/** The status of a child process that has ended, which is reaped by this; undefined while it hasn't, or when it is nobody's. */
export function reap(pid: number): number | undefined {
  return c.wait4(pid, one, WNOHANG, usage) === pid ? one[0] : undefined;
}

/** What the last one that was reaped has used. */
export function usageOfReaped(): Usage {
  // struct rusage: two times of seconds and microseconds, then KiB, in 64 bits each; the low halves hold them (little-endian).
  const peak = usage[8]! >>> 0;
  return {
    userMs: usage[0]! * 1000 + usage[2]! / 1000,
    systemMs: usage[4]! * 1000 + usage[6]! / 1000,
    maxRss: isAboveOurs(peak) ? peak * 1024 : undefined,
  };
}

/** What Node had at its peak when that was asked for last; in KiB. Asking takes as long as all the rest of reaping. */
let ours = 0;

function isAboveOurs(peak: number): boolean {
  // It never sinks, and most programs are told with just that.
  if (peak > ours) ours = process.resourceUsage().maxRSS;
  return peak > ours;
}

/** The pid of a child process that has ended and is not reaped yet (nor by this); undefined when there is none. */
export function anyEnded(): number | undefined {
  info.fill(0);
  if (c.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0) return undefined;
  return info[4] === 0 ? undefined : info[4];
}
