// What a loop brings to the runs below it: who listens, what is secret, where time and programs come from.
import { systemClock, milliseconds } from './clock.ts';
import type { Event } from './event.ts';
import { listenersOf } from './extensions.ts';
import type { LoopOptions } from './root.ts';
import type { RunRecord } from './run.ts';
import type { Ambient, MemoMode, MemoScope } from './runner.ts';
import { masker, type Masker } from './secrets.ts';
import { slotPool } from './slots.ts';
import type { Spawner } from './spawner.ts';

/** Who hears of what takes effect; `only`: of one type of event. */
export interface Listener {
  /** Told when it throws. */
  readonly name: string;
  readonly only?: Event['type'];
  readonly listen: (event: Event, run: RunRecord) => unknown;
}

/** Listeners and secrets of a loop; a loop inside a task of another has that one's too. */
export interface Scope {
  readonly outer: Scope | undefined;
  readonly listeners: readonly Listener[];
  readonly masker: Masker;
  readonly masking: boolean;
  /** The run that stands for the loop itself: it is no event. */
  silent: RunRecord | undefined;
}

let spawner: Spawner | undefined;

/** Where programs start unless a loop says otherwise; lib/runners brings it, so that the kernel knows no spawner. */
export function adoptSpawner(standard: Spawner): void {
  spawner = standard;
}

/** The spawner that was brought. Throws a TypeError where none was. */
export function defaultSpawner(): Spawner {
  if (spawner === undefined) throw new TypeError('no spawner: give one as the option `spawner`');
  return spawner;
}

let ending: MemoScope['atEnd'];

/** What is done at the end of each loop with a scope; lib/advice/memo brings it, since even a loop without a memo may have made something once. */
export function adoptScopes(atEnd: NonNullable<MemoScope['atEnd']>): void {
  ending = atEnd;
}

/** The scope of a loop, or of a run alone, within an outer one. Throws a TypeError for a listener that is no function. */
export function makeScope(options: LoopOptions, outer: Scope | undefined): Scope {
  const listeners = listenersOf(options.extensions);
  for (const name of ['report', 'onEvent'] as const) {
    const listen: unknown = options[name];
    if (listen === undefined) continue;
    if (typeof listen !== 'function')
      throw new TypeError(`${name}: expected a function of an event, got ${typeof listen}`);
    const tell = listen as (event: Event) => unknown;
    listeners.push({ name, listen: (event) => tell(event) });
  }
  const masking = outer?.masking === true || (options.secrets !== undefined && options.secrets.length > 0);
  return { outer, listeners, masker: masker(options.secrets, outer?.masker), masking, silent: undefined };
}

const root: Ambient = {
  cwd: undefined,
  env: undefined,
  clock: systemClock,
  spawner: undefined,
  remote: undefined,
  via: undefined,
  vias: [],
  advice: [],
  memo: { mode: 'on', refresh: [], scope: undefined },
  slots: undefined,
  dryRun: false,
  grace: 5000,
};

/** What a loop's options change for the runs below it. Throws for what is no duration or no number of slots. */
export function makeAmbient(options: LoopOptions, outer: Ambient = root): Ambient {
  return {
    ...outer,
    cwd: options.cwd ?? outer.cwd,
    clock: options.clock ?? outer.clock,
    spawner: options.spawner ?? outer.spawner,
    advice: options.advice === undefined ? outer.advice : [...outer.advice, ...options.advice],
    memo: memoMode(options, outer.memo, options.dryRun ?? outer.dryRun),
    slots: slotPool(options.slots, outer.slots),
    dryRun: options.dryRun ?? outer.dryRun,
    grace: options.grace === undefined ? outer.grace : milliseconds(options.grace, 'grace'),
  };
}

function memoMode({ memo, scope, clean = false }: LoopOptions, outer: MemoMode, dryRun: boolean): MemoMode {
  if (memo === undefined && scope === undefined) return outer;
  const [mode, refresh] =
    memo === undefined
      ? [outer.mode, outer.refresh]
      : typeof memo === 'string'
        ? [memo, []]
        : ['on' as const, memo.refresh];
  return {
    mode,
    refresh,
    scope: scope === undefined ? outer.scope : { name: scope, clean, unfinished: 0, dryRun, atEnd: ending },
  };
}
