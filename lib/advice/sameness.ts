// Whether two runs would do the same, by what their specs tell and by what surrounds them.
import { coreOf } from '../kernel/create.ts';
import type { Json, Runner } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** What the spec of a runner does not tell, in words; undefined where it tells all. */
export function untold(runner: Runner<any, any>): string | undefined {
  const { exact } = runner.traits;
  if (exact === undefined) return 'what it does, which is code of yours';
  if (exact !== true) return exact;
  return coreOf(runner).traits.callbacks === undefined
    ? undefined
    : 'what is done with its lines, which is code of yours';
}

const numbers = new WeakMap<object, number>();
let last = 0;

function numberOf(one: object | undefined): number {
  if (one === undefined) return 0;
  let number = numbers.get(one);
  if (number === undefined) numbers.set(one, (number = ++last));
  return number;
}

/** What surrounds a run: its folder, its environment, the ways to where its programs run, the advice around them. */
export function surroundingsOf(run: RunRecord): string {
  const { ambient } = run;
  const { vias, remote, dryRun, advice } = ambient;
  const env = sorted(ambient.env ?? (remote === undefined ? process.env : {}));
  // A connection is made for each loop; its way tells it.
  const spawner = remote === undefined ? numberOf(ambient.spawner) : 0;
  return JSON.stringify([run.cwd, env, vias, spawner, remote ?? null, dryRun, advice.map(numberOf)]);
}

function sorted(env: Readonly<Record<string, string | undefined>>): Json {
  return Object.entries(env)
    .map(([name, value]) => [name, value ?? null] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
