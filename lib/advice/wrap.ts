// What every advice that starts its runner by itself has in common.
import { createRunner, type Context, type Runner, type Running, type Sink, type Spec } from '../kernel/index.ts';

/** An advice's runner around another: same label, its spec around the other's, killed and discarded with it. */
export function wrapped<T, I>(
  inner: Runner<T, I>,
  spec: Spec,
  start: (sink: Sink<T, I>, context: Context) => Running,
): Runner<T, I> {
  const { shield, once, discard, unchecked, exact } = inner.traits;
  return createRunner<T, I>({
    spec: { ...spec, of: inner.spec },
    label: inner.label,
    ...(shield === undefined ? {} : { shield }),
    ...(unchecked === true || spec.type === 'unchecked' ? { unchecked: true } : {}),
    ...(once === undefined ? {} : { once }),
    ...(discard === undefined ? {} : { discard }),
    ...(spec.type === 'around' || exact === undefined ? {} : { exact }),
    start,
  });
}

/** Throws for a runner that runs once only, where advice would start it again. */
export function mustRepeat(inner: Runner<any, any>, advice: string): void {
  if (inner.traits.once !== undefined) throw new TypeError(`${advice}: ${inner.traits.once}`);
}
