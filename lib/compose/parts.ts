import { type Runnable, type Traits } from '../kernel/index.ts';
import { toRunner } from '../kernel/runnable.ts';

/** What is true of a runner made of several: it runs once where one of them does, and is discarded with all of them. */
export function partsTraits(parts: readonly Runnable<any>[], where: string): Pick<Traits, 'once' | 'discard'> {
  let once: string | undefined;
  let any = false;
  for (const part of parts) {
    const { traits } = toRunner(part, undefined, where); // throws for what is no runner
    once ??= traits.once;
    any ||= traits.discard !== undefined;
  }
  return { ...(once !== undefined && { once }), ...(any && { discard: () => discardParts(parts) }) };
}

/** Lets go of what will not be started: closes generators and the streams that were given. */
export function discardParts(parts: readonly Runnable<any>[]): void {
  for (const part of parts) toRunner(part).traits.discard?.();
}
