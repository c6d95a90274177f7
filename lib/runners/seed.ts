// The seed's own contract (2009): a callable gives streams, a function for the lines of each, and what to call after the
// last of them has ended. The kernel calls the callable, in both of its shapes, and hands over what it gave.
import { callbackError, isThenable } from '../kernel/late.ts';
import { DONE } from '../kernel/running.ts';
import { callAsyncAs } from '../kernel/current.ts';
import {
  createRunner,
  isRunError,
  toError,
  type Context,
  type Runner,
  type SeedStreams,
  type Sink,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { adoptSeeds } from '../kernel/runnable.ts';
import { promise } from './promise.ts';
import { isReadable } from './reader.ts';
import { checkEntries, streams, type StreamSource } from './stream.ts';

const LABEL = 'seed';
const ONCE = 'what a callable gave is used up; yield the callable itself once more';

/**
 * What a seed's callable gave, as a runner: reads the streams to their ends (null for a function: lines are dropped), calls
 * `onComplete` inside a turn, and gives what that returns; a promise is waited for. Users yield the callable itself.
 *
 * What `onComplete` throws fails the run with the reason `callback` (or with itself if it is a RunError). It isn't called
 * when a stream fails or the run is killed, nor in a dry run, where the callable has been called all the same: only its
 * call can tell what it is. Throws a TypeError for streams that are no pairs of a stream and a function.
 */
export function seed(onComplete: () => unknown, entries: SeedStreams): Runner {
  const list = checkEntries(`a callable's streams`, entries);
  let used = false;
  return createRunner({
    spec: { type: 'seed', streams: list.length },
    label: LABEL,
    once: ONCE,
    discard: () => streams(list).traits.discard?.(),
    start(sink, context) {
      if (used) throw new TypeError(ONCE);
      used = true;
      const { parent, ambient } = context as unknown as RunRecord;
      if (ambient.dryRun) {
        list.forEach(([source]) => drop(source));
        sink.settle({ type: 'finished', value: undefined });
        return DONE;
      }
      // The run above is the callable's, and its name is the best there is to tell lines apart.
      const named = parent?.spec.type === 'task' && parent.label !== 'anonymous';
      return context.start(streams(list, { label: named ? parent.label : LABEL }), {
        settle(outcome) {
          if (outcome.type !== 'finished') sink.settle(outcome);
          else complete(onComplete, sink, context);
        },
      });
    },
  });
}

/** What has begun although it shouldn't must not be blocked by a full pipe. */
function drop(source: StreamSource): void {
  if (isReadable(source)) source.on('error', () => {}).resume();
}

function complete(onComplete: () => unknown, sink: Sink<unknown>, context: Context): void {
  const run = context as unknown as RunRecord;
  const failed = (cause: unknown): void => {
    const error = isRunError(cause) ? cause : callbackError(run, 'onComplete', toError(cause));
    sink.settle({ type: 'failed', error });
  };
  let value: unknown;
  try {
    value = callAsyncAs(run, onComplete);
  } catch (cause) {
    failed(cause);
    return;
  }
  if (!isThenable(value)) {
    sink.settle({ type: 'finished', value });
    return;
  }
  context.start(
    promise(() => value),
    {
      settle(outcome) {
        if (outcome.type === 'failed') failed(outcome.error);
        else sink.settle(outcome);
      },
    },
  );
}

adoptSeeds(seed);
