// What an advice of the user's own knows of the run that it goes around, and what all advice around one runner shares. Those
// are its *chain*: each one's run is above the next one's, perhaps with runs of their own code (`all`, a generator) between.
import type { Runner } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** What an advice of the user's own knows of the run that it goes around. */
export interface Session {
  readonly id: string;
  /** Of what `proceed` runs, advice further in included. */
  readonly spec: Runner['spec'];
  readonly label: string;
  /** Aborted when the run is killed. */
  readonly signal: AbortSignal;
  /** Which try this is, from 1 on, as the nearest `retry` around it in its chain counts. */
  readonly attempt: number;
  /**
   * Shared by all advice around one runner (of `with`, of the loop, of `within`), new for each run of them, not seen by what
   * that runner starts itself.
   */
  readonly context: Map<unknown, unknown>;
}

const contexts = new WeakMap<RunRecord, Map<unknown, unknown>>();
const tries = new WeakMap<RunRecord, number>();

/** `retry` begins a try. */
export function countTry(retry: RunRecord, attempt: number): void {
  tries.set(retry, attempt);
}

/** Session of an advice's run. What costs something is found when it is asked for. */
export class RunSession implements Session {
  readonly spec: Runner['spec'];
  readonly label: string;
  readonly #run: RunRecord;

  constructor(run: RunRecord, inner: Runner<any, any>) {
    this.#run = run;
    this.spec = inner.spec;
    this.label = inner.label;
  }
  get id(): string {
    return this.#run.id;
  }
  get signal(): AbortSignal {
    return this.#run.signal;
  }
  get attempt(): number {
    return attemptOf(this.#run) ?? 1;
  }
  get context(): Map<unknown, unknown> {
    const outermost = topOf(this.#run);
    let context = contexts.get(outermost);
    if (context === undefined) contexts.set(outermost, (context = new Map()));
    return context;
  }
}

/** Which try of the nearest `retry` around it in its chain an advice's run belongs to, from 1 on; undefined where there is none. */
export function attemptOf(advice: RunRecord): number | undefined {
  for (let run = above(advice); run !== undefined; run = above(run)) {
    const attempt = tries.get(run);
    if (attempt !== undefined) return attempt;
  }
  return undefined;
}

/** The run of the outermost advice of its chain. */
export function topOf(advice: RunRecord): RunRecord {
  let top = advice;
  for (let run = above(top); run !== undefined; run = above(run)) top = run;
  return top;
}

/** The run of the next advice outwards in the chain. What the core itself has started begins another one. */
function above(run: RunRecord): RunRecord | undefined {
  const { core } = run.runner.traits;
  for (let next = run.parent; next !== undefined && next.runner !== core; next = next.parent)
    if (next.runner.traits.core === core) return next;
  return undefined;
}
