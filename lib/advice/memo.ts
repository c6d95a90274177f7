import { coreOf } from '../kernel/create.ts';
import { DONE } from '../kernel/running.ts';
import { createRunner, isRunner, type Advice, type Context, type Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { drive } from './memo/drive.ts';
import { settings, type MemoOptions } from './memo/options.ts';
import { memoAround, MemoRun } from './memo/run.ts';
import { mustRepeat, wrapped } from './wrap.ts';

export { dir, glob, type GlobOptions, type MemoOptions } from './memo/options.ts';

/**
 * Skips what it is around when nothing that it goes by has changed: `program('cc -c a.c').with(memo({ inputs: ['a.c'], outputs:
 * ['a.o'] }))`. Then the run gives the value that it gave the last time, with the note "unchanged"; its lines are told again, to reports and
 * callbacks, as events with `memory: true`. Without files it is a cache.
 *
 * It goes by what is to be done (the spec), where (host, folder, changed and listed variables), and by its inputs, by their contents.
 * What is known of it is an entry in the store, good while inputs and outputs are as it left them. Runs that failed or were killed
 * leave none. What programs read besides (the compiler itself, files that aren't named) isn't seen,
 * nor what memos further in go by.
 *
 * One run at a time makes an output or an entry, over all processes with the same store; the others wait, and look again. Throws a
 * TypeError for work that can't be compared (your own code without `key`; see `task(import.meta, fn)`), and for a generator object;
 * fails with the reason `file` where an input isn't there or an output wasn't made, and with `stale` where an input is
 * an output of a step that is still at work. (Ideas: bandsaw's cache, StepUp's skipping of steps, ccache, make.)
 */
export function memo(options: MemoOptions = {}): Advice {
  const given = settings(options);
  return <T, I>(inner: Runner<T, I>): Runner<T, I> => {
    if (!isRunner(inner)) throw new TypeError('memo: is given options: runner.with(memo({ inputs, outputs }))');
    mustRepeat(inner, 'memo');
    checkComparable(inner, given.key !== undefined);
    return wrapped(inner, { type: 'memo' }, (sink, context) =>
      isOff(context) ? context.start(inner, sink as never) : new MemoRun(given, inner, sink, context),
    );
  };
}

function isOff(context: Context): boolean {
  const { mode, scope } = (context as unknown as RunRecord).ambient.memo;
  if (mode === 'off' && scope !== undefined) scope.unfinished++;
  return mode === 'off';
}

/** Throws for work that two runs of can't be told apart by what is known of it. */
function checkComparable(inner: Runner<any, any>, keyed: boolean): void {
  const { exact } = inner.traits;
  if (keyed || exact === true) return;
  const { code } = coreOf(inner).traits;
  if (exact === undefined && code?.module !== undefined) return;
  const what = coreOf(inner).label;
  if (exact !== undefined)
    throw new TypeError(`memo: ${what} can't be compared: ${exact}. Give memo a key that tells it all`);
  const why =
    code === undefined ? 'what it does is code of yours' : `the values that ${code.name} closes over can't be seen`;
  throw new TypeError(
    `memo: ${what} can't be compared: ${why}. Pass them as arguments of a module-level function, ` +
      'task(import.meta, fn, ...args), or give memo a key that tells it all',
  );
}

/** What `amend` adds. */
export interface Amendment {
  readonly inputs?: readonly (string | URL)[] | undefined;
  readonly outputs?: readonly (string | URL)[] | undefined;
  readonly env?: readonly string[] | undefined;
}

/**
 * Adds what was found while it runs to the memo around it: files that it reads, files that it is about to write (their
 * folders are made), variables. They
 * decide from then on whether the entry holds: `yield* amend({ inputs: headers })`. Nothing happens where there is no memo.
 * (Idea: StepUp's amend.)
 */
export function amend(amendment: Amendment): Runner<void> {
  checkOptions('amend', amendment, ['inputs', 'outputs', 'env']);
  const { inputs, outputs, env } = settings({ inputs: [], ...amendment });
  for (const input of inputs)
    if (typeof input !== 'string') throw new TypeError(`amend: inputs are paths, not ${show(input)}`);
  return createRunner<void>({
    spec: { type: 'amend' },
    label: 'amend',
    start(sink, context) {
      const memo = memoAround(context);
      if (memo === undefined) {
        sink.settle({ type: 'finished', value: undefined });
        return DONE;
      }
      const stop = drive(
        context as unknown as RunRecord,
        memo.amend(inputs as readonly string[], outputs, env),
        (outcome) => sink.settle(outcome),
      );
      return {
        pause() {},
        play() {},
        kill(by) {
          stop();
          sink.settle({ type: 'killed', by });
        },
      };
    },
  });
}
