import type { Outcome } from '../kernel/index.ts';
import type { Host } from '../ssh/host.ts';
import { gather, likeness, valueText } from './gather.ts';
import { HostSet, type Vars } from './hostSet.ts';

/** How a host has ended. */
export type HostEnd<T> =
  | { readonly outcome: Extract<Outcome<T>, { type: 'finished' }> }
  | {
      readonly outcome: Exclude<Outcome<T>, { type: 'finished' }>;
      readonly error: Error;
      /** A command has begun there, or may have. */
      readonly reached: boolean;
    };

/** Hosts that ended alike. */
export interface HostGroup<T, V = Vars> {
  readonly hosts: HostSet<V>;
  /** Of the first of them. */
  readonly outcome: Outcome<T>;
}

/**
 * How the hosts of `each` ended. Every host is in exactly one of `ok`, `failed`, `unreachable` and `skipped`, in the order
 * that they were given; parts can be run again: `each(result.failed, fn)`.
 */
export class FleetResult<T, V = Vars> {
  /** What the function gave. */
  readonly ok: ReadonlyMap<Host<V>, T>;
  /** A RunError, or what the function threw; of what was killed (`failFast`) a RunError with the reason `killed`. */
  readonly failed: ReadonlyMap<Host<V>, Error>;
  /** Those that could not be connected to before any command has run there. */
  readonly unreachable: ReadonlyMap<Host<V>, Error>;
  /** Never begun. */
  readonly skipped: HostSet<V>;
  /** Of all that were begun. */
  readonly outcomes: ReadonlyMap<Host<V>, Outcome<T>>;

  constructor(ends: Iterable<readonly [Host<V>, HostEnd<T> | undefined]>) {
    const ok = new Map<Host<V>, T>();
    const failed = new Map<Host<V>, Error>();
    const unreachable = new Map<Host<V>, Error>();
    const outcomes = new Map<Host<V>, Outcome<T>>();
    const skipped: Host<V>[] = [];
    for (const [host, end] of ends) {
      if (end === undefined) {
        skipped.push(host);
        continue;
      }
      outcomes.set(host, end.outcome);
      if (!('error' in end)) ok.set(host, end.outcome.value);
      else (end.reached ? failed : unreachable).set(host, end.error);
    }
    this.ok = ok;
    this.failed = failed;
    this.unreachable = unreachable;
    this.outcomes = outcomes;
    this.skipped = new HostSet(skipped);
  }

  /** All that did not succeed: failed, unreachable and skipped. */
  get rest(): HostSet<V> {
    return new HostSet([...this.failed.keys(), ...this.unreachable.keys(), ...this.skipped]);
  }

  /**
   * Groups of hosts that ended alike, the largest first. The results of programs are alike where exit code and output are,
   * other values where they look the same, failures where reason and output are. `by` takes something else of a value:
   * `fold((result) => result.stdout)`.
   */
  fold(by?: (value: T, host: Host<V>) => unknown): HostGroup<T, V>[] {
    const key = ([host, outcome]: [Host<V>, Outcome<T>]): string =>
      by !== undefined && outcome.type === 'finished' ? `by ${valueText(by(outcome.value, host))}` : likeness(outcome);
    return gather(this.outcomes, key).map((group) => ({
      hosts: new HostSet(group.map(([host]) => host)),
      outcome: group[0]![1],
    }));
  }

  /** What is `ok`, if that is all; else throws one AggregateError that names the hosts, by ranges, and why. */
  orThrow(): ReadonlyMap<Host<V>, T> {
    const errors = [...this.failed.values(), ...this.unreachable.values()];
    if (errors.length === 0 && this.skipped.size === 0) return this.ok;
    const all = this.outcomes.size + this.skipped.size;
    const lines = [
      ...reasons(this.failed).map(([hosts, why]) => `${hosts}: ${why}`),
      ...reasons(this.unreachable).map(([hosts, why]) => `${hosts}: unreachable: ${why}`),
      ...(this.skipped.size === 0 ? [] : [`${String(this.skipped)}: not begun`]),
    ];
    throw new AggregateError(
      errors,
      `${all - this.ok.size} of ${all} hosts have not succeeded:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    );
  }

  /** By the names of the hosts; of errors what they say. */
  toJSON(): Record<string, unknown> {
    const named = (map: ReadonlyMap<Host<V>, unknown>): Record<string, unknown> => {
      const names = new HostSet(map.keys()).names;
      return Object.fromEntries([...map.values()].map((value, index) => [names[index]!, value]));
    };
    const { ok, failed, unreachable, skipped } = this;
    const said = (map: ReadonlyMap<Host<V>, Error>): Record<string, unknown> => {
      // Name and message of an error are not among what JSON has of it.
      const told = [...map].map(([host, error]) => {
        const { name, message } = error;
        return [host, Object.assign({ name, message }, error)] as const;
      });
      return named(new Map(told));
    };
    return { ok: named(ok), failed: said(failed), unreachable: said(unreachable), skipped: skipped.names };
  }
}

/** Hosts by the first line of why. */
function reasons<V>(errors: ReadonlyMap<Host<V>, Error>): [hosts: string, why: string][] {
  const why = (error: Error): string => error.message.split('\n', 1)[0]! || error.name;
  return gather(errors, ([, error]) => why(error)).map((group) => [
    String(new HostSet(group.map(([host]) => host))),
    why(group[0]![1]),
  ]);
}
