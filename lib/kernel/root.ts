// A run that the user's own code awaits: the root of a tree, or inside a task a branch of that one.
import { milliseconds, type Clock, type Duration } from './clock.ts';
import { killedError, RunError } from './error.ts';
import type { Event, Outcome } from './event.ts';
import { checkExtensions, initExtensions, type Extension } from './extensions.ts';
import { attachHost } from './host.ts';
import { checkAdvice, checkOptions } from './options.ts';
import { show } from './runnable.ts';
import { RunRecord } from './run.ts';
import { beginSoon } from './run/begin.ts';
import { refuse } from './run/kill.ts';
import type { Advice, Runner } from './runner.ts';
import { makeAmbient, makeScope, type Scope } from './scope.ts';
import { onAbort } from './signal.ts';
import type { Spawner } from './spawner.ts';

/** How a loop runs. */
export interface LoopOptions {
  /** Programs at once, over all generators; default: as many as the machine has descriptors for. */
  readonly slots?: number | undefined;
  /** Kills the loop when aborted; one that is already aborted starts nothing. */
  readonly signal?: AbortSignal | undefined;
  /** Kills the loop after this time; it rejects with a RunError `timeout`. */
  readonly timeout?: Duration | undefined;
  /** The first failure kills the rest. Default false: independent generators finish. */
  readonly failFast?: boolean | undefined;
  /** Goes around every leaf (a runner that starts no other) of the loop; the first is the outermost. */
  readonly advice?: readonly Advice[] | undefined;
  /** Called with every event, inside a turn. What it throws fails the event's run. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** A reporter, such as `prefix()`; called as `onEvent` is, before it. */
  readonly report?: ((event: Event) => void) | undefined;
  /** Observers of every run, such as a library brings. They hear of a run before `report` and `onEvent` do. */
  readonly extensions?: readonly Extension[] | undefined;
  /** Masked in events, labels, specs, notes and errors; at least 4 characters each. */
  readonly secrets?: readonly string[] | undefined;
  /** Leaves are not started: their events show what would be. Default false. */
  readonly dryRun?: boolean | undefined;
  /** The folder of programs. Default: Node's own. */
  readonly cwd?: string | undefined;
  /** What killed code of async generators and promise functions gets, to end by itself. Default '5s'. */
  readonly grace?: Duration | undefined;
  /** False: SIGINT, SIGTERM and SIGHUP are not listened to. Default true. */
  readonly signals?: boolean | undefined;
  /**
   * What memos do: 'off' runs everything and stores nothing, 'refresh' runs everything and stores what comes of it (or those with
   * certain labels: `{ refresh: ['compile'] }`). Default 'on'.
   */
  readonly memo?: 'on' | 'off' | 'refresh' | { readonly refresh: readonly string[] } | undefined;
  /**
   * The name under which memos remember the outputs of this loop, such as the script's path and arguments: outputs that it made once
   * and makes no more are stale. Default: none, and nothing is ever stale.
   */
  readonly scope?: string | undefined;
  /** Deletes stale outputs when every run of the loop has finished. Needs `scope`. Default false: a note counts them. */
  readonly clean?: boolean | undefined;
  /** Where programs start. Default: this machine. */
  readonly spawner?: Spawner | undefined;
  readonly clock?: Clock | undefined;
}

const KNOWN =
  'slots signal timeout failFast advice onEvent report extensions secrets dryRun cwd grace signals memo scope clean spawner clock'.split(
    ' ',
  );

/** Throws a TypeError for what is no option, or no value of one that is looked at late. */
export function checkLoopOptions(what: string, options: LoopOptions): void {
  checkOptions(what, options, KNOWN);
  checkAdvice(what, options.advice);
  checkExtensions(what, options.extensions);
  checkMemo(what, options);
}

function checkMemo(what: string, { memo, scope, clean }: LoopOptions): void {
  const list: unknown = typeof memo === 'object' ? (memo as { refresh?: unknown } | null)?.refresh : [];
  const known = memo === undefined || typeof memo === 'object' || ['on', 'off', 'refresh'].includes(memo);
  if (!known || !Array.isArray(list) || !list.every((label) => typeof label === 'string'))
    throw new TypeError(`${what}: memo is 'on', 'off', 'refresh' or { refresh: [labels] }, not ${show(memo)}`);
  if (scope !== undefined && (typeof scope !== 'string' || scope === ''))
    throw new TypeError(`${what}: scope is a name that isn't empty, not ${show(scope)}`);
  if (clean === true && scope === undefined)
    throw new TypeError(`${what}: clean deletes what an earlier loop of the same scope made; name the scope too`);
}

/** A run that was started, and what becomes of it as its user is told. */
export interface Root<T> {
  readonly run: RunRecord<T>;
  readonly settled: Promise<T>;
}

/**
 * Starts it. `silent`: it stands for a loop, and is no event itself. `owner`: the task whose code starts it. `iterated`: it is
 * read by an iterator from its start. Its errors get `outcomes` when it is killed. Throws for options that are none.
 */
export function startRoot<T>(
  runner: Runner<T>,
  options: LoopOptions,
  silent: boolean,
  owner: RunRecord | undefined,
  outcomes?: readonly Outcome<unknown>[],
  iterated = false,
): Root<T> {
  checkLoopOptions(silent ? 'runCommandGens' : 'run', options);
  const late = owner?.open === false;
  if (late) owner = undefined;
  const scope = makeScope(options, owner?.scope);
  const ambient = makeAmbient(options, owner?.ambient);
  const ms = options.timeout === undefined ? Infinity : milliseconds(options.timeout, 'timeout');
  /** Why the loop was killed, where that is not for its outcome to say. */
  let reason: RunError | undefined;
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const settled = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const key = owner !== undefined ? ++owner.count : silent ? '' : '1';
  const run = new RunRecord<T>(owner, key, runner, scope, ambient, {
    promised: true,
    iterated,
    sink: {
      settle(outcome: Outcome<T>) {
        for (const undo of undos) undo();
        // One that is killed with its task, which had no chance to await it, is nobody's failure.
        if (outcome.type === 'killed' && owner !== undefined) settled.catch(() => {});
        if (outcome.type === 'finished') resolve(outcome.value);
        else reject(rejection(outcome, run, scope, reason, outcomes));
      },
    },
  });
  if (silent) scope.silent = run;
  run.ensureFeed();
  const undos: (() => void)[] = [];
  if (owner === undefined && options.signals !== false) undos.push(attachHost(run));
  if (ms !== Infinity) {
    undos.push(
      ambient.clock.after(ms, () => {
        reason = new RunError({ reason: { type: 'timeout', ms }, label: silent ? 'the loop' : run.label });
        run.kill('timeout');
      }),
    );
  }
  if (options.signal !== undefined) {
    undos.push(
      onAbort(options.signal, (cause) => {
        reason = killedError('signal', { label: silent ? 'the loop' : run.label, cause });
        run.kill('signal');
      }),
    );
  }
  if (owner !== undefined) refuse(owner, run);
  if (late) run.kill('parent ended');
  initExtensions(run, options);
  beginSoon(run);
  return { run, settled };
}

function rejection(
  outcome: Exclude<Outcome<unknown>, { type: 'finished' }>,
  run: RunRecord,
  scope: Scope,
  reason: RunError | undefined,
  outcomes: readonly Outcome<unknown>[] | undefined,
): Error {
  let error: Error;
  if (outcome.type === 'failed') error = outcome.error;
  else if (reason !== undefined) error = reason;
  else if (scope.silent === run) error = killedError(outcome.by, { label: 'the loop', cause: outcome.cause });
  else error = run.errorOf(outcome);
  error = scope.masker.value(error);
  if (outcomes !== undefined && error instanceof RunError && outcome.type === 'killed')
    error.outcomes = outcomes.map((one) => scope.masker.outcome(one));
  return error;
}
