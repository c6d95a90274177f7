// The seam between runners and operating systems: what it takes to start a program somewhere, and what is known of it
// while it lives. Implementations are in lib/spawn (this machine) and later lib/ssh (others); tests bring their own.
// Killing well (signal, grace, SIGKILL, wait until gone) is the program runner's, on top of this.
import type { Writable } from 'node:stream';

/** A place for a program's stdin, stdout or stderr. A file is opened on the machine that Node runs on. */
export type Stdio = 'pipe' | 'ignore' | 'inherit' | { readonly file: string; readonly append?: boolean } | Joint;

/** What a spawner joins two programs by: the stdout of one command, and the stdin of another. */
export interface Joint {
  /** Whether nobody read any more when its writer exited; undefined before that. */
  readonly unread: boolean | undefined;
}

/** A program to be started. */
export interface Command {
  /** The program and its arguments; no shell. */
  readonly argv: readonly [string, ...string[]];
  /** An absolute folder; on another machine it may be relative to where commands begin there, and '' is that folder. */
  readonly cwd: string;
  /** The whole environment of the program; undefined is Node's own. On another machine: what is added to that of its commands. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** Nothing may be added to `env`: a spawner else may add a variable, to find what it started again. Default false. */
  readonly exactEnv?: boolean;
  readonly stdin: Stdio;
  readonly stdout: Stdio;
  readonly stderr: Stdio;
  /** Own session and group (L6). False keeps the program in Node's own, where the terminal is. */
  readonly session: boolean;
  /** Node's end, however it comes, is not the program's (against L6). Default false. */
  readonly detach?: boolean;
  /** It is talked to before and while it runs; for a spawner that can do that (`Via.wrap`). */
  readonly attended?: Attendance;
}

/** What a program, or what starts it, has to be told on its stdin. */
export interface Attendance {
  /** Passwords that are asked for before it begins, in this order. */
  readonly asks: readonly Ask[];
  /** Its stdin is 'ignore', and in truth a watcher's, who takes lines that name signals and ends it when there will be no more. */
  readonly lifeline: boolean;
  /**
   * Signals it, with the signal's name (TERM) as one more word: it has its stdin for itself, and can't be signalled from here.
   * Is rewritten like the command by those around it. Exit code 0: it was signalled, and has gone if the signal ends.
   */
  readonly reach?: Command;
}

/** A password that is asked for. */
export interface Ask {
  /** On stderr: it is wanted now. */
  readonly prompt: string;
  /** A line on stderr: it is not wanted, or was right. */
  readonly begun: string;
  /** Called before anything is started. Rejects where there is none. */
  password(): Promise<string>;
}

/** What a program has used, with the processes that it started and waited for. */
export interface Usage {
  /** Time of processors in its own code, milliseconds. */
  readonly userMs: number;
  /** In the system's. */
  readonly systemMs: number;
  /**
   * The most memory that one of its processes had at a time, bytes. Linux counts that of the process that it was made from,
   * which is Node: undefined where it had no more than Node ever had.
   */
  readonly maxRss: number | undefined;
}

/** How a program ended, or why it never began. Exactly one of the two is reported. */
export type Exit =
  | { readonly type: 'exit'; readonly exitCode: number | undefined; readonly signal: NodeJS.Signals | undefined }
  /**
   * `code` as in RunError's `spawn` reason: 'ENOENT', 'EACCES', 'CWD' (the folder is missing or no folder), …; the error's
   * message says what that means here. `file`: it was this file, for stdin, stdout or stderr, that could not be opened.
   */
  | { readonly type: 'error'; readonly code: string; readonly error: Error; readonly file?: string }
  /** The way to another machine failed: `phase` and `sent` as in RunError's `connection` reason. */
  | { readonly type: 'lost'; readonly phase: string; readonly sent: 'no' | 'maybe'; readonly error: Error };

/** The output of a program, to be read: what is used of Node's Readable, which is one. */
export interface OutputPipe {
  /** Null until somebody has read or paused it. */
  readonly readableFlowing: boolean | null;
  on(event: 'data', listener: (chunk: Buffer) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'end' | 'close', listener: () => void): this;
  off(event: 'data', listener: (chunk: Buffer) => void): this;
  off(event: 'end' | 'close', listener: () => void): this;
  pause(): this;
  resume(): this;
  destroy(): this;
}

/** A program that a spawner started, or is about to. */
export interface Child {
  /** Undefined until it has started, and for programs elsewhere. */
  readonly pid: number | undefined;
  /**
   * Present from `started` on (never before), where the command says 'pipe'. What is read within `started` flows at once;
   * what isn't is paused and loses nothing: `resume()` it later. Output may come after the exit; only its end is the end.
   */
  readonly stdin: Writable | undefined;
  readonly stdout: OutputPipe | undefined;
  readonly stderr: OutputPipe | undefined;
  /**
   * Sends a signal to every process of the program: all groups of its session, or the program alone without one of its
   * own. Stopped processes are continued after a signal that ends them, or they would never take it. Nothing happens once
   * they are gone, so never to a reused pid. Before the start: a signal that ends (SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGQUIT)
   * calls it off, and an exit by that signal is reported.
   */
  signal(signal: NodeJS.Signals): void;
  /**
   * Whether any process of the program lives (a zombie does not). After the exit it tells of those left behind in its
   * group, and in other groups of its session if they were there when it was last signalled. Cheap when there are none.
   */
  alive(): boolean;
  /** The pids that `alive` speaks of, for messages; empty where they can't be known. */
  members(): readonly number[];
  /** Nothing is expected of it any more: the spawner may forget it (no signal at Node's exit). Idempotent. */
  release(): void;
}

/** Starts programs. Throws nothing: what goes wrong is reported as an Exit. */
export interface Spawner {
  readonly name: string;
  /**
   * Calls `started` once the program runs, then `exited` once; never inside `spawn` itself. `usage`: what it has used, where
   * the system tells.
   */
  spawn(
    command: Command,
    started: (pid: number | undefined) => void,
    exited: (exit: Exit, usage?: Usage) => void,
  ): Child;
  /**
   * A new joint, where it can join programs without their bytes passing through Node. Each of its ends is for one command
   * that is started or killed. Its reader comes to the end of its input when the writer has exited.
   */
  joint?(): Joint | undefined;
  /** How many more programs may start now without running out of descriptors; Infinity where that is unknown. */
  room(): number;
}
