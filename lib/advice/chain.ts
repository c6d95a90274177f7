import { follow } from '../kernel/running.ts';
import { advise, type Advice, type Runner } from '../kernel/index.ts';
import { checkAdvice } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { nearestFirst } from '../kernel/suggest.ts';
import { wrapped } from './wrap.ts';

/** Names that an error lists. */
const SHOWN = 20;

const defined = new Map<string, readonly Advice[]>();
const advices = new Map<string, Advice>();
const names = new WeakMap<Advice, string>();

/**
 * Advice under a name: `chain('remote', retry(3), timeout('5m'))` defines it (the first is the outermost), `chain('remote')` is it,
 * wherever advice is taken. It is looked up when a run begins, so modules may be loaded in any order; names are those of the
 * process. A run of one that nobody has defined by then fails with a TypeError that lists those known.
 *
 * Throws a TypeError for a name that other advice has already (the very same, again, is no error), and for a chain that would be
 * a part of itself. (Idea: bandsaw's chains.)
 */
export function chain(name: string, ...advice: Advice[]): Advice {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`chain: expected a name and the advice of it, got ${show(name)}; chain('remote', retry(3))`);
  checkAdvice(`chain ${JSON.stringify(name)}`, advice);
  if (advice.length > 0) define(name, advice);
  let named = advices.get(name);
  if (named === undefined) {
    named = (inner) => around(name, inner);
    advices.set(name, named);
    names.set(named, name);
  }
  return named;
}

function define(name: string, advice: readonly Advice[]): void {
  const before = defined.get(name);
  if (before !== undefined) {
    if (before.length === advice.length && before.every((one, index) => one === advice[index])) return;
    throw new TypeError(`chain ${JSON.stringify(name)} is defined already, with other advice; take another name`);
  }
  const circle = wayTo(name, advice, new Set());
  if (circle !== undefined)
    throw new TypeError(
      `chain ${JSON.stringify(name)} would be a part of itself: ${[name, ...circle].join(' → ')}; it would never begin`,
    );
  defined.set(name, advice);
}

/** The names by which a list of advice leads to a chain. */
function wayTo(target: string, advice: readonly Advice[], seen: Set<string>): string[] | undefined {
  for (const one of advice) {
    const name = names.get(one);
    if (name === target) return [name];
    if (name === undefined || seen.has(name)) continue;
    seen.add(name);
    const further = wayTo(target, defined.get(name) ?? [], seen);
    if (further !== undefined) return [name, ...further];
  }
  return undefined;
}

function around<T, I>(name: string, inner: Runner<T, I>): Runner<T, I> {
  let made = defined.has(name) ? compose(name, inner) : undefined;
  return wrapped(
    inner,
    { type: 'chain', name },
    (sink, context) => {
      made ??= late(name, inner);
      const child = context.start(made, { settle: (outcome) => sink.settle(outcome) });
      return follow(child);
    },
    made?.traits,
  );
}

function compose<T, I>(name: string, inner: Runner<T, I>): Runner<T, I> {
  const advice = defined.get(name);
  if (advice !== undefined) return advise(inner, ...advice);
  const known = nearestFirst(name, defined.keys());
  const list =
    known.length > SHOWN ? `${known.slice(0, SHOWN).join(', ')} and ${known.length - SHOWN} more` : known.join(', ');
  throw new TypeError(
    `chain ${JSON.stringify(name)} was not defined when a run of it began: ${list === '' ? 'none is' : `known are ${list}`}; define it with chain(${JSON.stringify(name)}, ...advice)`,
  );
}

/** When it begins; what can't begin is left. */
function late<T, I>(name: string, inner: Runner<T, I>): Runner<T, I> {
  try {
    return compose(name, inner);
  } catch (error) {
    inner.traits.discard?.();
    throw error;
  }
}
