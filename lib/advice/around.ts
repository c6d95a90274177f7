import { isRunner, type Advice, type Runner } from '../kernel/index.ts';
import { callAs } from '../kernel/current.ts';
import { isGenerator, show, startMade } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { proceeding } from './proceed.ts';
import { RunSession, type Session } from './session.ts';
import { wrapped } from './wrap.ts';

/**
 * An advice written as a generator, also an async one: code before, `yield* proceed`, code after. Its return value is the result;
 * returning without `proceed` concludes without running, yielding it again runs again (idea: bandsaw's before and after).
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
 *
 * What fails is thrown at the `proceed`, what it throws is the failure of the run. A kill goes to what `proceed` runs first, then
 * it is thrown there: `finally` runs, with `shield` around what it yields. Throws a TypeError for what is no function; a run of
 * one that gives no generator fails with a TypeError.
 */
export function around(
  body: (proceed: Runner<any, any>, session: Session) => Generator<any, any, any> | AsyncGenerator<any, any, any>,
): Advice {
  if (typeof body !== 'function')
    throw new TypeError(`around: expected a generator function of (proceed, session), not ${show(body)}`);
  const by = body.name || 'anonymous';
  const spec = { type: 'around', by };
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, spec, (sink, context) => {
      const run = context as unknown as RunRecord;
      const proceed = proceeding(inner, run);
      const made: unknown = callAs(run, () => body(proceed, new RunSession(run, inner)));
      if (isGenerator(made) || isRunner(made)) return startMade<T>(made, sink, context, 'around');
      if (made instanceof Promise) made.catch(() => {}); // that it is one is the failure to tell
      throw new TypeError(
        `around ${by}: its function gave ${show(made)}, not a generator; write it as function* (proceed, session) or async function*`,
      );
    });
}
