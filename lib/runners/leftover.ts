// What a program leaves behind: processes of its group that live on after it has settled (`server &`). They may go on while
// the loop does, and end with it (L6): they become a run of the loop.
import { createRunner, type Child, type OutputPipe, type Running, type Sink } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import type { ProgramRunner } from './program.ts';
import { endGroup, type Ending } from './stop.ts';

const SOONEST = 100; // ms
const LATEST = 2000; // ms
/** What is read in vain between two rests: who floods a pipe that nobody reads shall not take our time. */
const GULP = 1024 * 1024; // bytes
const REST = 100; // ms

/**
 * Makes the rest of a program's group a run of the outermost loop. It has `pipes` still open: what it writes is read and
 * dropped, since closing them would end a server at its next line.
 */
export function leaveBehind(child: Child, pipes: readonly OutputPipe[], from: RunRecord, runner: ProgramRunner): void {
  let root = from;
  while (root.parent !== undefined) root = root.parent;
  const rest = createRunner<void>({
    spec: { type: 'leftover', of: from.id },
    label: `left by ${runner.label}`,
    start: (sink) => new Leftover(child, pipes, sink, runner.settings.grace, from),
  });
  root.call(() => {
    if (root.open) root.startChild(rest, { sink: {} });
    else new Leftover(child, pipes, undefined, runner.settings.grace, from).kill('SIGTERM');
  });
}

class Leftover implements Running {
  readonly #child: Child;
  readonly #pipes: readonly OutputPipe[];
  readonly #sink: Sink<void> | undefined;
  readonly #grace: number;
  readonly #from: RunRecord;
  #ending: Ending | undefined;
  #poll: NodeJS.Timeout | undefined;
  #wait = SOONEST;

  constructor(
    child: Child,
    pipes: readonly OutputPipe[],
    sink: Sink<void> | undefined,
    grace: number,
    from: RunRecord,
  ) {
    this.#child = child;
    this.#pipes = pipes;
    this.#sink = sink;
    this.#grace = grace;
    this.#from = from;
    for (const pipe of pipes) drop(pipe);
    this.#look();
  }

  /** Nobody tells when it ends by itself. */
  #look(): void {
    this.#poll = setTimeout(() => {
      if (this.#child.alive()) this.#look();
      else this.#gone([], undefined);
    }, this.#wait);
    this.#wait = Math.min(2 * this.#wait, LATEST);
  }

  #gone(survivors: readonly number[], by: string | undefined): void {
    clearTimeout(this.#poll);
    if (survivors.length > 0) this.#sink?.note(`could not be killed: pid ${survivors.join(', ')}`, { survivors });
    this.#child.release();
    for (const pipe of this.#pipes) pipe.destroy();
    this.#sink?.settle(by === undefined ? { type: 'finished', value: undefined } : { type: 'killed', by });
  }

  kill(by: string): void {
    // Not the one that the loop got: a shell makes those that it starts with & ignore SIGINT.
    const signal = by === 'SIGKILL' ? by : 'SIGTERM';
    if (this.#ending !== undefined) {
      if (signal === 'SIGKILL') this.#ending.hurry();
      return;
    }
    clearTimeout(this.#poll);
    this.#ending = endGroup(this.#child, {
      signal,
      grace: this.#grace,
      clock: this.#from.ambient.clock,
      exited: true,
      gone: (survivors) => this.#gone(survivors, by),
    });
  }
  pause(): void {}
  play(): void {}
  describe(): string {
    return `pid ${this.#child.members().join(', ')} lives on`;
  }
}

function drop(pipe: OutputPipe): void {
  let bytes = 0;
  pipe.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes < GULP) return;
    bytes = 0;
    pipe.pause();
    setTimeout(() => pipe.resume(), REST).unref();
  });
  pipe.resume();
}
