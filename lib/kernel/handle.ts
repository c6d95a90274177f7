// The runners behind the methods of a Run: waiting for its next line or item, and for its end.
import type { FeedIterator } from './feed.ts';
import type { RunRecord } from './run.ts';
import { whenSettled } from './run/settle.ts';
import { createRunner } from './create.ts';
import type { Runner } from './runner.ts';
import type { StreamName } from './event.ts';

type Next = { stream: StreamName; line: string } | { item: any } | undefined;

/** Where those that wait for the next of a run are. One place a run: two that wait share what comes. */
interface Cursor {
  readonly events: FeedIterator;
  /** Taken by waits that were killed before they could give it to anybody. */
  readonly returned: NonNullable<Next>[];
}
const cursors = new WeakMap<RunRecord, Cursor>();

function cursorOf(run: RunRecord): Cursor {
  let cursor = cursors.get(run);
  if (cursor === undefined) cursors.set(run, (cursor = { events: run.ensureFeed().iterate(), returned: [] }));
  return cursor;
}

function take({ events, returned }: Cursor): Next {
  if (returned.length > 0) return returned.shift();
  for (let event = events.pull(true); event !== undefined; event = events.pull(true)) {
    if (event.type === 'line' && event.partial !== true) return { stream: event.stream, line: event.line };
    if (event.type === 'item') return { item: event.item };
  }
  return undefined;
}

/** Waits for the next line or item of a run. */
export function nextRunner(run: RunRecord): Runner<Next> {
  return createRunner<Next>({
    spec: { type: 'next', run: run.id },
    label: `next of ${run.id}`,
    start(sink) {
      const cursor = cursorOf(run);
      const { events, returned } = cursor;
      let stopped = false;
      let taken: Next;
      const look = (): void => {
        if (stopped) return;
        taken = take(cursor);
        if (taken !== undefined || events.done) {
          stopped = true;
          sink.settle({ type: 'finished', value: taken });
          return;
        }
        const others = events.wanted;
        events.wanted = () => {
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
          // Of two in a race that hear of a line in the same turn one loses, and its line is for whoever asks next.
          if (taken !== undefined) returned.push(taken);
          taken = undefined;
          events.wake();
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
    start(sink, context) {
      let above = (context as unknown as RunRecord).parent;
      while (above !== undefined && above !== run) above = above.parent;
      if (above !== undefined)
        throw new TypeError(`join: ${run.id} (${run.label}) can't be waited for by itself or what it has started`);
      cursors.get(run)?.events.close();
      const done = (): void => {
        run.joining--;
        const outcome = run.outcome!;
        sink.settle(outcome.type === 'killed' ? { type: 'failed', error: run.errorOf(outcome) } : outcome);
      };
      run.joining++;
      const forget = whenSettled(run, done);
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
