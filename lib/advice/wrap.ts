// What every advice that starts its runner by itself has in common.
import { createRunner, type Context, type Runner, type Running, type Sink, type Spec } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** The runners of advice: a chain of them, down to what they go around, is one piece of work to its user. */
const links = new WeakSet<object>();

/** An advice's runner around another: same label, its spec around the other's, killed and discarded with it. */
export function wrapped<T, I>(
  inner: Runner<T, I>,
  spec: Spec,
  start: (sink: Sink<T, I>, context: Context) => Running,
): Runner<T, I> {
  const { shield, once, discard, unchecked } = inner.traits;
  const runner = createRunner<T, I>({
    spec: { ...spec, of: inner.spec },
    label: inner.label,
    ...(shield === undefined ? {} : { shield }),
    ...(unchecked === true || spec.type === 'unchecked' ? { unchecked: true } : {}),
    ...(once === undefined ? {} : { once }),
    ...(discard === undefined ? {} : { discard }),
    start,
  });
  links.add(runner);
  return runner;
}

/** Throws for a runner that runs once only, where advice would start it again. */
export function mustRepeat(inner: Runner<any, any>, advice: string): void {
  if (inner.traits.once !== undefined) throw new TypeError(`${advice}: ${inner.traits.once}`);
}

/** What has nothing of its own to be told: its child is killed, paused and played with it. */
export function follow(child: () => Running): Running {
  return { pause() {}, play() {}, kill: (by) => child().kill(by) };
}

function isLink(run: RunRecord | undefined): run is RunRecord {
  return run !== undefined && (links.has(run.runner) || run.runner.spec.type === 'within');
}

/** The outermost advice of the chain that a run is in, or the run itself. */
export function chainTop(run: RunRecord): RunRecord {
  let top = run;
  while (isLink(top.parent)) top = top.parent;
  return top;
}

/** Which try of the `retry` in its chain a run belongs to, from 1 on; undefined where there is none. */
export function attemptOf(run: RunRecord): number | undefined {
  for (let below = run; isLink(below.parent); below = below.parent)
    if (below.parent.runner.spec.type === 'retry') return Number(below.key);
  return undefined;
}

/** Whether a run is about to be killed, with one above it: it should begin nothing any more. */
export function isEnding(run: RunRecord): boolean {
  for (let at: RunRecord | undefined = run; at !== undefined; at = at.parent) {
    if (at.doom !== undefined) return true;
    if (at.runner.traits.shield === true) return false;
  }
  return false;
}
