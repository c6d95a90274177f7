import {
  isRunError,
  isRunner,
  milliseconds,
  type Advice,
  type Duration,
  type Outcome,
  type Reason,
  type Runner,
  type Running,
} from '../kernel/index.ts';
import { saysFirst } from '../kernel/error.ts';
import { callbackError } from '../kernel/late.ts';
import { checkOptions, toldNumber } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { attemptsNow, withAttempts } from './attempts.ts';
import { decided } from './decided.ts';
import { isOverdue } from './late.ts';
import { budgetOf, type RetryBudget, type RetryBudgetOptions } from './retryBudget.ts';
import { countTry } from './session.ts';
import { isEnding, mustRepeat, wrapped } from './wrap.ts';

/** Errors of tries that are kept. */
const KEPT = 100;

/** How often and when `retry` tries again. */
export interface RetryOptions {
  /** Tries after the first. Default 3. */
  readonly count?: number;
  /** Before the second try; doubled for each further one. Default '1s'. */
  readonly backoff?: Duration;
  /** The factor from one wait to the next. Default 2. */
  readonly factor?: number;
  /** The longest wait. Default '30s', or `backoff` where that is longer. */
  readonly max?: Duration;
  /** The part of a wait that is random, 0 to 1: many that fail together don't come back together. Default 0.5. */
  readonly jitter?: number;
  /**
   * Whether to try again. Default: any failure but a connection that may have been used (`connection` with `sent: 'maybe'`),
   * a start that can't succeed (ENOENT, EACCES, …), a `deadline` that is over, and code of one's own that threw. `reason` is undefined for errors that
   * are no RunError.
   */
  readonly when?: (reason: Reason | undefined, error: Error, attempt: number) => boolean;
  /** The work may be repeated after it may have been done: retries `sent: 'maybe'` too. Default false. */
  readonly idempotent?: boolean;
  /** No new try begins so long after the first, and none is waited for that couldn't: a limit of time. Pauses count. Default: none. */
  readonly within?: Duration;
  /**
   * How many retries there may be of all the runs that share it (`retryBudget(…)`), or of all with this very advice (its
   * options): a limit of load. Default: none.
   */
  readonly budget?: RetryBudget | RetryBudgetOptions;
}

/**
 * Tries again what failed: `program('curl …').with(retry(3))`, `retry({ count: 5, backoff: '500ms', when: (r) => r?.type === 'exit' })`.
 * Gives the last error, with the earlier ones (at most 99) as `error.attempts`, which is shown with it. A kill is never retried: where
 * tries failed before it, they are its cause. While it waits, it holds no slot.
 * Throws a TypeError for a generator object, which can't begin again.
 */
export function retry(options: number | RetryOptions = {}): Advice {
  if (isRunner(options)) throw new TypeError('retry: is given options: runner.with(retry(3))');
  const o = typeof options === 'number' ? { count: options } : options;
  checkOptions('retry', o, ['count', 'backoff', 'factor', 'max', 'jitter', 'when', 'idempotent', 'within', 'budget']);
  const { count = 3, factor = 2, jitter = 0.5, idempotent = false } = o;
  for (const [name, value] of Object.entries({ count, factor, jitter }))
    if (typeof value !== 'number') throw new TypeError(`retry: ${name} is a number, not ${show(value)}`);
  if (typeof idempotent !== 'boolean')
    throw new TypeError(`retry: idempotent is true or false, not ${show(idempotent)}`);
  if (!(count >= 0)) throw new RangeError(`retry: count ${String(count)} is no number of tries`);
  if (!(jitter >= 0 && jitter <= 1)) throw new RangeError(`retry: jitter ${String(jitter)} is not between 0 and 1`);
  if (!(factor > 0)) throw new RangeError(`retry: factor ${String(factor)} is no number above 0`);
  if (o.when !== undefined && typeof o.when !== 'function')
    throw new TypeError(`retry: when is a function of the reason and the error, not ${show(o.when)}`);
  const first = milliseconds(o.backoff ?? '1s', 'retry: backoff');
  const max = o.max === undefined ? Math.max(30_000, first) : milliseconds(o.max, 'retry: max');
  const limit = o.within === undefined ? Infinity : milliseconds(o.within, 'retry: within');
  const budget = o.budget === undefined ? undefined : budgetOf(o.budget);
  const when =
    o.when ?? ((reason: Reason | undefined, error: Error) => !isOverdue(error) && worthwhile(reason, idempotent));
  return <T, I>(inner: Runner<T, I>): Runner<T, I> => {
    mustRepeat(inner, 'retry');
    const spec = { type: 'retry', count: toldNumber(count), ...(o.when === undefined ? {} : { when: 'given' }) };
    return wrapped(inner, spec, (sink, context) => {
      const { clock } = context;
      const end = clock.now() + limit;
      /** The latest; all that is kept of an endless row of tries. */
      const errors: Error[] = [];
      let failures = 0;
      /** For the errors that came of the try under way, and of the last that failed: see withAttempts. */
      let since = 0;
      let sinceFailed = 0;
      let child: Running;
      let cancel: (() => void) | undefined;
      let killed = false;
      let paused = false;
      let due = false;
      const attempt = (): void => {
        cancel = undefined;
        due = false;
        countTry(context as unknown as RunRecord, failures + 1);
        since = attemptsNow();
        let settledInside: Outcome<T> | undefined;
        let inside = true;
        const given = context.start(inner, {
          settle(outcome) {
            if (inside) settledInside = outcome;
            else settled(outcome);
          },
        });
        inside = false;
        child = given;
        if (settledInside !== undefined) settled(settledInside);
      };
      const settled = (outcome: Outcome<T>): void => {
        if (killed || outcome.type !== 'failed') {
          if (killed && outcome.type === 'killed') ended(outcome.by, outcome.cause);
          else sink.settle(outcome);
          return;
        }
        const { error } = outcome;
        failures++;
        sinceFailed = since;
        errors.push(error);
        if (errors.length > KEPT) errors.shift();
        const reason = isRunError(error) ? error.reason : undefined;
        let again = false;
        try {
          again = failures <= count && !isRunError(error, 'killed') && decided(when(reason, error, failures), 'retry');
        } catch (thrown) {
          const failed = callbackError(context as unknown as RunRecord, 'when of retry', thrown);
          withAttempts(failed, errors);
          sink.settle({ type: 'failed', error: failed });
          return;
        }
        // 0 times a factor that has grown past all numbers would be none.
        const wait = first === 0 ? 0 : Math.min(max, first * factor ** (failures - 1));
        const ms = Math.round(wait * (1 - jitter * Math.random()));
        if (again && clock.now() + ms > end) {
          again = false;
          sink.note(`no retry: it would begin later than ${limit} ms after the first try`, { attempt: failures });
        }
        if (again && budget?.take(clock) === false) {
          again = false;
          sink.note(`no retry: the budget of retries is used up (${budget.told})`, { attempt: failures });
        }
        if (!again) {
          withAttempts(error, errors.slice(0, -1), since);
          sink.settle(outcome);
          return;
        }
        const next = count === Infinity ? String(failures) : `${failures} of ${count}`;
        sink.note(`retry ${next} in ${ms} ms: ${saysFirst(error)}`, { attempt: failures, ms });
        cancel = clock.after(ms, () => {
          if (paused) due = true;
          else attempt();
        });
      };
      /** What killed it, a `deadline` say, is one thing; why there were so many tries is its cause. */
      const ended = (by: string, own?: Error): void => {
        const cause = own ?? errors.pop();
        if (cause === undefined) sink.settle({ type: 'killed', by });
        else {
          withAttempts(cause, errors, own === undefined ? sinceFailed : since);
          sink.settle({ type: 'failed', error: cause }); // of a run that is being killed: that is its cause
        }
      };
      budget?.first(clock);
      attempt();
      return {
        pause() {
          paused = true;
        },
        play() {
          paused = false;
          // One that is killed plays on so that it can end.
          if (due && !isEnding(context as unknown as RunRecord)) attempt();
        },
        kill(by) {
          killed = true;
          if (cancel === undefined && !due) child.kill(by);
          else {
            cancel?.();
            ended(by);
          }
        },
        describe: () => (cancel === undefined ? `at try ${failures + 1}` : `waits before try ${failures + 1}`),
      };
    });
  };
}

/** What another try may mend. */
function worthwhile(reason: Reason | undefined, idempotent: boolean): boolean {
  if (reason === undefined) return true;
  switch (reason.type) {
    case 'connection':
      return reason.sent === 'no' || idempotent;
    case 'callback':
    case 'file':
      return false;
    case 'spawn':
      return ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes(reason.code);
    default:
      return true;
  }
}
