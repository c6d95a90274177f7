// What the posix spawner calls of the C library, through koffi. Numbers are those of Linux on x64 and arm64, where glibc
// and musl agree: this file is not used elsewhere.
import { readdirSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import type { Vector } from './vector.ts';

/** Opaque structures of glibc and musl, none larger than this. */
const STRUCTURE = 512;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const F_GETFD = 1;
const F_GETFL = 3;
const F_SETFL = 4;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const POLLERR = 8;
const FD_CLOEXEC = 1;
const EPOLLIN = 1;
const EPOLLET = -0x80000000;
const EPOLL_CTL_ADD = 1;
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
    waitpid: libc.func('int waitpid(int pid, void *status, int options)'),
    waitid: libc.func('int waitid(int type, uint id, void *info, int options)'),
    /** Where the C library has the environment of this process. */
    environ: libc.symbol('environ'),
  };
}
let koffi: Koffi;
let c: ReturnType<typeof bind>;
let isGlibc = false;
let ownSession: Buffer;
let sameSession: Buffer;

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

/** An error as Node's own: `code` is the name of the number. */
function systemError(errno: number, what: string): NodeJS.ErrnoException {
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

/** Tells of pipes that something was written to them, or that nobody does any more. */
export interface Epoll {
  /** Tells of this one from now on, by a number, until it is closed. Throws where the system has no room for it. */
  add(fd: number, number: number): void;
  /** Those of which something changed since the last call; not all, if there are many. */
  changes(changed: (number: number) => void): void;
  /** Whether it keeps Node from ending; at first it does. */
  ref(): void;
  unref(): void;
}

/** How many changes are told at once. */
const CHANGES = 64;

/** `changed` is called while there are changes; see `poll` of koffi. */
export function newEpoll(changed: () => void): Epoll {
  const epoll = c.createEpoll(O_CLOEXEC);
  if (epoll === -1) throw errnoError('epoll_create1');
  const handle = koffi.node.poll(epoll, changed);
  // Of x64 alone the structure has no gap between the events and the number.
  const [words, at] = process.arch === 'x64' ? [3, 1] : [4, 2];
  const event = new Int32Array(4);
  const events = new Int32Array(CHANGES * words);
  return {
    add(fd, number) {
      event[0] = EPOLLIN | EPOLLET;
      event[at] = number;
      if (c.changeEpoll(epoll, EPOLL_CTL_ADD, fd, event) !== 0) throw errnoError('epoll_ctl');
    },
    changes(tell) {
      const count = c.waitEpoll(epoll, events, CHANGES, 0);
      for (let i = 0; i < count; i++) tell(events[i * words + at]!);
    },
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };
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

/** Where a program's descriptor comes from: an open one, or /dev/null. */
export type Source = number | 'null';

/** What can be given of a start. */
export interface Start {
  readonly cwd: string;
  readonly session: boolean;
  /** Of stdin, stdout and stderr. */
  readonly sources: readonly Source[];
  readonly argv: Vector;
  /** The whole environment; the start is its only user until it is over. */
  readonly environment: Vector;
  /** Descriptors that it doesn't inherit. */
  readonly without: readonly number[];
  /** `argv` for the shell, of a script that does not say what runs it. */
  script(path: string): Vector;
}

/** Told once how a start came out: the pid, or what execvp would give. */
export type Came = (error: NodeJS.ErrnoException | undefined, pid: number) => void;

/** How many starts are worth being under way in threads at once. */
const WIDTH = 4;

/** Those under way in threads. They also hold what they point into: of an address V8 does not know that it is used. */
const flights = new Set<Flight>();
/** What others needed before. */
const spare: Memory[] = [];

/** What the C library writes to, of one start at a time. */
interface Memory {
  /** What a process does before it becomes the program. */
  readonly actions: Buffer;
  readonly pid: Int32Array;
}

/** What a thread takes longer than this for has waited for one: others hold them (lookups of names, FIFOs being opened). */
const LATE = 25; // ms

/** When a thread was last seen to be free. */
let free = -Infinity;
let probing = false;

/**
 * Whether one more start may go to a thread: only while threads are known to be free, since what waits for one can't be
 * called off.
 */
export function hasThread(): boolean {
  if (flights.size >= WIDTH) return false;
  const now = performance.now();
  for (const { since } of flights) return now - since < LATE;
  if (now - free < LATE) return true;
  if (!probing) {
    probing = true;
    const since = now;
    c.poll.async(polled, 0, 0, () => {
      probing = false;
      if (performance.now() - since < LATE) free = performance.now();
    });
  }
  return false;
}

/**
 * Starts the first of these paths that can be started, as execvp goes through PATH. A path that is not absolute is seen
 * from `cwd`. The process borrows the memory of the thread that makes it until it becomes the program, which can take as
 * long as it takes the machine to have a core for it: with `inThread` another thread than Node's waits for that, and
 * `came` is called later.
 */
export function spawn(paths: readonly string[], how: Start, inThread: boolean, came: Came): void {
  const flight = new Flight(paths, how, inThread, came);
  if (inThread) flights.add(flight);
  flight.begin();
}

/** Waits for the starts in threads, at most so many milliseconds: Node comes to its end. False where one did not come out. */
export function land(ms: number): boolean {
  const deadline = performance.now() + ms;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (flights.size > 0) {
    for (const flight of flights) flight.look();
    if (performance.now() > deadline) return false;
    if (flights.size > 0) Atomics.wait(cell, 0, 0, 1);
  }
  return true;
}

class Flight {
  readonly since = performance.now();
  readonly #paths: readonly string[];
  readonly #how: Start;
  readonly #inThread: boolean;
  readonly #came: Came;
  readonly #memory: Memory = spare.pop() ?? { actions: Buffer.alloc(STRUCTURE), pid: new Int32Array(1) };
  #at = -1;
  #script: Vector | undefined;
  #errno = ENOENT;
  #over = false;
  #tell: (() => void) | undefined;

  constructor(paths: readonly string[], how: Start, inThread: boolean, came: Came) {
    this.#paths = paths;
    this.#how = how;
    this.#inThread = inThread;
    this.#came = came;
  }

  /** Once it is over. */
  get tell(): (() => void) | undefined {
    return this.#tell;
  }

  begin(): void {
    const { cwd, sources, without } = this.#how;
    const { actions, pid } = this.#memory;
    pid[0] = 0;
    try {
      check(c.initActions(actions), 'posix_spawn_file_actions_init');
      for (let fd = 0; fd < sources.length; fd++) {
        const source = sources[fd]!;
        if (source === 'null')
          check(c.addOpen(actions, fd, '/dev/null', O_RDWR, 0), 'posix_spawn_file_actions_addopen');
        // Also onto itself, for Node keeps its own stdin, stdout and stderr from being inherited: that is undone so.
        else check(c.addDup2(actions, source, fd), 'posix_spawn_file_actions_adddup2');
      }
      for (const fd of without) check(c.addClose(actions, fd), 'posix_spawn_file_actions_addclose');
      check(c.addChdir(actions, cwd), 'posix_spawn_file_actions_addchdir_np');
    } catch (error) {
      this.#end(error as Error, 0);
      return;
    }
    this.#next();
  }

  /** Tries the next path. */
  #next(): void {
    this.#script = undefined;
    const paths = this.#paths;
    while (++this.#at < paths.length) {
      const path = paths[this.#at]!;
      if (paths.length > 1 && isMissing(path)) continue;
      this.#spawn(path, this.#how.argv);
      return;
    }
    this.#end(systemError(this.#errno, 'posix_spawn'), 0);
  }

  #spawn(path: string, argv: Vector): void {
    const { session, environment } = this.#how;
    const { actions, pid } = this.#memory;
    const attributes = session ? ownSession : sameSession;
    if (!this.#inThread) {
      this.#tried(c.spawn(pid, path, actions, attributes, argv.addresses, environment.addresses));
      return;
    }
    const tried = (error: Error | null, errno: number): void => {
      if (error === null) this.#tried(errno);
      else this.#end(error, 0);
    };
    c.spawn.async(pid, path, actions, attributes, argv.addresses, environment.addresses, tried);
  }

  #tried(errno: number): void {
    if (this.#over) return;
    if (errno === 0) this.#end(undefined, this.#memory.pid[0]!);
    else if (errno === ENOEXEC && this.#script === undefined) {
      // A file that is executable and no program: a script without a first line that says whose.
      this.#script = this.#how.script(this.#paths[this.#at]!);
      this.#spawn('/bin/sh', this.#script);
    } else {
      const passed = PASSED_OVER.has(errno);
      if (!passed || this.#errno !== EACCES) this.#errno = errno;
      if (passed) this.#next();
      else this.#end(systemError(errno, 'posix_spawn'), 0);
    }
  }

  /** Whether it has its process, though nobody has told of it yet. */
  look(): void {
    const pid = Atomics.load(this.#memory.pid, 0);
    if (pid !== 0) this.#end(undefined, pid);
  }

  #end(error: NodeJS.ErrnoException | undefined, pid: number): void {
    if (this.#over) return;
    this.#over = true;
    c.destroyActions(this.#memory.actions);
    spare.push(this.#memory);
    if (!this.#inThread) this.#came(error, pid);
    else {
      this.#tell = () => this.#came(error, pid);
      tell();
    }
  }
}

/** In the order in which they began. */
function tell(): void {
  for (const flight of flights) {
    if (flight.tell === undefined) return;
    flights.delete(flight);
    free = performance.now();
    flight.tell();
  }
}

/** Whether it is seen to be missing without a process being made for it. */
function isMissing(path: string): boolean {
  return path.startsWith('/') && c.access(path, 0) !== 0 && MISSING.has(koffi.errno());
}

const EPERM = 1;
const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;
const ENOTDIR = 20;
const MISSING = new Set([ENOENT, ENOTDIR]);
/** ENOENT, EACCES, ENODEV, ENOTDIR, ENAMETOOLONG, ETIMEDOUT, ESTALE: the next folder of PATH may have it. */
const PASSED_OVER = new Set([ENOENT, EACCES, 19, ENOTDIR, 36, 110, 116]);

function check(errno: number, what: string): void {
  if (errno !== 0) throw systemError(errno, what);
}

/** Where a buffer is in memory. It does not move; whoever uses the address must keep the buffer. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

/** The addresses of this process's environment, a 0 for room and one for the end. */
let own = new BigUint64Array(2);
/** The same, which makes no BigInt of them. */
let halves = new Int32Array(own.buffer);
/** Where the C library has it. */
let ownAt: unknown;

/**
 * Whether a thread may read this process's environment while it is changed: glibc keeps the strings that others take the
 * place of, musl frees them.
 */
export function ownEnvironmentLasts(): boolean {
  return isGlibc;
}

/** The environment of this process as the C library has it, with room for one more; good until the next call. */
export function ownEnvironment(): BigUint64Array {
  const at: unknown = koffi.decode(c.environ, 'void *');
  const { length } = own;
  if (at === ownAt) {
    c.memcpy(own, at, 8 * (length - 1));
    // Set in place, by setenv or unsetenv, unless its end is where it was.
    let end = 0;
    while (end < 2 * (length - 2) && (halves[end] !== 0 || halves[end + 1] !== 0)) end += 2;
    if (end === 2 * (length - 2) && halves[end] === 0 && halves[end + 1] === 0) return own;
  }
  ownAt = at;
  own = BigUint64Array.from([...(koffi.decode(at, 'void *', -1) as bigint[]), 0n, 0n]);
  halves = new Int32Array(own.buffer);
  return own;
}

/** Whether a process, or a group by its negative number, can be signalled; undefined where the C library isn't called. */
export function canSignal(target: number): boolean | undefined {
  return (c as typeof c | undefined) && (c.kill(target, 0) === 0 || koffi.errno() === EPERM);
}

/** The status of a child process that has ended, which is reaped by this; undefined while it hasn't, or when it is nobody's. */
export function reap(pid: number): number | undefined {
  return c.waitpid(pid, one, WNOHANG) === pid ? one[0] : undefined;
}

/** The pid of a child process that has ended and is not reaped yet (nor by this); undefined when there is none. */
export function anyEnded(): number | undefined {
  info.fill(0);
  if (c.waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) !== 0) return undefined;
  return info[4] === 0 ? undefined : info[4];
}
