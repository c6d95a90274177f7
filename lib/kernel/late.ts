// Callbacks of the user's that are async: what they return is waited for before their run settles, so that their failure can
// still be the run's, and its error is told where all others are instead of ending the process.
import type { Outcome } from './event.ts';

/** Takes what a callback returned; anything but a promise is nothing. */
export type Returned = (value: unknown) => void;

/** Promises of a run's callbacks. */
export interface Late {
  count: number;
  /** L5: there are so many that nothing more is read until half of them have come. */
  holding: boolean;
  /** With what the run settles after the last of them. */
  outcome: Outcome<any> | undefined;
}

/** Beyond this many its run is held. */
export const MANY = 1024;

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

/** Calls back with each line. */
export function callEach(callback: (line: any) => unknown, lines: readonly string[], returned: Returned): void {
  // By index: the first thousands of lines come before this is compiled, and an iterator costs far more until then.
  for (let i = 0; i < lines.length; i++) {
    const value = callback(lines[i]);
    if (typeof value === 'object' && value !== null) returned(value);
  }
}
