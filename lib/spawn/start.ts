// A program of this machine, whatever makes its process: from the queue to the last of its group.
import type { Writable } from 'node:stream';
import type { Child, Command, Exit, OutputPipe, Usage } from '../kernel/spawner.ts';
import { failure, fileFailure, passes, platformFailure } from './failure.ts';
import { ends, Group } from './group.ts';
import { enter, exited, failed, leave, starts } from './living.ts';
import {
  closePlaces,
  joinedTo,
  leaveJoints,
  openPlaces,
  plainPlaces,
  withJoints,
  type Pipes,
  type Places,
} from './places.ts';
import { again, countOpening, dequeue, done, enqueue, hasten, isCrowded, settled, type Waiting } from './queue.ts';
import { watch, type Entry } from './reaper.ts';
import { taken } from './room.ts';

/** A process that has begun. */
export interface Process {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: OutputPipe | undefined;
  readonly stderr: OutputPipe | undefined;
}

/** What a starter tells. */
export interface Told {
  /** It watches over Node: Node may come to its end while it runs, and it should hold nothing open that Node does. */
  readonly weak?: boolean;
  begun(process: Process): void;
  failed(error: NodeJS.ErrnoException): void;
  /** Once the process has been reaped. */
  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined, usage?: Usage): void;
}

/** A variable of the environment. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** How a process is to be made. */
export interface How {
  /** Is added to the environment. */
  readonly extra?: Variable | undefined;
  /** It shall not hold up Node's thread, where that can be helped; `begun` may come later. Default false. */
  readonly inThread?: boolean;
}

/** One way of making a process. What differs between spawners of this machine is this alone. */
export interface Starter {
  /** What has to come first; undefined once it has. */
  ready(): Promise<void> | undefined;
  start(command: Command, places: Places, told: Told, how: How): void;
  /** Node comes to its end: waits for those that have not begun, at most so many milliseconds; false where one still hasn't. */
  land?(ms: number): boolean;
  /** What joins its programs; where there is none they can't be. */
  readonly pipes?: Pipes;
  /** It stands for another one that could not be had just now. */
  readonly passing?: boolean;
}

/** Starts a program as the seam says. */
export function start(
  starter: () => Starter,
  command: Command,
  started: (pid: number | undefined) => void,
  exited: (exit: Exit, usage?: Usage) => void,
): Child {
  const child = new LocalChild(starter, command, started, exited);
  enqueue(child);
  return child;
}

/**
 * A program file that somebody has open for writing is tried again so often, after 1, 2, 4 … ms: a process that is just being
 * started holds for a moment what Node had open, also when Node has closed it since.
 */
const BUSY = 8;

class LocalChild implements Child, Told, Waiting {
  readonly #choose: () => Starter;
  #starter!: Starter;
  readonly #command: Command;
  readonly #started: (pid: number | undefined) => void;
  readonly #exited: (exit: Exit, usage?: Usage) => void;
  #process: Process | undefined;
  #group: Group | undefined;
  #files: Places | undefined;
  #entry: Entry | undefined;
  /** It is being started: what would end it comes then. */
  #starting = false;
  readonly #pending: NodeJS.Signals[] = [];
  /** Its exit has been reported. */
  #over = false;
  #released = false;
  #busy = 0;

  constructor(
    starter: () => Starter,
    command: Command,
    started: (pid: number | undefined) => void,
    exited: (exit: Exit, usage?: Usage) => void,
  ) {
    this.#choose = starter;
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
  get stdout(): OutputPipe | undefined {
    return this.#process?.stdout;
  }
  get stderr(): OutputPipe | undefined {
    return this.#process?.stderr;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#group !== undefined) this.#group.signal(signal);
    else if (!ends(signal)) return;
    else if (this.#starting) this.#pending.push(signal);
    else if (!this.#over) {
      dequeue(this);
      this.#callOff(signal);
    }
  }

  #callOff(signal: NodeJS.Signals): void {
    this.#over = true;
    leaveJoints(this.#command);
    queueMicrotask(() => this.#exited({ type: 'exit', exitCode: undefined, signal }));
  }

  alive(): boolean {
    return this.#group?.alive() ?? false;
  }

  members(): readonly number[] {
    return this.#group?.members() ?? [];
  }

  release(): void {
    this.#released = true;
    if (this.#group !== undefined) leave(this.#group);
  }

  /** Its turn has come. Those behind it are held up until it calls `done`. */
  begin(): void {
    const unsupported = platformFailure();
    this.#starter = this.#choose();
    const ready = unsupported ? undefined : this.#starter.ready();
    if (this.#over) done(this);
    else if (unsupported !== undefined) this.failed(unsupported);
    else if (ready !== undefined) {
      const alive = setInterval(() => {}, 2 ** 30); // what is waited for may not keep Node from ending
      ready
        .finally(() => clearInterval(alive))
        .then(
          () => this.begin(),
          (error) => this.failed(error),
        );
    } else {
      const places = plainPlaces(this.#command);
      if (places !== undefined) this.#start(places);
      else {
        // A file can take its time to open (a FIFO waits for its other end): nobody else waits for that.
        void this.#open();
        done(this);
      }
    }
  }

  async #open(): Promise<void> {
    countOpening(1);
    const opened = await openPlaces(this.#command);
    countOpening(-1);
    this.#files = opened.places;
    if (opened.places === undefined) this.#fail(opened.error, fileFailure(opened.error, opened.file));
    else if (this.#over) this.#close();
    else this.#start(opened.places);
  }

  #start(places: Places): void {
    const command = this.#command;
    let joined: Places;
    try {
      joined = withJoints(places, command);
    } catch (error) {
      this.failed(error as NodeJS.ErrnoException);
      return;
    }
    const { exactEnv, detach } = command;
    if (detach !== true) {
      watch(this.#starter);
      this.#entry = starts(this.#starter.land);
    }
    this.#starting = true;
    // Without the variable the reaper can't know it until it has begun: that has to be soon.
    if (exactEnv === true) this.#starter.start(command, joined, this, {});
    else this.#starter.start(command, joined, this, { extra: this.#entry?.mark, inThread: isCrowded() });
  }

  begun(process: Process): void {
    this.#starting = false;
    this.#close();
    joinedTo(this.#command);
    settled();
    taken();
    this.#process = process;
    this.#group = new Group(process.pid, this.#command.session);
    enter(this.#group, this.#entry);
    // Whoever reads or writes hears of errors himself; where nobody does, a broken pipe must not end the process.
    process.stdin?.on('error', ignore);
    process.stdout?.on('error', ignore);
    process.stderr?.on('error', ignore);
    done(this);
    this.#started(process.pid);
    // What nobody reads yet waits in its pipe: execa would resume it after a moment.
    for (const stream of [process.stdout, process.stderr]) if (stream?.readableFlowing === null) stream.pause();
    for (const signal of this.#pending) this.#group.signal(signal);
  }

  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined, usage?: Usage): void {
    const group = this.#group!;
    group.leaderExited();
    exited(group);
    if (this.#released) leave(group); // given up before it had begun
    hasten();
    leaveJoints(this.#command);
    this.#settle({ type: 'exit', exitCode, signal }, usage);
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#starting = false;
    if (this.#entry !== undefined) failed(this.#entry);
    this.#entry = undefined;
    this.#close();
    const [signal] = this.#pending;
    if (signal !== undefined) {
      // Whatever it failed for, it is wanted no more.
      this.#callOff(signal);
      done(this);
      return;
    }
    this.#fail(error, failure(error, this.#command));
    done(this);
  }

  #fail(error: NodeJS.ErrnoException, exit: Exit): void {
    if (this.#over) return;
    if (passes(error) && again(this)) return;
    if (error.code === 'ETXTBSY' && this.#busy < BUSY) {
      setTimeout(() => this.#over || this.begin(), 2 ** this.#busy++);
      return;
    }
    settled();
    leaveJoints(this.#command);
    this.#settle(exit);
  }

  #settle(exit: Exit, usage?: Usage): void {
    if (this.#over) return;
    this.#over = true;
    this.#exited(exit, usage);
  }

  #close(): void {
    if (this.#files !== undefined) closePlaces(this.#files);
    this.#files = undefined;
  }
}

function ignore(): void {}
