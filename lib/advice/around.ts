import { type Advice, type Context, type Runner } from '../kernel/index.ts';
import { startMade } from '../kernel/runnable.ts';
import { wrapped } from './wrap.ts';

/** What an advice of the user's own knows of the run that it goes around. */
export interface Session {
  readonly id: string;
  readonly spec: Runner['spec'];
  readonly label: string;
  readonly signal: AbortSignal;
}

/**
 * An advice written as a generator: code before, `yield* proceed`, code after. Its return value is the result; returning
 * without `proceed` concludes without running, yielding it again runs again (idea: bandsaw's before and after).
 *
 * ```ts
 * const timed = around(function* (proceed, session) {
 *   const since = Date.now();
 *   try {
 *     return yield* proceed;
 *   } finally {
 *     console.log(session.label, Date.now() - since);
 *   }
 * });
 * ```
 */
export function around(
  body: (proceed: Runner<any, any>, session: Session) => Generator<any, any, any> | AsyncGenerator<any, any, any>,
): Advice {
  if (typeof body !== 'function') throw new TypeError('around: expected a generator function of (proceed, session)');
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'around', by: body.name || 'anonymous' }, (sink, context: Context) =>
      startMade<T>(
        body(inner, { id: context.id, spec: inner.spec, label: inner.label, signal: context.signal }),
        sink,
        context,
        'around',
      ),
    );
}
