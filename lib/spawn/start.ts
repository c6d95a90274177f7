// A program of this machine, whatever makes its process: from the queue to the last of its group.
import type { Readable, Writable } from 'node:stream';
import type { Child, Command, Exit } from '../kernel/spawner.ts';
import { failure, fileFailure, passes, platformFailure } from './failure.ts';
import { ends, Group } from './group.ts';
import { enter, exited, leave } from './living.ts';
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
import { again, countOpening, dequeue, done, enqueue, hasten, settled, type Waiting } from './queue.ts';
import { nextMark, watch } from './reaper.ts';
import { taken } from './room.ts';

/** A process that has begun. */
export interface Process {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
}

/** What a starter tells. */
export interface Told {
  /** It watches over Node: Node may come to its end while it runs, and it should hold nothing open that Node does. */
  readonly weak?: boolean;
  /** Inside `start` only, if at all. */
  begun(process: Process): void;
  failed(error: NodeJS.ErrnoException): void;
  /** Once the process has been reaped. */
  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void;
}

/** A variable of the environment. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** One way of making a process. What differs between spawners of this machine is this alone. */
export interface Starter {
  /** What has to come first; undefined once it has. */
  ready(): Promise<void> | undefined;
  /** `extra` is added to the environment. */
  start(command: Command, places: Places, told: Told, extra?: Variable): void;
  /** What joins its programs; where there is none they can't be. */
  readonly pipes?: Pipes;
}

/** Starts a program as the seam says. */
export function start(
  starter: Starter,
  command: Command,
  started: (pid: number | undefined) => void,
  exited: (exit: Exit) => void,
): Child {
  const child = new LocalChild(starter, command, started, exited);
  enqueue(child);
  return child;
}

class LocalChild implements Child, Told, Waiting {
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
      dequeue(this);
      leaveJoints(this.#command);
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

  /** Its turn has come. Those behind it are held up until it calls `done`. */
  begin(): void {
    const unsupported = platformFailure();
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
    if (detach !== true) watch(this.#starter);
    const marked = detach !== true && exactEnv !== true;
    this.#starter.start(command, joined, this, marked ? nextMark() : undefined);
  }

  begun(process: Process): void {
    this.#close();
    joinedTo(this.#command);
    settled();
    taken();
    this.#process = process;
    this.#group = new Group(process.pid, this.#command.session);
    enter(this.#group, this.#command.detach === true);
    // Whoever reads or writes hears of errors himself; where nobody does, a broken pipe must not end the process.
    for (const stream of [process.stdin, process.stdout, process.stderr]) stream?.on('error', () => {});
    done(this);
    this.#started(process.pid);
    // What nobody reads yet waits in its pipe: execa would resume it after a moment.
    for (const stream of [process.stdout, process.stderr]) if (stream?.readableFlowing === null) stream.pause();
  }

  exited(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void {
    const group = this.#group!;
    group.leaderExited();
    exited(group);
    hasten();
    leaveJoints(this.#command);
    this.#settle({ type: 'exit', exitCode, signal });
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#close();
    this.#fail(error, failure(error, this.#command));
    done(this);
  }

  #fail(error: NodeJS.ErrnoException, exit: Exit): void {
    if (this.#over) return;
    if (passes(error) && again(this)) return;
    settled();
    leaveJoints(this.#command);
    this.#settle(exit);
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
