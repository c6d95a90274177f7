// Runner: the one open interface in the middle. The loop knows no kinds of runners; whatever can be started, says what
// happens through a sink and can be killed, is one. This file has the types; create.ts makes runners.
import type { Returned } from './late.ts';
import type { LoopOptions } from './root.ts';
import type { Clock } from './clock.ts';
import type { Event, Json, Outcome, RunId, Spec, State, StreamName } from './event.ts';
import type { Command, Spawner } from './spawner.ts';

/** Marks runners, also those of another copy of the library. */
export const RUNNER: unique symbol = Symbol.for('sluice.runner') as never;

/** Work not yet begun: inert, reusable, never a thenable (an async generator would await it). */
export interface Runner<T = unknown, I = unknown> {
  readonly [RUNNER]: true;
  readonly spec: Spec;
  /** What reports print in front of its lines. */
  readonly label: string;
  readonly traits: Traits<T>;
  /** Begins the work; called by the loop, inside a turn. What it throws fails the run. */
  start(sink: Sink<T, I>, context: Context): Running;
  /**
   * `const value = yield* runner` in a generator has the type T. What it yields is itself, but of the type any: once it has
   * seen a `yield*`, TypeScript before 6 takes this iterator for `for await` too (microsoft/TypeScript#62675).
   */
  [Symbol.iterator](): Iterator<any, T, any>;
  /** `for await (const event of runner)`: every event of its subtree, then its error if it failed. */
  [Symbol.asyncIterator](): Events<T>;
  /** Wraps it in advice; the first is the outermost. */
  with(...advice: Advice[]): Runner<T, I>;
  /** Runs it outside any loop, or, inside a task, as a part of that task. Rejects with the run's own error. */
  run(options?: LoopOptions): Promise<T>;
}

/**
 * Events, and a value after the last: `yield* runner` in an async generator takes its type from here. (AsyncIterableIterator has
 * no parameter for it before TypeScript 5.6, and one that is `any` makes the value `any`.)
 */
export interface Events<T> extends AsyncIterator<Event, T, any> {
  [Symbol.asyncIterator](): Events<T>;
}

/** What the loop has to know of a runner besides how to start it. */
export interface Traits<T = unknown> {
  /** Starts programs, so it takes one of the loop's slots. Default false. */
  readonly slot?: boolean;
  /** Starts no other runner; the loop's and `within`'s advice go around it. Default false. */
  readonly leaf?: boolean;
  /** Runs on when its task is killed, and takes no slot (L4). */
  readonly shield?: boolean | undefined;
  /** The result in a dry run, where a leaf is not started. Default undefined. */
  readonly dry?: () => T;
  /** When it was spawned, its failure waits for whoever joins it. Default false: it fails its parent at once (L7). */
  readonly unchecked?: boolean | undefined;
  /** It can run once only, and why: advice that starts it again refuses with this text. */
  readonly once?: string | undefined;
  /** Called instead of `start` when it is killed before it began. */
  readonly discard?: (() => void) | undefined;
  /** Of an advice's runner: the innermost one, that it and all advice between go around. Default: it is no advice's. */
  readonly core?: Runner<any, any> | undefined;
  /** The function that it is made of. Advice doesn't take it over. */
  readonly code?: Code | undefined;
  /**
   * Whether its spec tells all that decides what it does, so that two with the same spec are the same work (for memos): true, or
   * in words what the spec can't tell. Default: it is code of the user's, which no spec tells.
   */
  readonly exact?: true | string | undefined;
  /** The user's own functions of its lines, by stream: who replays its lines calls them. */
  readonly callbacks?: { readonly [stream: string]: ((line: any) => unknown) | undefined } | undefined;
  /** The lines that it reports are replayed: they were said by an earlier run. Default false. */
  readonly memory?: boolean | undefined;
}

/** A function and its arguments, as `task` was given them. */
export interface Code {
  /** The URL of the module that it is a module-level function of; undefined where that wasn't told. */
  readonly module?: string;
  readonly name: string;
  readonly fn: (...args: any[]) => unknown;
  readonly args: readonly unknown[];
}

/** Work in progress, as its runner gives it to the loop. All of it is called inside a turn. */
export interface Running {
  /** Deliver nothing more downstream, until `play`. */
  pause(): void;
  play(): void;
  /**
   * End, and report `settle` when that is done. `by` says why. A signal's name ('SIGINT') is the signal to begin with;
   * 'SIGKILL' leaves no grace, also when a kill is under way.
   */
  kill(by: string): void;
  /** Takes an item: a program's next line of stdin. */
  send?(item: unknown): void;
  /** No more items will be sent: closes stdin, half-closes a socket. */
  end?(): void;
  /**
   * Called with each report of lines when it takes effect, before it is announced: the place for the user's callbacks.
   * What it throws fails the run with the reason `callback`, or with the error itself if that is a RunError. `returned` is to
   * be given what the callbacks returned: promises are waited for before the run settles, and fail it likewise.
   */
  deliver?(stream: StreamName, lines: readonly string[], returned: Returned): void;
  /** The same for an item. */
  deliverItem?(item: unknown, returned: Returned): void;
  /** Back-pressure: false when its readers are behind, true when they have caught up. */
  flow?(open: boolean): void;
  /** What it is waiting for, for "why is it hanging?": 'pid 4711 has exited, stdout is still open'. */
  describe?(): string;
}

/**
 * Lines, at least one; or how to make them, called when they take effect and once more for readers that come later. Waiting
 * or kept as strings, 64 KiB of short lines are ten thousand objects that every garbage collection has to move.
 */
export type Lines = readonly string[] | (() => readonly string[]);

/** Where a running thing reports: any time, any place, even inside `start`; after the first settle all is ignored. */
export interface Sink<T, I = unknown> {
  /** `size` is the bytes behind the lines, for back-pressure; default: their length in characters. */
  lines(stream: StreamName, lines: Lines, size?: number): void;
  /** The beginning of a line that rests unfinished. */
  partial?(stream: StreamName, text: string): void;
  item(item: I): void;
  note(text: string, data?: Json): void;
  settle(outcome: Outcome<T>): void;
}

/** What hears of a child run; the lines that it gets are made. */
export interface ChildSink<T, I = unknown> extends Partial<Omit<Sink<T, I>, 'lines'>> {
  lines?(stream: StreamName, lines: readonly string[], size?: number): void;
}

/** What surrounds a run. */
export interface Context {
  readonly id: RunId;
  /** The folder of programs: Node's own, or `within`'s. */
  readonly cwd: string;
  /** The environment of programs: Node's own with `within`'s changes. */
  readonly env: Readonly<Record<string, string>>;
  /** Undefined while the environment is Node's own: saves copying it. */
  readonly ownEnv: Readonly<Record<string, string>> | undefined;
  readonly clock: Clock;
  readonly spawner: Spawner;
  /** Aborted when the run is killed. */
  readonly signal: AbortSignal;
  readonly via: ((command: Command) => Command) | undefined;
  /** Its lines are read by `for await`, so that nobody needs them captured. In a task that turns out after its start only. */
  readonly iterated: boolean;
  /** The machine that programs run on, where that is another one. */
  readonly remote: string | undefined;
  /** Masks the secrets of the loop. */
  mask(text: string): string;
  /**
   * Starts a child run and hears of it through `sink` (inside a turn; also before this returns). Its lines and events
   * reach the readers of this run by themselves: the sink is told for one's own use. `key` names it in its id.
   */
  start<U>(what: Runnable<U>, sink: ChildSink<U>, options?: ChildOptions): Running;
}

/** How a child run is started. */
export interface ChildOptions {
  /** Its part of the run id; default: its ordinal. */
  readonly key?: string;
  /** What changes for it and everything below it. */
  readonly within?: Partial<Ambient>;
}

/** What is inherited down the tree of runs. */
export interface Ambient {
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly clock: Clock;
  readonly spawner: Spawner | undefined;
  /** The machine that programs run on, where that is another one: its folder and environment are not Node's. */
  readonly remote: string | undefined;
  readonly via: ((command: Command) => Command) | undefined;
  /** What leads to where programs run, as data, the outermost first: for who compares surroundings. */
  readonly vias: readonly Json[];
  readonly advice: readonly Advice[];
  readonly memo: MemoMode;
  /** How many programs of the subtree may run at once. */
  readonly slots: SlotPool | undefined;
  readonly dryRun: boolean;
  /** Milliseconds that an async generator or a promise function gets after a kill. */
  readonly grace: number;
}

/** What a loop says to the memos below it. */
export interface MemoMode {
  /** 'off': they run what they are around; 'refresh': so too, and they store what comes of it. */
  readonly mode: 'on' | 'off' | 'refresh';
  /** Labels of those that are to be refreshed. */
  readonly refresh: readonly string[];
  readonly scope: MemoScope | undefined;
}

/** A loop whose outputs are known from one time to the next (option `scope`). */
export interface MemoScope {
  readonly name: string;
  /** Outputs that it no longer makes are deleted. */
  readonly clean: boolean;
  /** Runs of the loop that have failed or were killed, and memos that were off: what it makes is not all known. */
  unfinished: number;
  /** Called when the loop has ended, with what tells about it. */
  atEnd: ((note: (text: string, data?: Json) => void) => void) | undefined;
}

/**
 * How the programs of a subtree are started: by a rewrite of their commands (sudo, nice), or by another spawner, made for the
 * run that it is asked for by (a connection lives as long as the loop). `wrap` makes the spawner of a rewrite that has to be
 * talked to as well. `spec` tells it as data.
 */
export type Via = { readonly spec: Json } & (
  | { rewrite(command: Command, run: Context): Command; wrap?(spawner: Spawner): Spawner }
  | { readonly remote: string; spawner(run: Context): Spawner }
);

/** A limit on programs at once; made by `slotPool`. */
export interface SlotPool {
  readonly limit: number;
  readonly parent: SlotPool | undefined;
  used: number;
}

/** A run seen from outside: what `spawn` gives, what `loop.list()` lists. */
export interface Run<T = unknown, I = unknown> {
  readonly id: RunId;
  readonly spec: Spec;
  readonly label: string;
  readonly state: State<T>;
  /** When it began, milliseconds since the epoch; undefined before. */
  readonly since: number | undefined;
  /** The last line it wrote, secrets masked; undefined where there is none. */
  readonly lastLine: string | undefined;
  /** What it is waiting for, in words. */
  readonly detail: string;
  /** Kills it (by: who or why; a signal's name is the first signal sent). It settles when all of it has ended. */
  kill(by?: string): void;
  pause(): void;
  play(): void;
  /** Gives it an item: a line of stdin to a program with `stdin: 'pipe'`, a line to a socket. */
  send(item: unknown): void;
  /** Ends its input. */
  end(): void;
  /** A runner that waits for the next line or item of its subtree; undefined after the last. */
  next(): Runner<{ stream: StreamName; line: string } | { item: I } | undefined>;
  /** A runner that waits for its end: gives its value or throws its error. */
  join(): Runner<T>;
  [Symbol.asyncIterator](): Events<T>;
}

/** Wraps a runner in another. */
export type Advice = <T, I>(runner: Runner<T, I>) => Runner<T, I>;

/** The seed's own contract (2009): a callable that gives streams with line functions, and what to call after the last. */
export type SeedRunner = () =>
  { streams: SeedStreams; onComplete(): unknown } | readonly [onComplete: () => unknown, streams: SeedStreams];

/** Streams with the function for each of their lines (null: lines are read and dropped). */
export type SeedStreams = Iterable<readonly [NodeJS.ReadableStream, ((line: string) => void) | null]>;

/** Accepted by `yield`, `all`, `race`, `spawn` and `runCommandGens` alike. */
export type Runnable<T = unknown> =
  | Runner<T>
  | Generator<any, T, any>
  | AsyncGenerator<any, T, any>
  | (() => Generator<any, T, any> | AsyncGenerator<any, T, any>)
  | SeedRunner;

/** What a runnable gives: a runner's value, a generator's return value. */
export type ResultOf<R> =
  R extends Runner<infer T, any>
    ? T
    : R extends Generator<any, infer T, any> | AsyncGenerator<any, infer T, any>
      ? T
      : R extends () => Generator<any, infer T, any> | AsyncGenerator<any, infer T, any>
        ? T
        : unknown;

/** The results of a list, in order: a tuple's each with its type. */
export type ResultsOf<L extends readonly unknown[]> = { -readonly [K in keyof L]: ResultOf<L[K]> };

/** What a runner is made of. */
export interface Definition<T, I = unknown> extends Traits<T> {
  readonly spec: Spec;
  /** Default: the type of the spec. */
  readonly label?: string;
  start(sink: Sink<T, I>, context: Context): Running;
}
