// Starting, for every spawner of this machine: one queue, first come, first served. Starts are worked off outside the
// caller, in slices (a start blocks for a millisecond), and wait while the machine is short of what they take.
import type { Readable, Writable } from 'node:stream';
import type { Child, Command, Exit } from '../kernel/spawner.ts';
import { failure, passes } from './failure.ts';
import { closePlaces, needsOpening, openPlaces, type Places } from './places.ts';
import { ends, Group } from './group.ts';
import { enter, exited, leave, runningCount } from './living.ts';
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

const queue: LocalChild[] = [];
let scheduled = false;
/** The start whose failure has not been told yet, or that waits for its starter; those behind it wait too. */
let busy: LocalChild | undefined;
let timer: NodeJS.Timeout | undefined;
let delay = SHORTEST;
let tries = 0;
/** Starts that wait for their files. */
let opening = 0;

/** Starts a program as the seam says. */
export function start(
  starter: Starter,
  command: Command,
  started: (pid: number | undefined) => void,
  exited: (exit: Exit) => void,
): Child {
  const child = new LocalChild(starter, command, started, exited);
  queue.push(child);
  schedule();
  return child;
}

/** How many more programs may start now, besides those that wait to. */
export function room(): number {
  return available() - queue.length - opening;
}

function schedule(): void {
  if (scheduled || timer !== undefined || busy !== undefined) return;
  scheduled = true;
  queueMicrotask(work);
}

function work(): void {
  scheduled = false;
  const deadline = performance.now() + SLICE;
  while (busy === undefined && timer === undefined && queue.length > 0) {
    if (available() - opening < 1) return hold();
    if (performance.now() > deadline) {
      scheduled = true;
      setImmediate(work);
      return;
    }
    const child = queue.shift()!;
    busy = child;
    child.begin();
  }
}

/** The start that was under way is settled, or waits for something of its own. */
function free(child: LocalChild): void {
  if (busy !== child) return;
  busy = undefined;
  schedule();
}

/** Tries again later. */
function hold(): void {
  timer ??= setTimeout(resume, delay);
  delay = Math.min(LONGEST, 2 * delay);
}

function resume(): void {
  clearTimeout(timer);
  timer = undefined;
  schedule();
}

/** A program has ended: what it held comes free about now. */
function ended(): void {
  if (timer === undefined) return;
  delay = SHORTEST;
  clearTimeout(timer);
  timer = setTimeout(resume, 0);
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
  #places: Places | undefined;
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
      const at = queue.indexOf(this);
      if (at >= 0) queue.splice(at, 1);
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

  /** Its turn has come. Holds up those behind it until it calls `free`. */
  begin(): void {
    const ready = this.#starter.ready();
    if (ready !== undefined) {
      ready.then(
        () => this.begin(),
        (error) => this.failed(error),
      );
    } else if (this.#over) {
      free(this);
    } else if (this.#places === undefined && needsOpening(this.#command)) {
      // A file can take its time to open (a FIFO waits for its other end): nobody else waits for that.
      opening++;
      openPlaces(this.#command).then(
        (places) => {
          opening--;
          this.#places = places;
          this.#go();
        },
        ({ error, exit }: { error: NodeJS.ErrnoException; exit: Exit }) => {
          opening--;
          if (passes(error)) this.#later(exit);
          else this.#settle(exit);
        },
      );
      free(this);
    } else {
      this.#go();
    }
  }

  #go(): void {
    const places = (this.#places ??= openPlaces.none);
    if (this.#over) closePlaces(places);
    else this.#starter.start(this.#command, places, this);
    if (this.#process !== undefined) free(this);
  }

  begun(process: Process): void {
    this.#close();
    delay = SHORTEST;
    tries = 0;
    taken();
    this.#process = process;
    this.#group = new Group(process.pid, this.#command.session);
    enter(this.#group);
    this.#started(process.pid);
  }

  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void {
    const group = this.#group!;
    group.leaderExited();
    exited(group);
    ended();
    this.#settle({ type: 'exit', exitCode, signal });
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#close();
    const exit = failure(error, this.#command);
    if (passes(error)) this.#later(exit);
    else this.#settle(exit);
    free(this);
  }

  /** What was short may come free. */
  #later(exit: Exit): void {
    if (this.#over) return;
    if (!again()) return this.#settle(exit);
    queue.unshift(this);
    hold();
  }

  #settle(exit: Exit): void {
    if (this.#over) return;
    this.#over = true;
    this.#exited(exit);
  }

  #close(): void {
    if (this.#places !== undefined) closePlaces(this.#places);
    this.#places = undefined;
  }
}
