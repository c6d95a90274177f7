// What has happened in a loop, as data. This union is the best introduction to the library: reporters print it, the RxJS
// adapter emits it, iterators give it. A *report* is what a runner says; an *event* is announced when it takes effect,
// and an event object is made only when somebody listens.

/** Anything JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json };

/** What a runner would do, as data: logs print it, memos hash it, dry runs show it. */
export type Spec = { readonly type: string; readonly [field: string]: Json };

/**
 * The address of a run: its parent's id, a dot, and its key (the record's key in `all` and `race`) or its ordinal among
 * its parent's runs, counted from 1. `'2.db.1'` is the first run of the child `db` of the second generator.
 */
export type RunId = string;

/** How a run ended. `cause` is what a killed run threw after all. */
export type Outcome<T> =
  | { readonly type: 'finished'; readonly value: T }
  | { readonly type: 'failed'; readonly error: Error }
  | { readonly type: 'killed'; readonly by: string; readonly cause?: Error };

/** Where a run is. The terminal states are its outcome. */
export type State<T> =
  | { readonly type: 'created' }
  | { readonly type: 'running' }
  | { readonly type: 'waiting'; readonly on: RunId }
  | { readonly type: 'paused'; readonly from: 'created' | 'running' | 'waiting' }
  | Outcome<T>;

/** The name of a stream of a run. */
export type StreamName = 'stdout' | 'stderr' | (string & {});

/**
 * What has happened.
 *
 * - `start`: the run has begun (it holds its slot).
 * - `line`: one line, without its newline; with `partial: true` the beginning of a line that has rested unfinished
 *   (only where the runner was asked for it, see `partial` of `program`); the whole line follows as an event of its own.
 *   With `memory: true` it was said by an earlier run, whose result a memo gives.
 * - `item`: a value that a runner or `emit` gave.
 * - `note`: something worth telling: "retry 2 of 5", "leaked".
 * - `settle`: how the run ended, after everything that it had started; exactly one a run.
 *
 * `at` is in milliseconds since the epoch, `ms` in milliseconds since the `start`.
 */
export type Event = { readonly run: RunId; readonly at: number } & (
  | { readonly type: 'start'; readonly spec: Spec; readonly label: string }
  | {
      readonly type: 'line';
      readonly stream: StreamName;
      readonly line: string;
      readonly partial?: true;
      readonly memory?: true;
    }
  | { readonly type: 'item'; readonly item: unknown }
  | { readonly type: 'note'; readonly text: string; readonly data?: Json }
  | { readonly type: 'pause' | 'play' }
  | { readonly type: 'settle'; readonly outcome: Outcome<unknown>; readonly ms: number }
);
