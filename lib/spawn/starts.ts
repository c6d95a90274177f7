// Starting, for every spawner of this machine: one queue, first come, first served. Starts are worked off outside the
// caller, in slices (a start blocks for a millisecond), and wait while the machine is short of what they take.
import type { Readable, Writable } from 'node:stream';
import type { Child, Command, Exit } from '../kernel/spawner.ts';
import { failure, fileFailure, passes, platformFailure } from './failure.ts';
import { ends, Group } from './group.ts';
import { enter, exited, leave, runningCount } from './living.ts';
import { closePlaces, openPlaces, plainPlaces, type Places } from './places.ts';
import { available, taken } from './room.ts';

/** A process that has begun. */
export interface Process {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
}

/** What a starter tells. */
export interface Told {
  /** Inside `start` only, if at all. */
  begun(process: Process): void;
  failed(error: NodeJS.ErrnoException): void;
  /** Once the process has been reaped. */
  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void;
}

/** One way of making a process. What differs between spawners of this machine is this alone. */
export interface Starter {
  /** What has to come first; undefined once it has. */
  ready(): Promise<void> | undefined;
  start(command: Command, places: Places, told: Told): void;
}

const SLICE = 5; // ms
const SHORTEST = 5; // ms
const LONGEST = 500; // ms
/** Tries when nothing of ours runs, so that nothing we know of will end: some 12 s. */
const TRIES = 30;

const queue = new Set<LocalChild>();
/** Those that failed for what is short: before the others when it comes free. */
const front = new Set<LocalChild>();
let scheduled = false;
/** The start under way: its failure has not been told yet, or its starter loads. Those behind it wait too. */
let busy: LocalChild | undefined;
/** Starts that wait for their files. */
let opening = 0;
/** While the machine is short of something. */
let timer: NodeJS.Timeout | undefined;
let delay = SHORTEST;
let tries = 0;

/** Starts a program as the seam says. */
export function start(
  starter: Starter,
  command: Command,
  started: (pid: number | undefined) => void,
  exited: (exit: Exit) => void,
): Child {
  const child = new LocalChild(starter, command, started, exited);
  queue.add(child);
  schedule();
  return child;
}

/** How many more programs may start now, besides those that wait to. */
export function room(): number {
  return available() - queue.size - front.size - opening;
}

function schedule(): void {
  if (scheduled || timer !== undefined || busy !== undefined) return;
  scheduled = true;
  queueMicrotask(work);
}

function work(): void {
  const deadline = performance.now() + SLICE;
  try {
    while (startable() && performance.now() < deadline) {
      if (available() - opening < 1) hold();
      else next().begin();
    }
  } finally {
    scheduled = startable();
    if (scheduled) setImmediate(work);
  }
}

function startable(): boolean {
  return busy === undefined && timer === undefined && front.size + queue.size > 0;
}

function next(): LocalChild {
  for (const line of [front, queue])
    for (const child of line) {
      line.delete(child);
      busy = child;
      return child;
    }
  throw new Error('nobody waits');
}

/** The start under way is settled, or waits for something of its own. */
function free(child: LocalChild): void {
  if (busy !== child) return;
  busy = undefined;
  schedule();
}

function hold(): void {
  timer ??= setTimeout(resume, delay);
  delay = Math.min(LONGEST, 2 * delay);
}

function resume(): void {
  timer = undefined;
  schedule();
}

/** A program has ended: what it held comes free about now. */
function hasten(): void {
  delay = SHORTEST;
  if (timer === undefined) return;
  clearTimeout(timer);
  timer = setTimeout(resume, 0);
}

/** A start came to its end: what was short isn't any more, or was waited for long enough. */
function settled(): void {
  delay = SHORTEST;
  tries = 0;
}

/** Whether there is hope that a failure passes. */
function again(): boolean {
  if (runningCount() > 0) tries = 0;
  return ++tries <= TRIES;
}

class LocalChild implements Child, Told {
  readonly #starter: Starter;
  readonly #command: Command;
  readonly #started: (pid: number | undefined) => void;
  readonly #exited: (exit: Exit) => void;
  #process: Process | undefined;
  #group: Group | undefined;
  #files: Places | undefined;
  /** Its exit has been reported. */
  #over = false;

  constructor(
    starter: Starter,
    command: Command,
    started: (pid: number | undefined) => void,
    exited: (exit: Exit) => void,
  ) {
    this.#starter = starter;
    this.#command = command;
    this.#started = started;
    this.#exited = exited;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }
  get stdin(): Writable | undefined {
    return this.#process?.stdin;
  }
  get stdout(): Readable | undefined {
    return this.#process?.stdout;
  }
  get stderr(): Readable | undefined {
    return this.#process?.stderr;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#group !== undefined) this.#group.signal(signal);
    else if (!this.#over && ends(signal)) {
      this.#over = true;
      if (!queue.delete(this)) front.delete(this);
      queueMicrotask(() => this.#exited({ type: 'exit', exitCode: undefined, signal }));
    }
  }

  alive(): boolean {
    return this.#group?.alive() ?? false;
  }

  members(): readonly number[] {
    return this.#group?.members() ?? [];
  }

  release(): void {
    if (this.#group !== undefined) leave(this.#group);
  }

  /** Its turn has come. Those behind it are held up until it calls `free`. */
  begin(): void {
    const unsupported = platformFailure();
    const ready = unsupported ? undefined : this.#starter.ready();
    if (this.#over) free(this);
    else if (unsupported !== undefined) this.failed(unsupported);
    else if (ready !== undefined)
      ready.then(
        () => this.begin(),
        (error) => this.failed(error),
      );
    else {
      const places = plainPlaces(this.#command);
      if (places !== undefined) this.#starter.start(this.#command, places, this);
      else {
        // A file can take its time to open (a FIFO waits for its other end): nobody else waits for that.
        void this.#open();
        free(this);
      }
    }
  }

  async #open(): Promise<void> {
    opening++;
    const opened = await openPlaces(this.#command);
    opening--;
    this.#files = opened.places;
    if (opened.places === undefined) this.#fail(opened.error, fileFailure(opened.error, opened.file));
    else if (this.#over) this.#close();
    else this.#starter.start(this.#command, opened.places, this);
  }

  begun(process: Process): void {
    this.#close();
    settled();
    taken();
    this.#process = process;
    this.#group = new Group(process.pid, this.#command.session);
    enter(this.#group);
    free(this);
    this.#started(process.pid);
  }

  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void {
    const group = this.#group!;
    group.leaderExited();
    exited(group);
    hasten();
    this.#settle({ type: 'exit', exitCode, signal });
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#close();
    this.#fail(error, failure(error, this.#command));
    free(this);
  }

  #fail(error: NodeJS.ErrnoException, exit: Exit): void {
    if (this.#over) return;
    if (passes(error) && again()) {
      front.add(this);
      hold();
    } else {
      settled();
      this.#settle(exit);
    }
  }

  #settle(exit: Exit): void {
    if (this.#over) return;
    this.#over = true;
    this.#exited(exit);
  }

  #close(): void {
    if (this.#files !== undefined) closePlaces(this.#files);
    this.#files = undefined;
  }
}
