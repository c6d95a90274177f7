import { isHost } from './typed.ts';
import type { Host } from '../ssh/host.ts';
import { add, evaluate, type Inventory, type Sources } from './expression.ts';
import { HostSet, type Vars } from './hostSet.ts';

/** An expression, a host, or several of both. */
export type HostsLike<V> = string | Host<V> | HostSet<V> | Iterable<string | Host<V>>;

export interface HostsOptions<V> {
  /**
   * What `inventory()` has read: gives `@group`, `@*`, wildcards (`web*`) and what is known of each host. Several by name:
   * `{ prod: …, lab: … }` is for `@prod:web`; the first is meant where none is named.
   */
  readonly inventory?: Inventory<V> | Readonly<Record<string, Inventory<V>>> | undefined;
  /** These are not in the set. */
  readonly exclude?: HostsLike<V> | undefined;
}

/**
 * A set of hosts from an expression as in ClusterShell: `web[01-40]`, `r[1-3]n[1-9/2]`, `10.0.0.[1-9]`, `root@web1`,
 * `db:2201`, `@group`, and `,` `&` `!` `^` for union, intersection, difference and one-of-both, from left to right. Order is
 * kept, what comes again is dropped. A host that the inventory doesn't have is one all the same.
 *
 * @throws TypeError that shows what can't be read, a group that isn't there, or more than 100,000 hosts
 */
export function hosts<V = Vars>(what: HostsLike<V>, options: HostsOptions<V> = {}): HostSet<V> {
  const sources = sourcesOf(options.inventory);
  const set = toSet(what, sources, 'hosts');
  return options.exclude === undefined ? set : set.difference(toSet(options.exclude, sources, 'hosts: exclude'));
}

function toSet<V>(what: HostsLike<V>, sources: Sources<V>, where: string): HostSet<V> {
  if (what instanceof HostSet) return what;
  if (typeof what === 'string') return new HostSet(evaluate(what, sources).values());
  const list: Iterable<unknown> | undefined = isHost(what)
    ? [what]
    : typeof (what as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] === 'function'
      ? (what as Iterable<unknown>)
      : undefined;
  if (list === undefined)
    throw new TypeError(
      `${where}: expected an expression, a host or a list of them, got ${what === null ? 'null' : typeof what}`,
    );
  const byKey = new Map<string, Host<V>>();
  let place = 0;
  for (const one of list) {
    if (typeof one === 'string') for (const each of evaluate(one, sources).values()) add(byKey, each);
    else if (isHost(one)) add(byKey, one as Host<V>);
    else
      throw new TypeError(
        `${where}: [${place}] is neither a host nor an expression, but ${one === null ? 'null' : typeof one}`,
      );
    place++;
  }
  return new HostSet(byKey.values());
}

function sourcesOf<V>(given: HostsOptions<V>['inventory']): Sources<V> {
  if (given === undefined) return new Map();
  if (typeof (given as { then?: unknown }).then === 'function')
    throw new TypeError('hosts: the inventory is a promise; write { inventory: await inventory(…) }');
  const named = isInventory(given) ? [['', given] as const] : Object.entries(given as Record<string, Inventory<V>>);
  for (const [name, one] of named)
    if (!isInventory(one))
      throw new TypeError(`hosts: inventory${name === '' ? '' : ` ${name}`}: pass what inventory() gives`);
  return new Map(named);
}

function isInventory(what: unknown): what is Inventory<any> {
  return (what as Inventory<any> | null)?.hosts instanceof HostSet && (what as Inventory<any>).groups instanceof Map;
}
