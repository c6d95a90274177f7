import { isRunner, type Advice, type Json, type Runner } from '../kernel/index.ts';
import { toldNumber } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { slotPool } from '../kernel/slots.ts';
import { amountsOf, Pool, told, type Amounts } from './pool.ts';
import { wrapped } from './wrap.ts';

/** Resources that were named by `slots`: `.with(pool({ gpu: 1 }))` takes some while a run lasts. */
export interface Slots<N extends string = string> {
  /**
   * The advice that takes so much of each. Throws a TypeError for a name that isn't there, a RangeError for more than there is
   * and for what is no whole number of 0 or more.
   */
  (takes: { readonly [K in N]?: number }): Advice;
  /** How much there is of each. */
  readonly limits: Readonly<Record<N, number>>;
  /** How much of each is free just now. */
  readonly free: Readonly<Record<N, number>>;
}

/**
 * At most so many at once of all the runs with this very advice: `const disk = slots(2)`, then `.with(disk)` on each. Or named
 * resources: `const pool = slots({ disk: 4, gpu: 1 })`, then `.with(pool({ gpu: 1, disk: 2 }))`: all of it is taken at once, when
 * all of it is free, and given back when the run has ended, however. A paused run keeps what it holds.
 *
 * First come, first served. What the first in line wants is kept for it as far as it is free; a later one may overtake with what
 * is left over. A run that is killed while it waits leaves the line. It counts whole runs, tasks too: one that waits inside for
 * what a run around it holds would wait for itself, and fails with an error that says so. Two pools don't know of each other: runs
 * that take from both, nested, in different orders may wait for each other for ever; name all of it in one pool and take it at once.
 */
export function slots(limit: number): Advice;
export function slots<N extends string>(limits: { readonly [K in N]: number }): Slots<N>;
export function slots(limits: number | Readonly<Record<string, number>>): Advice | Slots {
  if (typeof limits !== 'object') {
    if ((limits as unknown) === undefined)
      throw new TypeError('slots: how many is undefined; give a whole number of 1 or more, or { disk: 4, gpu: 1 }');
    slotPool(limits); // throws for what is no limit
    const one = new Map([['', 1]]);
    return taking(new Pool(new Map([['', limits]])), one, { limit: toldNumber(limits) }, `one of ${limits} slots`);
  }
  const pool = new Pool(amountsOf('slots', limits));
  const names = [...pool.limits.keys()];
  if (names.length === 0) throw new TypeError('slots: no resource is named; write slots({ disk: 4, gpu: 1 })');
  const take = (given: { readonly [name: string]: number }): Advice => {
    if (isRunner(given)) throw new TypeError(`slots: say what the run takes: runner.with(pool({ ${names[0]}: 1 }))`);
    const takes = amountsOf('slots', given);
    for (const [name, count] of takes) {
      const there = pool.limits.get(name);
      if (there === undefined)
        throw new TypeError(`slots: there is no ${name}; there is ${[...pool.limits].map(inWords).join(', ')}`);
      if (count > there) throw new RangeError(`slots: ${name}: ${count} is more than there is, ${there}`);
      if (count === Infinity)
        throw new RangeError(`slots: ${name}: ${show(count)} can't be taken; give a whole number`);
    }
    const wants = new Map([...takes].filter(([, count]) => count > 0));
    return taking(pool, wants, { takes: Object.fromEntries(takes) }, told(wants));
  };
  return Object.defineProperties(take, {
    limits: { get: () => Object.fromEntries(pool.limits) },
    free: { get: () => Object.fromEntries(pool.free) },
  }) as Slots;
}

function inWords([name, count]: readonly [string, number]): string {
  return `${name}: ${count}`;
}

function taking(pool: Pool, wants: Amounts, spec: { readonly [field: string]: Json }, what: string): Advice {
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'slots', ...spec }, (sink, context) => {
      const run = context as unknown as RunRecord;
      let kill: ((by: string) => void) | undefined;
      pool.enter(run, wants, () => {
        const child = context.start(inner, {
          settle(outcome) {
            sink.settle(outcome);
            pool.leave(run);
          },
        });
        kill = (by) => child.kill(by);
      });
      return {
        pause() {},
        play: () => pool.serve(),
        kill(by) {
          if (kill !== undefined) {
            kill(by);
            return;
          }
          pool.leave(run);
          inner.traits.discard?.();
          sink.settle({ type: 'killed', by });
        },
        describe: () => (kill === undefined ? `waits for ${what}` : ''),
      };
    });
}
