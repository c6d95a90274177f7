// What a test says to `scripted`, and what it hears.
import type { Duration } from '../kernel/index.ts';

/** What a scripted program writes: text as it is, bytes, or lines (each gets its newline); or a function that gives it. */
export type Output = string | Uint8Array | readonly string[];

/** A command that is expected, and how it is played. */
export interface Expected {
  /**
   * Its words (strings, or patterns for single ones); or its text, which is its words joined by blanks, of a shell command
   * the script: a string for the whole of it, a pattern for a part; or a function of the call.
   */
  readonly command: readonly (string | RegExp)[] | string | RegExp | ((call: ScriptedCall) => boolean);
  /** Written at once; a function is called when its stdin has ended. */
  readonly stdout?: Output | ((call: ScriptedCall) => Output);
  readonly stderr?: Output | ((call: ScriptedCall) => Output);
  /** Default 0. */
  readonly exitCode?: number;
  /** It dies by this signal. */
  readonly signal?: NodeJS.Signals;
  /** When it has written all and its stdin has ended, it lives for so long. Default 0. */
  readonly delay?: Duration;
  /** It never ends by itself. */
  readonly endless?: boolean;
  /** It doesn't start: 'ENOENT', 'EACCES', … */
  readonly error?: string | (Error & { readonly code?: string });
  /** It lives through these signals. */
  readonly ignores?: readonly NodeJS.Signals[];
  /** False: it ends without reading its stdin to the end. */
  readonly reads?: boolean;
  /** How often it comes. Default 1; Infinity: once or more. */
  readonly times?: number;
}

/** A command that was started. */
export interface ScriptedCall {
  readonly argv: readonly string[];
  /** Its words joined by blanks; of a shell command the script. */
  readonly text: string;
  readonly cwd: string;
  /** What its environment has besides Node's own; undefined: what was taken out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it has read so far. */
  readonly stdin: string;
  /** The signals that it got. */
  readonly signals: readonly NodeJS.Signals[];
}
