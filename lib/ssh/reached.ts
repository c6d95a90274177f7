// A program that can't be signalled from here, but by another one that goes the same way: by root's rights, inside the container.
import type { Writable } from 'node:stream';
import type { Child, Command, Exit, OutputPipe, Spawner } from '../kernel/index.ts';
import { ends } from '../spawn/group.ts';

/** Whoever is to be killed and can't be reached within this time is ended as far as it is here. */
const REACHING = 700; // ms

/** A child, and whether it has begun: before that only what starts it is there, and is ours. */
export interface Begun {
  readonly child: Child;
  begun(): boolean;
}

/** Starts it. */
export type Start = (started: (pid: number | undefined) => void, exited: (exit: Exit) => void) => Begun;

/** Starts a program whose signals are sent by `reach`, with the signal's name as one more word. */
export function startReached(
  spawner: Spawner,
  start: Start,
  reach: Command,
  started: (pid: number | undefined) => void,
  exited: (exit: Exit) => void,
): Child {
  return new Reached(spawner, start, reach, started, exited);
}

class Reached implements Child {
  readonly #spawner: Spawner;
  readonly #reach: Command;
  readonly #of: Begun;
  #state: 'starting' | 'running' | 'exited' = 'starting';
  /** Signals under way. */
  #reaching = 0;

  constructor(
    spawner: Spawner,
    start: Start,
    reach: Command,
    started: (pid: number | undefined) => void,
    exited: (exit: Exit) => void,
  ) {
    this.#spawner = spawner;
    this.#reach = reach;
    this.#of = start(
      (pid) => {
        this.#state = 'running';
        started(pid);
      },
      (exit) => {
        this.#state = 'exited';
        exited(exit);
      },
    );
  }

  get pid(): number | undefined {
    return this.#of.child.pid;
  }
  get stdin(): Writable | undefined {
    return this.#of.child.stdin;
  }
  get stdout(): OutputPipe | undefined {
    return this.#of.child.stdout;
  }
  get stderr(): OutputPipe | undefined {
    return this.#of.child.stderr;
  }

  signal(signal: NodeJS.Signals): void {
    const { child } = this.#of;
    if (this.#state !== 'running' || !this.#of.begun()) {
      child.signal(signal);
      return;
    }
    this.#reaching++;
    const unreached = (): void => {
      if (this.#state === 'running') child.signal(signal);
    };
    const timer = signal === 'SIGKILL' ? setTimeout(unreached, REACHING) : undefined;
    const done = (reached: boolean): void => {
      clearTimeout(timer);
      this.#reaching--;
      if (!reached && ends(signal)) unreached();
    };
    const argv = [...this.#reach.argv, signal.slice(3)] as unknown as Command['argv'];
    const killing = this.#spawner.spawn(
      { ...this.#reach, argv },
      () => {},
      (exit) => {
        killing.release();
        done(exit.type === 'exit' && exit.exitCode === 0);
      },
    );
  }

  alive(): boolean {
    return this.#reaching > 0 || this.#of.child.alive();
  }
  members(): readonly number[] {
    return this.#of.child.members();
  }
  release(): void {
    this.#of.child.release();
  }
}
