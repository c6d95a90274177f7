import assert from 'node:assert/strict';
import {
  runCommandGens,
  type Event,
  type Loop,
  type LoopOptions,
  type Outcome,
  type Runnable,
  type Runner,
} from '../kernel/index.ts';
import { declare, Record, rounds, type Suite } from './record.ts';

/** A kind of runner, as the contract tries it. */
export interface Subject<T = unknown> {
  /** A new runner that finishes by itself soon. */
  runner(): Runner<T>;
  /** A new runner that never ends by itself. Without it the tests of killing prove little. */
  endless?(): Runner;
  /** A new runner that fails by itself soon. */
  failing?(): Runner;
  /** For every loop of the tests: a clock, a spawner. */
  readonly options?: LoopOptions;
  /** Lets those that run come to their end (`() => clock.advance('1s')`); called again and again until they have. */
  finish?(): unknown;
  /** Throws when the value is not the one that `runner` gives. */
  check?(value: T): void;
  /** Takes down what was set up for the test. */
  close?(): unknown;
}

/** Declares a test of the contract: nothing may be rejected without anybody hearing of it. */
export function tester<T>(t: Suite, name: string, make: () => Subject<T> | Promise<Subject<T>>) {
  return (what: string, body: (subject: Subject<T>) => Promise<void>): void =>
    declare(t, `${name}: ${what}`, async () => {
      const subject = await make();
      const unhandled: unknown[] = [];
      const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
      process.on('unhandledRejection', onUnhandled);
      try {
        await body(subject);
        await rounds();
      } finally {
        process.off('unhandledRejection', onUnhandled);
        await subject.close?.();
      }
      assert.deepEqual(unhandled, [], 'no unhandled rejection');
    });
}

/** Runs in a loop whose events are recorded. */
export function run<T>(
  subject: Pick<Subject, 'options'>,
  gens: readonly Runnable<T>[],
): { loop: Loop<T[]>; record: Record } {
  const record = new Record();
  return { loop: runCommandGens<T>(gens, { ...subject.options, onEvent: record.see }), record };
}

/** How a run ended, by its event. */
export function outcomeOf(events: readonly Event[], run = '1'): Outcome<unknown> | undefined {
  const settle = events.find((event) => event.type === 'settle' && event.run === run);
  return settle?.type === 'settle' ? settle.outcome : undefined;
}
