// What every advice that starts its runner by itself has in common.
import { coreOf } from '../kernel/create.ts';
import {
  BaseRunner,
  type Context,
  type Runner,
  type Running,
  type Sink,
  type Spec,
  type Traits,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

type Start<T, I> = (sink: Sink<T, I>, context: Context) => Running;

/**
 * An advice's runner around another: same label, its spec around the other's, killed and discarded with it. `as` has the traits
 * that it takes over; default: those of `inner`.
 */
export function wrapped<T, I>(
  inner: Runner<T, I>,
  spec: Spec,
  start: Start<T, I>,
  as: Traits<T> = inner.traits,
): Runner<T, I> {
  return new Wrapped(inner, spec, start, as);
}

/** All that is taken over is copied: asked through a thousand layers at each start, it would cost a thousand times as much. */
class Wrapped<T, I> extends BaseRunner<T, I> implements Traits<T> {
  readonly spec: Spec;
  readonly label: string;
  readonly shield: boolean | undefined;
  readonly unchecked: boolean | undefined;
  readonly once: string | undefined;
  readonly discard: (() => void) | undefined;
  readonly core: Runner<any, any>;
  readonly exact: true | string | undefined;
  readonly memory: boolean | undefined;
  readonly #start: Start<T, I>;

  constructor(inner: Runner<T, I>, spec: Spec, start: Start<T, I>, as: Traits<T>) {
    super();
    this.spec = { ...spec, of: inner.spec };
    this.label = inner.label;
    this.shield = as.shield;
    this.unchecked = as.unchecked === true || spec.type === 'unchecked' ? true : undefined;
    this.once = as.once;
    this.discard = as.discard;
    this.core = coreOf(inner);
    this.exact = CODE.has(spec.type) ? `the advice ${spec.type} inside it is code of yours` : inner.traits.exact;
    this.memory = spec.type === 'memo' ? true : undefined;
    this.#start = start;
  }
  get traits(): this {
    return this;
  }
  start(sink: Sink<T, I>, context: Context): Running {
    return this.#start(sink, context);
  }
}

/** Advice whose spec doesn't tell what it does. */
const CODE = new Set(['around', 'beforeAfter', 'fallback']);

/** Throws for a runner that runs once only, where advice would start it again. */
export function mustRepeat(inner: Runner<any, any>, advice: string): void {
  if (inner.traits.once !== undefined) throw new TypeError(`${advice}: ${inner.traits.once}`);
}

/** Whether a run is about to be killed, with one above it: it should begin nothing any more. */
export function isEnding(run: RunRecord): boolean {
  for (let at: RunRecord | undefined = run; at !== undefined; at = at.parent) {
    if (at.doom !== undefined) return true;
    if (at.runner.traits.shield === true) return false;
  }
  return false;
}
