// Expressions over hosts, as ClusterShell's users write them: `web[01-40],@db!db3`. The operators are ',' (union), '&'
// (intersection), '!' (difference) and '^' (one of both), from left to right; none binds closer than another.
import type { Host } from '../ssh/host.ts';
import type { HostSet } from './hostSet.ts';
import { checkCount, expandPattern } from './ranges.ts';
import { keyOf, readHost } from './typed.ts';

/** Where groups, wildcards and what is known of a host come from. */
export interface Inventory<V> {
  readonly hosts: HostSet<V>;
  /** By name; `@name` in an expression. */
  readonly groups: ReadonlyMap<string, HostSet<V>>;
}

/** Inventories by the name of their source, the first of them is meant where none is named. */
export type Sources<V> = ReadonlyMap<string, Inventory<V>>;

type ByKey<V> = Map<string, Host<V>>;

/**
 * The hosts of an expression, in order.
 * @throws TypeError that shows what in it is wrong
 */
export function evaluate<V>(expression: string, sources: Sources<V>): ByKey<V> {
  let left: ByKey<V> = new Map();
  for (const { operator, operand } of read(expression)) {
    const right = operandHosts(operand, sources);
    switch (operator) {
      case ',':
        for (const one of right) add(left, one);
        checkCount(left.size, expression.length > 60 ? `${expression.slice(0, 60)}…` : expression);
        break;
      case '&': {
        const keys = new Set(right.map(keyOf));
        left = new Map([...left].filter(([key]) => keys.has(key)));
        break;
      }
      case '!':
        for (const one of right) left.delete(keyOf(one));
        break;
      case '^': {
        const both = right.map(keyOf).filter((key) => left.has(key));
        for (const one of right) if (!left.has(keyOf(one))) left.set(keyOf(one), one);
        for (const key of both) left.delete(key);
        break;
      }
    }
  }
  return left;
}

/** Adds a host. @throws TypeError when another one has its name: in reports and results they could not be told apart */
export function add<V>(byKey: ByKey<V>, one: Host<V>): void {
  const key = keyOf(one);
  const there = byKey.get(key);
  if (there === undefined) byKey.set(key, one);
  else if (there !== one) {
    for (const what of ['user', 'address', 'port'] as const) {
      if (there[what] === one[what]) continue;
      const show = (value: unknown): string => (value === undefined ? `no ${what}` : String(value));
      throw new TypeError(
        `hosts: ${key} is named twice, with ${show(there[what])} and ${show(one[what])}; a set has each name once`,
      );
    }
  }
}

interface Term {
  readonly operator: string;
  readonly operand: string;
}

/** Blanks between two operands are a union: lists come so from files and variables of the shell. */
function* read(expression: string): Generator<Term> {
  const wrong = (what: string): TypeError => new TypeError(`hosts: ${JSON.stringify(expression)}: ${what}`);
  let operator = ',';
  let open = true; // an operator, or the beginning, is behind us
  let first = true;
  for (const [token] of expression.matchAll(/[,&!^]|(?:\[[^\]]*\]|[^\s,&!^[]|\[.*$)+|\s+/gs)) {
    if (/^\s/.test(token)) continue;
    if (/^[,&!^]$/.test(token)) {
      if (open)
        throw wrong(first ? `nothing stands before '${token}'` : `nothing stands between '${operator}' and '${token}'`);
      operator = token;
      open = true;
    } else {
      yield { operator: open ? operator : ',', operand: token };
      open = false;
    }
    first = false;
  }
  if (open && !first) throw wrong(`nothing stands behind '${operator}'`);
}

function operandHosts<V>(operand: string, sources: Sources<V>): readonly Host<V>[] {
  if (operand.startsWith('@'))
    return expandPattern(operand.slice(1)).flatMap((group) => [...groupHosts(group, sources)]);
  const [inventory] = sources.values();
  return expandPattern(operand).flatMap((text) =>
    /[*?]/.test(text) ? matching(text, inventory) : [readHost(text, (name) => inventory?.hosts.get(name))],
  );
}

/** `web`, `prod:web`, `*`, `prod:*`. */
function groupHosts<V>(text: string, sources: Sources<V>): HostSet<V> {
  const [inventory, name] = sourceOf(text, sources);
  if (name === '*') return inventory.hosts;
  const group = inventory.groups.get(name);
  if (group !== undefined) return group;
  const all = [...inventory.groups.keys()];
  const known =
    all.length === 0
      ? 'the inventory has none'
      : `there are ${all.slice(0, 20).join(', ')}${all.length > 20 ? ', …' : ''}`;
  throw new TypeError(`hosts: there is no group @${text}; ${known}`);
}

function sourceOf<V>(text: string, sources: Sources<V>): [Inventory<V>, string] {
  const [first] = sources.values();
  if (first === undefined) throw new TypeError(`hosts: @${text} is a group: pass { inventory: await inventory(path) }`);
  const colon = text.indexOf(':');
  if (colon === -1) return [first, text];
  const source = sources.get(text.slice(0, colon));
  if (source !== undefined) return [source, text.slice(colon + 1)];
  const names = [...sources.keys()].filter((name) => name !== '');
  throw new TypeError(
    `hosts: @${text}: there is no source ${text.slice(0, colon)}; ${names.length === 0 ? 'pass { inventory: { name: … } }' : `there are ${names.join(', ')}`}`,
  );
}

function matching<V>(wildcard: string, inventory: Inventory<V> | undefined): readonly Host<V>[] {
  if (inventory === undefined)
    throw new TypeError(`hosts: ${wildcard} is a wildcard: pass { inventory: await inventory(path) }`);
  const escaped = wildcard.replace(/[.+^${}()|\\[\]]/g, '\\$&');
  const pattern = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  return [...inventory.hosts].filter(({ name }) => pattern.test(name));
}
