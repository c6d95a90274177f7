import { coreOf } from '../kernel/create.ts';
import { follow } from '../kernel/running.ts';
import { isAbsolute, posix, resolve } from 'node:path';
import {
  createRunner,
  type Advice,
  type Ambient,
  type Command,
  type Runnable,
  type Runner,
  type Via,
} from '../kernel/index.ts';
import { checkAdvice, checkOptions } from '../kernel/options.ts';
import { show, toRunner } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { slotPool } from '../kernel/slots.ts';

/** What changes for everything below. */
export interface Change {
  /** The folder of programs; relative to the surrounding one. */
  readonly cwd?: string;
  /** Added to the environment of programs; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Programs at once, below here; the limits above hold too. */
  readonly slots?: number;
  /** Goes around every leaf below, inside the advice that is there. */
  readonly advice?: readonly Advice[];
  /** How programs are started: a rewrite of their commands, or `via.ssh(…)` and the like; the innermost first. */
  readonly via?: ((command: Command) => Command) | Via;
}

const KNOWN = ['cwd', 'env', 'slots', 'advice', 'via'];

/**
 * Runs something with changed surroundings: `yield* within({ cwd: 'lib', env: { LANG: 'C' } }, body)`. Without a body it is
 * an advice: `runner.with(within({ cwd: 'lib' }))`.
 */
export function within<T>(change: Change, body: Runnable<T>): Runner<T>;
export function within(change: Change): Advice;
export function within<T>(change: Change, body?: Runnable<T>): Runner<T> | Advice {
  checkOptions('within', change, KNOWN);
  const { cwd, env, advice, via } = change;
  if (cwd !== undefined && typeof cwd !== 'string') throw new TypeError(`within: cwd is a path, not ${show(cwd)}`);
  if (env !== undefined && (typeof env !== 'object' || env === null))
    throw new TypeError(`within: env is an object, not ${show(env)}`);
  for (const [name, value] of Object.entries(env ?? {})) {
    if (value !== undefined && typeof value !== 'string')
      throw new TypeError(
        `within: env.${name} is ${value === null ? 'null' : `of the type ${typeof value}`}, not a string`,
      );
  }
  checkAdvice('within', advice);
  if (via !== undefined && typeof via !== 'function' && !isVia(via))
    throw new TypeError(`within: via is via.ssh(…) and the like or a function of a command, not ${show(via)}`);
  slotPool(change.slots); // throws for what is no limit
  if (body === undefined) return ((runner: Runner) => wrap(change, runner)) as Advice;
  return wrap(change, toRunner<T>(body, undefined, 'within'));
}

function wrap<T, I>(change: Change, inner: Runner<T, I>): Runner<T, I> {
  const { cwd, env, slots } = change;
  const told = {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined
      ? {}
      : { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? null])) }),
    ...(slots === undefined ? {} : { slots }),
    ...(change.via === undefined ? {} : { via: isVia(change.via) ? change.via.spec : 'given' }),
    ...(change.advice === undefined ? {} : { advice: 'given' }),
  };
  return createRunner<T, I>({
    spec: { type: 'within', change: told, of: inner.spec },
    label: inner.label,
    ...(inner.traits.shield === undefined ? {} : { shield: inner.traits.shield }),
    ...(inner.traits.once === undefined ? {} : { once: inner.traits.once }),
    ...(inner.traits.discard === undefined ? {} : { discard: inner.traits.discard }),
    ...exactness(change, inner),
    core: coreOf(inner),
    start(sink, context) {
      const child = context.start(inner, sink as never, { within: changed(change, context as unknown as RunRecord) });
      return follow(child);
    },
  });
}

function exactness({ via, advice }: Change, inner: Runner<any, any>): { exact?: true | string } {
  if (inner.traits.exact !== true) return inner.traits.exact === undefined ? {} : { exact: inner.traits.exact };
  if (typeof via === 'function') return { exact: 'the rewriting of its commands is a function' };
  return { exact: advice === undefined ? true : 'within brings advice' };
}

function changed(change: Change, run: RunRecord): Partial<Ambient> {
  const { ambient } = run;
  const next: { -readonly [K in keyof Ambient]?: Ambient[K] } = {};
  if (change.cwd !== undefined) {
    const path =
      ambient.remote === undefined ? { isAbsolute, resolve } : { isAbsolute: posix.isAbsolute, resolve: posix.join };
    next.cwd = path.isAbsolute(change.cwd) ? path.resolve(change.cwd) : path.resolve(run.cwd, change.cwd);
  }
  if (change.env !== undefined)
    next.env = changedEnv(run.remote === undefined ? run.env : (run.ownEnv ?? {}), change.env);
  if (change.slots !== undefined) next.slots = slotPool(change.slots, ambient.slots);
  if (change.advice !== undefined) next.advice = [...ambient.advice, ...change.advice];
  const { via } = change;
  if (via === undefined) return next;
  next.vias = [...ambient.vias, typeof via === 'function' ? { probe: probed(via) } : via.spec];
  if (isVia(via) && 'spawner' in via) {
    next.spawner = via.spawner(run);
    next.remote = via.remote;
    // What is around it is about another machine's folders, environment and commands.
    next.cwd = change.cwd;
    next.env = changedEnv({}, change.env);
    next.via = undefined;
  } else {
    const rewrite = reaching(typeof via === 'function' ? via : (command: Command) => via.rewrite(command, run));
    if (typeof via !== 'function' && via.wrap !== undefined) next.spawner = via.wrap(run.spawner);
    const outer = ambient.via;
    next.via = outer === undefined ? rewrite : (command) => outer(rewrite(command));
  }
  return next;
}

/** What a rewriting does to a command that says nothing: all that can be told of a function. */
function probed(via: (command: Command) => Command): readonly string[] {
  const quiet = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', session: true } as const;
  return via({ argv: ['true'], cwd: '/', env: undefined, ...quiet }).argv;
}

/** What signals a program goes the same way as the program. */
function reaching(rewrite: (command: Command) => Command): (command: Command) => Command {
  return (command) => {
    const { attended, ...rest } = rewrite(command);
    const reach = command.attended?.reach;
    if (attended === undefined) return rest;
    return { ...rest, attended: reach === undefined ? attended : { ...attended, reach: rewrite(reach) } };
  };
}

function changedEnv(
  before: Readonly<Record<string, string>>,
  changes: Change['env'] = {},
): Readonly<Record<string, string>> {
  const env: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  return env;
}

function isVia(value: unknown): value is Via {
  return typeof value === 'object' && value !== null && 'spec' in value && ('rewrite' in value || 'spawner' in value);
}
