// Starts by posix_spawn, in Node's thread or in one of libuv's.
import { c, koffi, ownSession, sameSession, STRUCTURE, systemError } from './libc.ts';
import { STUCK, WIDTH } from './queue.ts';
import type { Vector } from './vector.ts';

const O_RDWR = 2;
const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;
const ENOTDIR = 20;
const MISSING = new Set([ENOENT, ENOTDIR]);
/** ENOENT, EACCES, ENODEV, ENOTDIR, ENAMETOOLONG, ETIMEDOUT, ESTALE: the next folder of PATH may have it. */
const PASSED_OVER = new Set([ENOENT, EACCES, 19, ENOTDIR, 36, 110, 116]);

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

/** When a thread was last seen to be free: one that took longer than STUCK has waited for it (others look up names, or open FIFOs). */
let free = -Infinity;
let probing = false;

/**
 * Whether one more start may go to a thread: only while threads are known to be free, since what waits for one can't be
 * called off.
 */
export function hasThread(): boolean {
  if (flights.size >= WIDTH) return false;
  const now = performance.now();
  for (const { since } of flights) return now - since < STUCK;
  if (now - free < STUCK) return true;
  if (!probing) {
    probing = true;
    const since = now;
    c.poll.async(null, 0, 0, () => {
      probing = false;
      if (performance.now() - since < STUCK) free = performance.now();
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

function check(errno: number, what: string): void {
  if (errno !== 0) throw systemError(errno, what);
}
