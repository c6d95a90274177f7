// Ending a program (L6): a signal to all of it, SIGKILL after the grace to whoever is left, and waiting until all of it is
// gone: the leader's exit alone is not enough, its pipes don't matter. Zombies count as gone.
import type { Child, Clock } from '../kernel/index.ts';

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
}

/** How a program is ended; times in milliseconds. */
export interface EndOptions {
  readonly signal: NodeJS.Signals;
  readonly grace: number;
  readonly clock: Clock;
  /** Whether its leader has exited before. */
  readonly exited: boolean;
  /** Called once, with the pids that survived even SIGKILL. */
  gone(survivors: readonly number[]): void;
}

/** Ends a program and calls `gone`, never inside this call. */
export function endGroup(child: Child, options: EndOptions): Ending {
  const { clock } = options;
  let { exited } = options;
  let over = false;
  let killed = false;
  let cancelGrace: (() => void) | undefined;
  let poll: NodeJS.Timeout | undefined;
  let wait = SOONEST;

  const finish = (survivors: readonly number[]): void => {
    if (over) return;
    over = true;
    cancelGrace?.();
    clearTimeout(poll);
    options.gone(survivors);
  };
  // Only the leader tells when it ends; of the others nobody does.
  const look = (): void => {
    clearTimeout(poll);
    if (over || !exited) return;
    if (!child.alive()) {
      finish([]);
      return;
    }
    poll = setTimeout(look, wait);
    wait = Math.min(wait * 2, LATEST);
  };
  const killNow = (): void => {
    if (over || killed) return;
    killed = true;
    cancelGrace?.();
    child.signal('SIGKILL');
    wait = SOONEST;
    const timer = setTimeout(() => finish(child.members()), LAST);
    cancelGrace = () => clearTimeout(timer);
    look();
  };

  if (options.signal === 'SIGKILL') killNow();
  else {
    child.signal(options.signal);
    cancelGrace = clock.after(options.grace, killNow);
    setImmediate(look);
  }
  return {
    exited() {
      exited = true;
      setImmediate(look);
    },
    hurry: killNow,
  };
}
