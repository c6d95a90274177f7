import { DONE } from '../kernel/running.ts';
import { milliseconds, type Advice, type Duration, type Runner } from '../kernel/index.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { causeOf, lastLineBelow, lateError } from './late.ts';
import { topOf } from './session.ts';
import { wrapped } from './wrap.ts';

/**
 * Kills what runs at a point in time, and fails with the reason `timeout`; what would begin later isn't started. A Date or milliseconds
 * since the epoch is that point, for all runs with this advice; a duration as text ('5m') counts from the start of the run.
 *
 * How it differs from `timeout`: time in a pause counts, and it is one for everything: with `retry(…), deadline('5m')` all tries
 * together have five minutes, also where it stands behind the retry. What runs below is killed with it. Time is that of the
 * loop's clock.
 *
 * Throws a TypeError for what is no time.
 */
export function deadline(when: Date | number | (string & {})): Advice {
  const point = pointOf(when);
  const ms = point === undefined ? milliseconds(when as Duration, 'deadline') : 0;
  /** When the chains under way will be over. */
  const ends = new WeakMap<RunRecord, number>();
  const spec = point === undefined ? { type: 'deadline', ms } : { type: 'deadline', at: toldTime(point) };
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, spec, (sink, context) => {
      const { clock } = context;
      const run = context as unknown as RunRecord;
      const top = topOf(run);
      const since = top.startedAt;
      const end = point ?? ends.get(top) ?? since + ms;
      if (point === undefined) ends.set(top, end);
      const had = Math.max(0, end - since);
      const left = end - clock.now();
      if (left <= 0) {
        const at = point === undefined ? '' : ` at ${toldTime(point)}`;
        inner.traits.discard?.();
        const error = lateError(run, had, `not started: its time was over${at}, before it began`, undefined, true);
        sink.settle({ type: 'failed', error });
        return DONE;
      }
      let late = false;
      let last: string | undefined;
      const cancel = clock.after(left, () => {
        late = true;
        const line = lastLineBelow(run);
        last = line === undefined ? undefined : `its last line: ${context.mask(line)}`;
        child.kill('deadline');
      });
      const child = context.start(inner, {
        settle(outcome) {
          cancel();
          if (!late || outcome.type === 'finished') sink.settle(outcome);
          else sink.settle({ type: 'failed', error: lateError(run, had, last, causeOf(outcome), true) });
        },
      });
      return {
        pause() {},
        play() {},
        kill(by) {
          cancel();
          child.kill(by);
        },
        describe: () => `has until ${toldTime(end)}`,
      };
    });
}

/** A point in time, in milliseconds since the epoch; undefined for a duration. */
function pointOf(when: unknown): number | undefined {
  if (typeof when === 'string') return undefined;
  const point = when instanceof Date ? when.getTime() : when;
  if (typeof point === 'number' && !Number.isNaN(point)) return point;
  throw new TypeError(
    `deadline: ${when instanceof Date ? 'an invalid Date' : show(when)} is no time; give a Date, milliseconds since the epoch, or a duration such as '5m'`,
  );
}

function toldTime(point: number): string {
  // Beyond what a Date can be.
  return Math.abs(point) > 8.64e15 ? String(point) : new Date(point).toISOString();
}
