import {
  isRunError,
  isRunner,
  type Advice,
  type Outcome,
  type Reason,
  type Runnable,
  type Runner,
  type Running,
} from '../kernel/index.ts';
import { callAs } from '../kernel/current.ts';
import { saysFirst } from '../kernel/error.ts';
import { callbackError } from '../kernel/late.ts';
import { checkOptions } from '../kernel/options.ts';
import { isGenerator, show, toRunner } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { attemptsNow, withAttempts } from './attempts.ts';
import { decided } from './decided.ts';
import { mustRepeat, wrapped } from './wrap.ts';

/** When `fallback` steps in. */
export interface FallbackOptions {
  /** Whether to. Default: for every failure. `reason` is undefined for errors that are no RunError. */
  readonly when?: (reason: Reason | undefined, error: Error) => boolean;
}

/**
 * Runs another where one fails: `program('curl …').with(fallback(program('wget …')))`, or `fallback((error) => …)` with a function, also a
 * generator function, that is given the error. Never after a kill. A note tells. When that one fails as well, its error is the
 * outcome, with the first one in `error.attempts`. It should give what the first would: its result is taken for that.
 */
export function fallback(other: Runner | ((error: Error) => Runnable), options: FallbackOptions = {}): Advice {
  if (isGenerator(other))
    throw new TypeError('fallback: a generator object runs once; give its function, which is called with the error');
  if (!isRunner(other) && typeof other !== 'function')
    throw new TypeError(`fallback: expected a runner, or a function of the error that gives one, not ${show(other)}`);
  if (isRunner(other)) mustRepeat(other, 'fallback');
  checkOptions('fallback', options, ['when']);
  const { when = () => true } = options;
  if (typeof when !== 'function')
    throw new TypeError(`fallback: when is a function of the reason and the error, not ${show(when)}`);
  const spec = {
    type: 'fallback',
    to: isRunner(other) ? other.spec : { type: 'task', name: other.name || 'anonymous' },
    ...(options.when === undefined ? {} : { when: 'given' }),
  };
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, spec, (sink, context) => {
      const run = context as unknown as RunRecord;
      let killed = false;
      let child: Running;
      const step = (error: Error): void => {
        let next: Runner;
        try {
          const reason = isRunError(error) ? error.reason : undefined;
          if (
            isRunError(error, 'killed') ||
            !decided(
              callAs(run, () => when(reason, error)),
              'fallback',
            )
          ) {
            sink.settle({ type: 'failed', error });
            return;
          }
          next = toRunner(isRunner(other) ? other : callAs(run, () => other(error)), run, 'fallback');
        } catch (thrown) {
          const failed = callbackError(run, 'the function of fallback', thrown);
          withAttempts(failed, [error]);
          sink.settle({ type: 'failed', error: failed });
          return;
        }
        sink.note(`falls back to ${next.label}: ${saysFirst(error)}`, { fallback: next.spec });
        const since = attemptsNow();
        child = context.start(next, {
          settle(outcome) {
            if (outcome.type === 'failed') withAttempts(outcome.error, [error], since);
            sink.settle(outcome as Outcome<T>);
          },
        });
      };
      let first: Outcome<T> | undefined;
      let inside = true;
      const settled = (outcome: Outcome<T>): void => {
        if (outcome.type === 'failed' && !killed) step(outcome.error);
        else sink.settle(outcome);
      };
      const begun = context.start(inner, {
        settle(outcome) {
          // What settles inside its own start is known before its Running is.
          if (inside) first = outcome;
          else settled(outcome);
        },
      });
      inside = false;
      child = begun;
      if (first !== undefined) settled(first);
      return {
        pause() {},
        play() {},
        kill(by) {
          killed = true;
          child.kill(by);
        },
        // To what it falls back to, too.
        send: (item) => child.send?.(item),
        end: () => child.end?.(),
      };
    });
}
