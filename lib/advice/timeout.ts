import { milliseconds, type Advice, type Duration, type Runner } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { causeOf, lastLineBelow, lateError } from './late.ts';
import { wrapped } from './wrap.ts';

/**
 * Kills what takes longer and fails with the reason `timeout`; counted from the start of the run, waiting for a slot
 * included. Time in which it is paused doesn't count, and each try of a `retry` around it has its own: see `deadline`.
 */
export function timeout(duration: Duration): Advice {
  return limit('timeout', milliseconds(duration, 'timeout'), false);
}

/** Kills what says nothing (no line, item or note) for so long, and fails with the reason `timeout`. */
export function idle(duration: Duration): Advice {
  return limit('idle', milliseconds(duration, 'idle'), true);
}

function limit(type: 'timeout' | 'idle', ms: number, restarts: boolean): Advice {
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type, ms }, (sink, context) => {
      const { clock } = context;
      const run = context as unknown as RunRecord;
      let late = false;
      let since = clock.now();
      let rest = ms;
      let last: string | undefined;
      const heard = (): void => {
        since = clock.now();
        rest = ms;
      };
      const lines = (_stream: string, said: readonly string[]): void => {
        last = said.at(-1);
        heard();
      };
      // One timer that looks when it fires whether something was heard since: lines don't each pay for a timer.
      const wait = (): (() => void) =>
        clock.after(rest - (clock.now() - since), () => {
          // Whoever isn't read, because its reader is behind, can't say anything.
          if (restarts && run.held) heard();
          if (clock.now() - since < rest) {
            cancel = wait();
            return;
          }
          late = true;
          if (!restarts) last = lastLineBelow(run);
          child.kill(type);
        });
      let cancel = wait();
      const child = context.start(inner, {
        ...(restarts ? { lines, item: heard, note: heard, partial: heard } : {}),
        settle(outcome) {
          cancel();
          if (!late || outcome.type === 'finished') {
            sink.settle(outcome);
            return;
          }
          const line = last === undefined ? '(none)' : context.mask(last);
          const silent = restarts ? 'it said nothing for so long; ' : '';
          const hint = restarts || last !== undefined ? `${silent}its last line: ${line}` : undefined;
          sink.settle({ type: 'failed', error: lateError(run, ms, hint, causeOf(outcome)) });
        },
      });
      return {
        pause() {
          cancel();
          rest -= clock.now() - since;
        },
        play() {
          since = clock.now();
          cancel = wait();
        },
        kill(by) {
          cancel();
          child.kill(by);
        },
      };
    });
}
