// Where the generators of a loop come from.
import { isRunner } from './create.ts';
import { show } from './runnable.ts';
import type { Runnable } from './runner.ts';

/** An Observable, of any library, as far as it is needed here. */
export interface ObservableLike<T> {
  /**
   * An observer is what it gets. The type says a function besides, as TypeScript learns T from the last overload only, and with
   * RxJS that is the one of a function.
   */
  subscribe(observer: ObserverLike<T> & ((value: T) => void)): { unsubscribe(): void };
}

/** What an Observable tells. */
export interface ObserverLike<T> {
  next(value: T): void;
  error(error: unknown): void;
  complete(): void;
}

/** What `runCommandGens` takes. */
export type Source<R extends Runnable<any> = Runnable<any>> = Iterable<R> | AsyncIterable<R> | ObservableLike<R>;

const PASS_LIST = 'pass a list: runCommandGens([x])';

/** Where a runner that can be a source of generators as well (`fromObservable`) has that source. */
export const SOURCE = Symbol.for('sluice.source');

/** The source of generators that was given. Throws a TypeError for what is none. */
export function checkSource(source: unknown): Source {
  const own = (source as { readonly [SOURCE]?: Source } | null | undefined)?.[SOURCE];
  if (own !== undefined) return own;
  if (isRunner(source)) throw new TypeError(`runCommandGens: got a single runner; pass [x]: runCommandGens([runner])`);
  if (typeof source === 'function')
    throw new TypeError(`runCommandGens: got a single function; pass [x]: runCommandGens([${source.name || 'main'}])`);
  if (typeof source === 'object' && source !== null) {
    if (Symbol.iterator in source || Symbol.asyncIterator in source || observableOf(source) !== undefined)
      return source as Source;
  }
  throw new TypeError(
    `runCommandGens: expected a list, an iterable or an Observable of generators, got ${show(source)}; ${PASS_LIST}`,
  );
}

/** The Observable that something is or gives, of any library; undefined where it is none. */
export function observableOf(source: object): ObservableLike<unknown> | undefined {
  const key = (Symbol as { observable?: symbol }).observable ?? '@@observable';
  const interop =
    (source as Record<string | symbol, unknown>)[key] ?? (source as Record<string, unknown>)['@@observable'];
  return typeof interop === 'function' ? (interop.call(source) as ObservableLike<unknown>) : undefined;
}
