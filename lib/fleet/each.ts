import { retry, type RetryOptions } from '../advice/retry.ts';
import { createRunner, type Runner } from '../kernel/index.ts';
import { checkOptions, toldNumber } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { slotPool } from '../kernel/slots.ts';
import type { Host } from '../ssh/host.ts';
import { hostRunner } from './eachHost.ts';
import { EachRun, type Plan } from './eachRun.ts';
import { HostSet, type Vars } from './hostSet.ts';
import { hosts, type HostsLike } from './hosts.ts';
import type { FleetResult } from './result.ts';

/** So many hosts, or a part of all of them: 3, '25%'. */
export type Share = number | `${number}%`;

/** How `each` goes through its hosts. */
export interface EachOptions {
  /** Hosts in flight. Default 32. */
  readonly slots?: number;
  /** The first host that fails ends those in flight, and no more are begun. Default false. */
  readonly failFast?: boolean;
  /**
   * When more hosts than this have failed or can't be reached, no more are begun; those in flight come to their end. 0: the
   * first. Default: no limit.
   */
  readonly maxFail?: Share;
  /** So many of the first hosts are done before the others; when one of them fails, no more are begun. Default 0. */
  readonly canary?: number;
  /**
   * So many hosts (of a part the whole number below, at least 1) have all come to their end before the next are begun: no
   * more of them are being changed at any time. When all of a batch fail, no more are begun. Default: no batches, a slow host
   * holds nobody.
   */
  readonly batch?: Share;
  /** Runs the function again for a host that failed: a number, or the options of the advice `retry`. Default: never. */
  readonly retry?: number | RetryOptions;
}

/** What the function of `each` may give: as for `all`. */
type Work<T> = Generator<any, T, any> | AsyncGenerator<any, T, any> | Runner<T, any>;

const KNOWN = ['slots', 'failFast', 'maxFail', 'canary', 'batch', 'retry'];

/**
 * Runs a function for each host, side by side: `const result = yield* each('web[01-40]', function* (host) { … })`.
 *
 * It never fails for a host: who succeeded, who failed and why is in its result, of which parts can be run again:
 * `each(result.failed, fn)`. A host's run has the host's name in its id: `deploy.web07`.
 */
export function each<T, V = Vars>(
  what: HostsLike<V> | ReadonlyMap<Host<V>, unknown>,
  fn: (host: Host<V>) => Work<T>,
  options: EachOptions = {},
): Runner<FleetResult<T, V>> {
  if (typeof fn !== 'function')
    throw new TypeError(`each: expected a function of a host, such as function* (host) { … }, not ${show(fn)}`);
  checkOptions('each', options, KNOWN);
  const { slots = 32, failFast = false, maxFail, canary = 0, batch } = options;
  const set = what instanceof HostSet ? what : hosts<V>(what instanceof Map ? what.keys() : (what as HostsLike<V>));
  slotPool(slots); // throws for what is no limit
  if (!Number.isInteger(canary) || canary < 0)
    throw new TypeError(`each: canary is a number of hosts, not ${show(canary)}`);
  const advice = options.retry === undefined ? undefined : retry(options.retry);
  const plan: Plan<T, V> = {
    hosts: [...set],
    work: (host) => hostRunner(host, fn, advice),
    slots,
    failFast,
    maxFail: maxFail === undefined ? Infinity : share('maxFail', maxFail, set.size),
    canary,
    batch: batch === undefined ? Infinity : Math.max(1, Math.floor(share('batch', batch, set.size))),
  };
  return createRunner<FleetResult<T, V>>({
    spec: {
      type: 'each',
      hosts: String(set),
      name: fn.name || 'anonymous',
      ...(options.slots === undefined ? {} : { slots: toldNumber(slots) }),
      ...(failFast ? { failFast } : {}),
      ...(maxFail === undefined ? {} : { maxFail }),
      ...(canary === 0 ? {} : { canary }),
      ...(batch === undefined ? {} : { batch }),
    },
    label: 'each',
    start: (sink, context) => new EachRun(plan, sink, context as unknown as RunRecord),
  });
}

/** A number of hosts, not always a whole one. */
function share(name: 'maxFail' | 'batch', value: unknown, all: number): number {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(typeof value === 'string' ? value : '') ?? [];
  if (percent !== undefined && Number(percent) <= 100) return (all * Number(percent)) / 100;
  if (Number.isInteger(value) && (value as number) >= (name === 'batch' ? 1 : 0)) return value as number;
  throw new TypeError(`each: ${name} is a number of hosts or a part of them, such as '25%', not ${show(value)}`);
}
