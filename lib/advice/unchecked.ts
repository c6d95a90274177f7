import { follow } from '../kernel/running.ts';
import { isRunError, isRunner, type Advice, type Runner } from '../kernel/index.ts';
import { wrapped } from './wrap.ts';

/**
 * A program that ends with a non-zero exit code or by a signal gives its result instead of failing:
 * `const { exitCode } = yield* program('grep x f').with(unchecked)`. A spawned run's other failures wait for whoever joins it, and
 * fail nobody before. Kills, timeouts and failed starts stay failures.
 */
export const unchecked: Advice = <T, I>(inner: Runner<T, I>): Runner<T, I> => {
  if (!isRunner(inner)) throw new TypeError('unchecked: is an advice itself; write runner.with(unchecked)');
  return wrapped(inner, { type: 'unchecked' }, (sink, context) => {
    const child = context.start(inner, {
      settle(outcome) {
        if (outcome.type !== 'failed' || !isRunError(outcome.error) || outcome.error.result === undefined)
          sink.settle(outcome);
        else sink.settle({ type: 'finished', value: outcome.error.result as T });
      },
    });
    return follow(child);
  });
};
