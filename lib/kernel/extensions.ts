// Extensions: observers of every run of a loop, as a library of somebody's wants them (idea: bandsaw's extensions). They are
// listeners like `onEvent`, told what they would have to put together from events.
import { callAs } from './current.ts';
import type { Event, Outcome, RunId, Spec } from './event.ts';
import { callbackFailed, returned } from './late.ts';
import { checkOptions } from './options.ts';
import type { LoopOptions } from './root.ts';
import type { RunRecord } from './run.ts';
import { show } from './runnable.ts';
import type { Listener } from './scope.ts';

/** What an extension is told of a run that begins. */
export interface RunBegun {
  readonly id: RunId;
  readonly spec: Spec;
  readonly label: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
}

/** What an extension is told of a run that has settled; `ms` since its start. */
export interface RunEnded extends RunBegun {
  readonly outcome: Outcome<unknown>;
  readonly ms: number;
}

/**
 * Observes every run of a loop, loops inside its tasks included; secrets are masked in what it is told. It changes nothing: what a
 * hook throws fails the run it is about with the reason `callback`, as `onEvent` does; promises are waited for before that run settles.
 */
export interface Extension {
  /** Told in errors. Default: its class's, or its place in the list. */
  readonly name?: string | undefined;
  /** Once for the loop that it was given to, before anything of that begins; what it throws fails the loop. */
  onInit?(loop: { readonly at: number; readonly options: LoopOptions }): unknown;
  onBefore?(run: RunBegun): unknown;
  onAfter?(run: RunEnded): unknown;
}

const HOOKS = ['onInit', 'onBefore', 'onAfter'] as const;

/** Throws a TypeError for what is no list of extensions. */
export function checkExtensions(what: string, extensions: unknown): void {
  if (extensions === undefined) return;
  if (!Array.isArray(extensions))
    throw new TypeError(`${what}: extensions is a list of { onInit, onBefore, onAfter }, not ${show(extensions)}`);
  for (const [index, one] of (extensions as unknown[]).entries()) {
    const place = `${what}: extensions[${index}]`;
    checkOptions(place, one, isPlain(one) ? ['name', ...HOOKS] : undefined);
    const { name } = one as Extension;
    if (name !== undefined && typeof name !== 'string')
      throw new TypeError(`${place}: name is a string, not ${show(name)}`);
    const hooks = HOOKS.filter((hook) => (one as Extension)[hook] !== undefined);
    if (hooks.length === 0) throw new TypeError(`${place} has none of ${HOOKS.join(', ')}`);
    for (const hook of hooks) {
      const call: unknown = (one as Extension)[hook];
      if (typeof call !== 'function') throw new TypeError(`${place}: ${hook} is a function, not ${show(call)}`);
    }
  }
}

/** One that is of a class may have fields of its own. */
function isPlain(value: unknown): boolean {
  const prototype: unknown = typeof value === 'object' && value !== null && Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** What extensions hear of the runs below. */
export function listenersOf(extensions: readonly Extension[] = []): Listener[] {
  const listeners: Listener[] = [];
  for (const [index, one] of extensions.entries()) {
    if (one.onBefore !== undefined)
      listeners.push({
        name: nameOf(one, index, 'onBefore'),
        only: 'start',
        listen: ({ run: id, at }, { spec, label }) => one.onBefore!({ id, spec, label, at }),
      });
    if (one.onAfter !== undefined)
      listeners.push({
        name: nameOf(one, index, 'onAfter'),
        only: 'settle',
        listen(event, { spec, label }) {
          const { run: id, at, outcome, ms } = event as Extract<Event, { type: 'settle' }>;
          return one.onAfter!({ id, spec, label, at, outcome, ms });
        },
      });
  }
  return listeners;
}

function nameOf({ name, constructor }: Extension, index: number, hook: string): string {
  const known = name ?? (constructor === Object ? undefined : (constructor as { name?: string } | undefined)?.name);
  return `${hook} of ${known === undefined || known === '' ? `extensions[${index}]` : `the extension ${known}`}`;
}

/** Tells those that were given to it that a loop begins, inside a turn and before its run does. */
export function initExtensions(run: RunRecord, options: LoopOptions): void {
  const extensions = options.extensions?.filter(({ onInit }) => onInit !== undefined) ?? [];
  if (extensions.length === 0) return;
  const loop = { at: run.now(), options: run.scope.masker.value(options) };
  run.call(() => {
    for (const one of extensions) {
      const name = nameOf(one, options.extensions!.indexOf(one), 'onInit');
      try {
        returned(
          run,
          callAs(run, () => one.onInit!(loop)),
          name,
        );
      } catch (error) {
        callbackFailed(run, name, error);
      }
    }
  });
}
