// Ending a program (L6): a signal to all of it, SIGKILL after the grace to whoever is left, and waiting until all of it is
// gone: the leader's exit alone is not enough, its pipes don't matter. Zombies count as gone.
import { constants } from 'node:os';
import type { Child, Clock } from '../kernel/index.ts';

/** These don't end anything. */
const HARMLESS = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT']);

/** The signal that a kill begins with: the one that it is named after. */
export function signalOf(by: string): NodeJS.Signals {
  return by in constants.signals && !HARMLESS.has(by) ? (by as NodeJS.Signals) : 'SIGTERM';
}

/** After SIGKILL, this long; then it can't be helped. */
const LAST = 1000;
const SOONEST = 2;
const LATEST = 50;

/** A program that is being ended. */
export interface Ending {
  /** Its leader has exited. */
  exited(): void;
  /** No grace any more. */
  hurry(): void;
  /** It never began. */
  cancel(): void;
}

/** How a program is ended; times in milliseconds. */
export interface EndOptions {
  /** Undefined: it has it already (Ctrl-C from the terminal that it shares with Node). */
  readonly signal: NodeJS.Signals | undefined;
  readonly grace: number;
  readonly clock: Clock;
  /** Whether its leader has exited before. */
  readonly exited: boolean;
  /** Called once, with the pids that survived even SIGKILL. */
  gone(survivors: readonly number[]): void;
}

/** Ends a program and calls `gone`, never inside this call. */
export function endGroup(child: Child, options: EndOptions): Ending {
  const ending = new GroupEnding(child, options);
  ending.begin();
  return ending;
}

class GroupEnding implements Ending {
  readonly #child: Child;
  readonly #options: EndOptions;
  #exited: boolean;
  #over = false;
  #killed = false;
  #cancelGrace: (() => void) | undefined;
  /** Only the leader tells when it ends; for the others one has to look. */
  #poll: NodeJS.Timeout | undefined;
  #wait = SOONEST;

  constructor(child: Child, options: EndOptions) {
    this.#child = child;
    this.#options = options;
    this.#exited = options.exited;
  }

  begin(): void {
    const { signal, grace, clock } = this.#options;
    if (signal === 'SIGKILL') this.hurry();
    else {
      if (signal !== undefined) this.#child.signal(signal);
      this.#cancelGrace = clock.after(grace, () => this.hurry());
      setImmediate(this.#look);
    }
  }

  exited(): void {
    this.#exited = true;
    setImmediate(this.#look);
  }

  hurry(): void {
    if (this.#over || this.#killed) return;
    this.#killed = true;
    this.#cancelGrace?.();
    this.#child.signal('SIGKILL');
    const timer = setTimeout(() => this.#finish(this.#child.members()), LAST);
    this.#cancelGrace = () => clearTimeout(timer);
    this.#wait = SOONEST;
    setImmediate(this.#look);
  }

  cancel(): void {
    this.#over = true;
    this.#cancelGrace?.();
    clearTimeout(this.#poll);
  }

  readonly #look = (): void => {
    clearTimeout(this.#poll);
    if (this.#over || !this.#exited) return;
    if (!this.#child.alive()) {
      this.#finish([]);
      return;
    }
    if (this.#killed) this.#child.signal('SIGKILL'); // what had just moved to another group
    this.#poll = setTimeout(this.#look, this.#wait);
    this.#wait = Math.min(this.#wait * 2, LATEST);
  };

  #finish(survivors: readonly number[]): void {
    if (this.#over) return;
    this.cancel();
    this.#options.gone(survivors);
  }
}
