import { follow } from '../kernel/running.ts';
import { createRunner, type Runnable, type Runner } from '../kernel/index.ts';
import { toRunner } from '../kernel/runnable.ts';

/**
 * Cleanup that a kill doesn't touch: `finally { yield* shield(program('umount /mnt')) }`. It runs on when its task is killed,
 * takes no slot, and its result is answered as usual (L4). A second Ctrl-C ends its programs too.
 */
export function shield<T>(body: Runnable<T>): Runner<T> {
  const inner = toRunner<T>(body, undefined, 'shield');
  return createRunner<T>({
    spec: { type: 'shield', of: inner.spec },
    label: inner.label,
    shield: true,
    ...(inner.traits.once === undefined ? {} : { once: inner.traits.once }),
    ...(inner.traits.discard === undefined ? {} : { discard: inner.traits.discard }),
    start(sink, context) {
      const child = context.start(inner, sink as never);
      return follow(child);
    },
  });
}
