// Machines, each of them once, in order. It never changes: what would change it gives another.
import { inspect } from 'node:util';
import type { Host } from '../ssh/host.ts';
import { fold } from './fold.ts';
import { keyOf, labelOf } from './typed.ts';

/** What an inventory says of a host, by name. */
export type Vars = Readonly<Record<string, unknown>>;

/**
 * An immutable set of hosts. Two hosts are the same when their names are (and the ports, where they were typed); where both
 * sets have a host, the one of the set that the method is called on stays.
 */
export class HostSet<V = Vars> implements Iterable<Host<V>> {
  readonly #byKey: ReadonlyMap<string, Host<V>>;
  #list: readonly Host<V>[] | undefined;

  /** Of hosts with the same name the first counts. */
  constructor(hosts: Iterable<Host<V>> = []) {
    const byKey = new Map<string, Host<V>>();
    for (const host of hosts) {
      const key = keyOf(host);
      if (!byKey.has(key)) byKey.set(key, host);
    }
    this.#byKey = byKey;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** In order; with the port where it was typed: `db:2201`. */
  get names(): string[] {
    return [...this.#byKey.keys()];
  }

  /** The names as they were typed: `root@web1` where the user was. */
  get labels(): string[] {
    return this.#hosts().map(labelOf);
  }

  [Symbol.iterator](): MapIterator<Host<V>> {
    return this.#byKey.values();
  }

  has(host: Host | string): boolean {
    return this.#byKey.has(typeof host === 'string' ? host : keyOf(host));
  }

  get(name: string): Host<V> | undefined {
    return this.#byKey.get(name);
  }

  /** The host at this place; negative numbers count from the end. */
  at(index: number): Host<V> | undefined {
    return this.#hosts().at(index);
  }

  /** As of an array. */
  slice(start?: number, end?: number): HostSet<V> {
    return new HostSet(this.#hosts().slice(start, end));
  }

  filter(keep: (host: Host<V>) => unknown): HostSet<V> {
    return new HostSet(this.#hosts().filter((host) => Boolean(keep(host))));
  }

  union(other: HostSet<V>): HostSet<V> {
    return new HostSet([...this, ...checked('union', other)]);
  }

  intersection(other: HostSet<any>): HostSet<V> {
    checked('intersection', other);
    return this.filter((host) => other.has(host));
  }

  /** Those that the other has not. */
  difference(other: HostSet<any>): HostSet<V> {
    checked('difference', other);
    return this.filter((host) => !other.has(host));
  }

  /** Those that one of both has and the other has not. */
  symmetricDifference(other: HostSet<V>): HostSet<V> {
    return this.difference(other).union(other.difference(this));
  }

  /** Whether the other has the same names, in any order. */
  equals(other: HostSet<any>): boolean {
    return checked('equals', other).size === this.size && this.intersection(other).size === this.size;
  }

  /** At most so many sets, none empty, whose sizes differ by at most one; the first ones are the larger. */
  split(parts: number): HostSet<V>[] {
    if (!Number.isInteger(parts) || parts < 1)
      throw new TypeError(`split: ${String(parts)} is no number of sets (1 or more)`);
    const least = Math.floor(this.size / parts);
    const larger = this.size % parts;
    const sets: HostSet<V>[] = [];
    for (let start = 0; start < this.size;) {
      const end = start + least + (sets.length < larger ? 1 : 0);
      sets.push(this.slice(start, end));
      start = end;
    }
    return sets;
  }

  /** A set for each key that the function gives, in the order of their first hosts. */
  groupBy<K>(key: (host: Host<V>) => K): Map<K, HostSet<V>> {
    const groups = new Map<K, Host<V>[]>();
    for (const host of this) {
      const of = key(host);
      const group = groups.get(of);
      if (group === undefined) groups.set(of, [host]);
      else group.push(host);
    }
    return new Map([...groups].map(([of, list]) => [of, new HostSet(list)]));
  }

  /** Folded: `web[01-40],db[1-3]`. `hosts()` reads it as the same set; only the order of numbers may differ. */
  toString(): string {
    return fold(this.labels);
  }

  /** The names. */
  toJSON(): string[] {
    return this.names;
  }

  [inspect.custom](): string {
    return `HostSet(${this.size}) ${String(this)}`.trimEnd();
  }

  #hosts(): readonly Host<V>[] {
    return (this.#list ??= [...this.#byKey.values()]);
  }
}

function checked<V>(method: string, other: HostSet<V>): HostSet<V> {
  if (other instanceof HostSet) return other;
  const got = typeof other === 'string' ? `hosts(${JSON.stringify(other)})` : 'hosts(…)';
  throw new TypeError(`${method}: expected a set of hosts; pass ${got}`);
}
