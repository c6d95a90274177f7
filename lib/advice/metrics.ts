import { follow } from '../kernel/running.ts';
import {
  isRunError,
  isRunner,
  type Advice,
  type Outcome,
  type Runner,
  type Spec,
  type Usage,
} from '../kernel/index.ts';
import { callbackError } from '../kernel/late.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { metricsTable } from './metricsTable.ts';
import { fieldOf } from './words.ts';
import { Sketch } from './sketch.ts';
import { wrapped } from './wrap.ts';

/** What `metrics` counts by. */
export interface MetricsOptions {
  /** The group of a run. Default: its label. */
  readonly by?: (run: { readonly id: string; readonly label: string; readonly spec: Spec }) => string;
  /** So many groups at the most; runs of further ones count as '(others)'. Default 1,000. */
  readonly groups?: number;
}

/** The numbers of a group; times in milliseconds. */
export interface MetricsGroup {
  readonly started: number;
  readonly finished: number;
  readonly failed: number;
  readonly killed: number;
  /** Failures by their reason ('exit', 'timeout', …; 'error' for those that are no RunError). */
  readonly reasons: Readonly<Record<string, number>>;
  /** Of those that finished or failed; the quantiles are within 1 %. Null where there are none. */
  readonly ms: {
    readonly count: number;
    readonly sum: number;
    readonly min: number | null;
    readonly max: number | null;
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
  /** Of the programs of which the system tells: how many they were, their time of processors, the most memory of one (bytes). */
  readonly programs: {
    readonly count: number;
    readonly userMs: number;
    readonly systemMs: number;
    readonly maxRss: number | null;
  };
}

/** All that was counted. */
export interface MetricsData {
  readonly groups: Readonly<Record<string, MetricsGroup>>;
  readonly total: MetricsGroup;
}

/** An advice that counts, and what it has counted. */
export interface Metrics extends Advice {
  /** A table as text: a line for each group, those that took the longest first. */
  table(): string;
  /** The numbers as data; `JSON.stringify(metrics)` has them too. */
  toJSON(): MetricsData;
  /** Forgets them. */
  reset(): void;
}

const OTHERS = '(others)';

/**
 * Counts runs, how they ended, how long they took, and what their programs used: `const m = metrics()`, then `.with(m)` or
 * `advice: [m]`, at the end `console.log(m.table())`. It counts what it goes around: as the loop's advice each leaf, around a
 * `retry` the work, behind it each try. Programs count where the result of the run is theirs (a program, a pipe) and where the
 * system tells (see `usage` of ProgramResult); of killed ones nothing is known. Memory is bounded. Dry runs don't count.
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  if (isRunner(options)) throw new TypeError('metrics: write const m = metrics(), then runner.with(m)');
  checkOptions('metrics', options, ['by', 'groups']);
  const { by, groups: most = 1000 } = options;
  if (by !== undefined && typeof by !== 'function')
    throw new TypeError(`metrics: by is a function of a run that gives its group, not ${show(by)}`);
  if (typeof most !== 'number' || !(most >= 1))
    throw new RangeError(`metrics: groups ${String(most)} is no number of 1 or more`);
  let groups = new Map<string, Group>();
  const groupOf = (name: string): Group => {
    const key = groups.has(name) || groups.size < most ? name : OTHERS;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = new Group()));
    return group;
  };
  const advice = <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'metrics' }, (sink, context) => {
      const run = context as unknown as RunRecord;
      let group: Group | undefined;
      if (!run.ambient.dryRun) {
        try {
          const { id, label } = run;
          group = groupOf(context.mask(by === undefined ? label : String(by({ id, label, spec: inner.spec }))));
        } catch (error) {
          inner.traits.discard?.();
          throw callbackError(run, 'by of metrics', error);
        }
        group.started++;
      }
      const since = context.clock.now();
      const child = context.start(inner, {
        settle(outcome) {
          group?.settled(outcome, context.clock.now() - since);
          sink.settle(outcome);
        },
      });
      return follow(child);
    });
  const toJSON = (): MetricsData => {
    const total = new Group();
    for (const group of groups.values()) total.add(group);
    const told = [...groups].map(([name, group]) => [name, group.told()] as const);
    return { groups: Object.fromEntries(told), total: total.told() };
  };
  return Object.assign(advice, {
    toJSON,
    table: () => metricsTable(toJSON()),
    reset: () => void (groups = new Map()),
  });
}

class Group {
  started = 0;
  readonly #ends = { finished: 0, failed: 0, killed: 0 };
  readonly #reasons = new Map<string, number>();
  readonly #times = new Sketch();
  readonly #programs = { count: 0, userMs: 0, systemMs: 0, maxRss: undefined as number | undefined };

  settled(outcome: Outcome<unknown>, ms: number): void {
    this.#ends[outcome.type]++;
    if (outcome.type === 'killed') return;
    this.#times.add(ms);
    if (outcome.type === 'failed') {
      const reason = isRunError(outcome.error) ? outcome.error.reason.type : 'error';
      this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    }
    const result: unknown =
      outcome.type === 'finished' ? outcome.value : isRunError(outcome.error) ? outcome.error.result : undefined;
    for (const usage of usagesOf(result)) this.#use(1, usage);
  }

  #use(count: number, { userMs, systemMs, maxRss }: Usage): void {
    const programs = this.#programs;
    programs.count += count;
    programs.userMs += userMs;
    programs.systemMs += systemMs;
    if (maxRss !== undefined) programs.maxRss = Math.max(maxRss, programs.maxRss ?? 0);
  }

  add(other: Group): void {
    this.started += other.started;
    for (const end of ['finished', 'failed', 'killed'] as const) this.#ends[end] += other.#ends[end];
    for (const [reason, count] of other.#reasons) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + count);
    this.#times.merge(other.#times);
    this.#use(other.#programs.count, other.#programs);
  }

  told(): MetricsGroup {
    const { count, sum, min, max } = this.#times;
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => this.#times.quantile(part) ?? null) as [
      number,
      number,
      number,
    ];
    const { maxRss, ...programs } = this.#programs;
    return {
      started: this.started,
      ...this.#ends,
      reasons: Object.fromEntries(this.#reasons),
      ms: { count, sum, ...(count === 0 ? { min: null, max: null } : { min, max }), p50, p95, p99 },
      programs: { ...programs, maxRss: maxRss ?? null },
    };
  }
}

/** What the programs of a result have used: a program's own, or that of the stages of a pipe. */
function usagesOf(result: unknown): Usage[] {
  const stages = fieldOf(result, 'stages');
  return (Array.isArray(stages) ? (stages as unknown[]) : [result])
    .map((one) => fieldOf(one, 'usage'))
    .filter((usage) => isUsage(usage));
}

/** Results of the user's own may have such fields too, of other kinds. */
function isUsage(value: unknown): value is Usage {
  const maxRss = fieldOf(value, 'maxRss');
  return (
    Number.isFinite(fieldOf(value, 'userMs')) &&
    Number.isFinite(fieldOf(value, 'systemMs')) &&
    (maxRss === undefined || Number.isFinite(maxRss))
  );
}
