// What others see of a run: "why is it hanging?".
import type { State } from '../event.ts';
import { UNNAMED } from '../runnable.ts';
import type { RunRecord } from '../run.ts';
import { CREATED, ENDING, QUEUED, SETTLED } from './operations.ts';

/** A generator object has no name of its own: the key it was started with says more. */
export function labelOf({ runner: { label }, key }: RunRecord): string {
  return label === UNNAMED && typeof key === 'string' && key !== '' ? key : label;
}

/** Its state; once it has settled, its outcome. */
export function stateOf<T>(run: RunRecord<T>): State<T> {
  if (run.phase === SETTLED) return run.outcome!;
  const waiting = run.task?.waiting;
  const from = run.phase <= QUEUED ? 'created' : waiting === undefined ? 'running' : 'waiting';
  if (run.paused) return { type: 'paused', from };
  if (waiting !== undefined && from === 'waiting') return { type: 'waiting', on: waiting.id };
  return { type: from as 'created' | 'running' };
}

/** What it waits for, in words. */
export function detailOf(run: RunRecord): string {
  if (run.phase === QUEUED) return 'waits for a slot';
  if (run.phase === CREATED) return 'has not begun';
  if (run.phase === ENDING) return 'is done; waits for the runs that it started';
  if (run.late?.outcome !== undefined) return `is done; waits for ${run.late.count} callbacks of its lines`;
  return run.running?.describe?.() ?? '';
}
