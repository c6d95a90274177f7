// What runners give that have little of their own to be told.
import type { Running } from './runner.ts';

/** Of one that is done when it was started. */
export const DONE: Running = { pause() {}, play() {}, kill() {} };

/** Of one that has only started another: the tree pauses and plays that one. */
export function follow(child: Running): Running {
  return { pause() {}, play() {}, kill: (by) => child.kill(by) };
}
