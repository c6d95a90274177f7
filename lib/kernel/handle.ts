// The runners behind the methods of a Run: waiting for its next line or item, and for its end.
import type { FeedIterator } from './feed.ts';
import type { RunRecord } from './run.ts';
import { createRunner, type Runner } from './runner.ts';
import type { StreamName } from './event.ts';

type Next = { stream: StreamName; line: string } | { item: any } | undefined;

const cursors = new WeakMap<RunRecord, FeedIterator>();

/** Waits for the next line or item of a run. One place a run: two that wait share what comes. */
export function nextRunner(run: RunRecord): Runner<Next> {
  return createRunner<Next>({
    spec: { type: 'next', run: run.id },
    label: `next of ${run.id}`,
    start(sink) {
      let stopped = false;
      if (!cursors.has(run)) cursors.set(run, run.ensureFeed().iterate());
      const cursor = cursors.get(run)!;
      const look = (): void => {
        if (stopped) return;
        for (let event = cursor.pull(true); event !== undefined; event = cursor.pull(true)) {
          if (event.type === 'line' && event.partial !== true) {
            sink.settle({ type: 'finished', value: { stream: event.stream, line: event.line } });
            return;
          }
          if (event.type === 'item') {
            sink.settle({ type: 'finished', value: { item: event.item } });
            return;
          }
        }
        if (cursor.done) {
          sink.settle({ type: 'finished', value: undefined });
          return;
        }
        const others = cursor.wanted;
        cursor.wanted = () => {
          others?.();
          look();
        };
      };
      look();
      return {
        pause() {},
        play() {},
        kill(by) {
          stopped = true;
          sink.settle({ type: 'killed', by });
        },
        describe: () => `waits for a line of ${run.id} (${run.label})`,
      };
    },
  });
}

/** Waits for the end of a run. From here on its lines wait for no `next()`. */
export function joinRunner<T>(run: RunRecord<T>): Runner<T> {
  return createRunner<T>({
    spec: { type: 'join', run: run.id },
    label: `join ${run.id}`,
    start(sink) {
      cursors.get(run)?.close();
      const done = (): void => {
        run.joining--;
        const outcome = run.outcome!;
        sink.settle(outcome.type === 'killed' ? { type: 'failed', error: run.errorOf(outcome) } : outcome);
      };
      run.joining++;
      const forget = run.whenSettled(done);
      return {
        pause() {},
        play() {},
        kill(by) {
          forget();
          if (!run.settled) run.joining--;
          sink.settle({ type: 'killed', by });
        },
        describe: () => `waits for the end of ${run.id} (${run.label})`,
      };
    },
  });
}
