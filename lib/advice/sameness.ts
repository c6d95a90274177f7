// Whether two runs would do the same, by what their specs tell and by what surrounds them.
import type { Json, Spec } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** Kinds whose specs tell all that they do; what stands around them can be looked into. */
const TELLING = new Set(['program', 'pipe', 'sleep', 'within', 'timeout', 'idle', 'deadline', 'unchecked', 'retry']);
const NEUTRAL = new Set(['slots', 'rate', 'log', 'metrics', 'transcript']);

/** What a spec does not tell, in words; undefined where it tells all. */
export function untold(spec: Spec): string | undefined {
  if (spec.type === 'task') return `what the task ${String(spec['name'])} does`;
  if (!TELLING.has(spec.type) && !NEUTRAL.has(spec.type)) return `what a ${spec.type} does`;
  for (const [name, value] of Object.entries(spec)) {
    if (name === 'of') continue;
    if (value === 'given' || value === 'inherit') return `${name} of the ${spec.type}`;
    if (name === 'stdin' && value === 'pipe') return 'what is sent to its stdin';
  }
  const { of, change } = spec;
  for (const [name, value] of Object.entries((change ?? {}) as Readonly<Record<string, Json>>))
    if (value === 'given') return `${name} of the ${spec.type}`;
  if (of === undefined) return undefined;
  for (const part of Array.isArray(of) ? (of as Spec[]) : [of as Spec]) {
    const missing = untold(part);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

const numbers = new WeakMap<object, number>();
let last = 0;

function numberOf(one: object | undefined): number {
  if (one === undefined) return 0;
  let number = numbers.get(one);
  if (number === undefined) numbers.set(one, (number = ++last));
  return number;
}

/** What surrounds a run: its folder, its environment, and the very things that its programs are started by. */
export function surroundingsOf(run: RunRecord): string {
  const { ambient } = run;
  const { via, spawner, remote, dryRun, advice } = ambient;
  const env = sorted(ambient.env ?? (remote === undefined ? process.env : {}));
  const starting = [numberOf(via), numberOf(spawner), remote ?? null, dryRun, advice.map(numberOf)];
  return JSON.stringify([run.cwd, env, starting]);
}

function sorted(env: Readonly<Record<string, string | undefined>>): Json {
  return Object.entries(env)
    .map(([name, value]) => [name, value ?? null] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
