// What surrounds a run and decides what it does: where it runs, in which folder, with which environment.
import type { Context, Json, Spec } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import type { Raw } from './plan.ts';

/** The part of the specs around the innermost one that memos look at. */
interface Layers {
  /** The innermost spec: that of a program, a task. */
  readonly core: Spec;
  /** Those around it, the outermost first, without what they are around. */
  readonly around: readonly Spec[];
}

/** Takes the specs of advice and `within` apart. */
export function layersOf(spec: Spec): Layers {
  const around: Spec[] = [];
  let core = spec;
  for (;;) {
    const { of, ...rest } = core;
    if (typeof of !== 'object' || of === null || Array.isArray(of) || !('type' in of)) return { core, around };
    around.push(rest as Spec);
    core = of as Spec;
  }
}

/** Whether the programs of a run, or of what it is around, are another machine's. */
export function isElsewhere(context: Context, { core, around }: Layers): boolean {
  if (context.remote !== undefined || core.type === 'ssh') return true;
  return around.some(({ type, change }) => {
    const { via } = (type === 'within' ? change : {}) as { via?: Json };
    return typeof via === 'object' && via !== null && ['ssh', 'docker', 'kubectl'].some((way) => way in via);
  });
}

/** The folder that local paths begin at: below a way to another machine, that of the last run on this one. */
export function localFolder(context: Context): string {
  let run: RunRecord | undefined = context as unknown as RunRecord;
  while (run?.remote !== undefined) run = run.parent;
  return run?.cwd ?? process.cwd();
}

/** The changes of folder that `within` makes around the innermost, one after another. */
export function foldersIn({ around }: Layers): readonly string[] {
  return around.flatMap(({ type, change }) => {
    const { cwd } = (type === 'within' ? change : {}) as { cwd?: unknown };
    return typeof cwd === 'string' ? [cwd] : [];
  });
}

/** What decides what it does, besides itself: the ways there, the folder, variables that are not Node's own, those that are listed. */
export function* surroundings(context: Context, listed: readonly string[], folder: string): Generator<Raw> {
  const { ambient } = context as unknown as RunRecord;
  if (context.remote !== undefined) yield { name: 'host', text: context.remote, show: context.remote };
  if (ambient.vias.length > 0) yield value('via', ambient.vias);
  yield { name: 'folder', text: folder, show: folder };
  const own = context.remote === undefined ? (process.env as Record<string, string | undefined>) : {};
  const all: Readonly<Record<string, string | undefined>> = context.ownEnv ?? own;
  const names = new Set(listed);
  if (all !== own) {
    for (const name of Object.keys(all)) if (all[name] !== own[name]) names.add(name);
    for (const name of Object.keys(own)) if (all[name] === undefined) names.add(name);
  }
  for (const name of [...names].sort()) yield { name: `$${name}`, text: variableText(all[name]), show: undefined };
}

/** What is digested of a variable: unset is neither empty nor the word. */
export function variableText(given: string | undefined): string {
  return given === undefined ? 'unset' : `=${given}`;
}

/** Something of the spec. */
export function value(name: string, json: Json): Raw {
  const text = JSON.stringify(json);
  return { name, text, show: text };
}
