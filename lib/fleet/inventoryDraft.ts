// An inventory while its sources are read: hosts, groups and vars. Which var wins is decided at the end, as Ansible does.
import { host, type Host } from '../ssh/host.ts';
import type { Inventory } from './expression.ts';
import { HostSet, type Vars } from './hostSet.ts';
import { checkCount } from './ranges.ts';
import { keyOf } from './typed.ts';

interface Group {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  /** From the inventory itself, and from files in group_vars. */
  vars: Vars;
  fileVars: Vars;
  /** `ansible_group_priority`: of groups as deep, the later wins. It is no var of a host. */
  priority: number;
}

interface Entry {
  readonly given: Host<Vars> | undefined;
  vars: Vars;
  fileVars: Vars;
}

/** Puts the place in front of what is wrong there, where it isn't named yet. */
export function placed<T>(at: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('inventory: ')) throw error;
    throw new TypeError(`${at}: ${error.message}`, { cause: error });
  }
}

/** What is read so far. Of what is said twice the later counts. */
export class InventoryDraft {
  readonly notes: string[] = [];
  readonly #groups = new Map<string, Group>();
  readonly #hosts = new Map<string, Entry>();

  constructor() {
    this.addGroup('all');
    this.addGroup('ungrouped');
  }

  get groupNames(): string[] {
    return [...this.#groups.keys()];
  }

  get hostNames(): string[] {
    return [...this.#hosts.keys()];
  }

  addGroup(name: string): void {
    this.#group(name);
  }

  addChild(parent: string, child: string): void {
    this.#group(child);
    this.#group(parent).children.add(child);
  }

  /** @throws TypeError for a name that can't be one */
  addHost(one: string | Host<Vars>, group = 'ungrouped'): void {
    const [name, given] = typeof one === 'string' ? [one, undefined] : [keyOf(one), one];
    if (!this.#hosts.has(name)) {
      // A name that is none is known as such where it stands, not when all is built.
      if (given === undefined) host({ name });
      this.#hosts.set(name, { given, vars: {}, fileVars: {} });
    }
    this.#group(group).hosts.add(name);
    checkCount(this.#hosts.size, 'the inventory');
  }

  /** Of a host that there is. */
  setHostVars(name: string, vars: Vars, from: 'inventory' | 'file' = 'inventory'): void {
    const entry = this.#hosts.get(name);
    if (entry === undefined) return;
    if (from === 'file') entry.fileVars = { ...entry.fileVars, ...vars };
    else entry.vars = { ...entry.vars, ...vars };
  }

  setGroupVars(name: string, vars: Vars, from: 'inventory' | 'file' = 'inventory'): void {
    const group = this.#group(name);
    if (from === 'file') group.fileVars = { ...group.fileVars, ...vars };
    else {
      const { ansible_group_priority: priority, ...rest } = vars;
      if (priority !== undefined) group.priority = Number(priority);
      group.vars = { ...group.vars, ...rest };
    }
  }

  /** @throws TypeError for groups that contain one another, and for an address, user or port that is none */
  build(): Inventory<Vars> & { readonly notes: readonly string[] } {
    const above = this.#ancestors();
    const groupsOf = new Map<string, Set<string>>([...this.#hosts.keys()].map((name) => [name, new Set()]));
    for (const [name, group] of this.#groups)
      for (const member of group.hosts) for (const one of [name, ...above.get(name)!]) groupsOf.get(member)!.add(one);
    const order = this.#order(above);
    const built = new Map<string, Host<Vars>>();
    for (const [name, entry] of this.#hosts) {
      const groups = order.filter((group) => groupsOf.get(name)!.has(group)).map((group) => this.#groups.get(group)!);
      built.set(
        name,
        placed(`inventory: ${name}`, () => toHost(name, entry, this.#merged(groups, entry))),
      );
    }
    const sets = new Map<string, HostSet<Vars>>();
    for (const group of this.#groups.keys()) {
      const names = group === 'all' ? built.keys() : this.#members(group);
      sets.set(group, new HostSet([...names].map((name) => built.get(name)!)));
    }
    const grouped = new Set(
      [...sets].filter(([name]) => name !== 'all' && name !== 'ungrouped').flatMap(([, set]) => set.names),
    );
    sets.set(
      'ungrouped',
      sets.get('all')!.filter((one) => !grouped.has(keyOf(one))),
    );
    return { hosts: sets.get('all')!, groups: sets, notes: this.notes };
  }

  /**
   * Ansible's order, the later wins: `all` of the inventory, its other groups, `group_vars/all`, other group_vars, the host in
   * the inventory, host_vars. Groups come sorted.
   */
  #merged(groups: readonly Group[], entry: Entry): Vars {
    const all = this.#groups.get('all')!;
    return Object.assign(
      {},
      all.vars,
      ...groups.map(({ vars }) => vars),
      all.fileVars,
      ...groups.map(({ fileVars }) => fileVars),
      entry.vars,
      entry.fileVars,
    ) as Vars;
  }

  /** Groups but `all` by depth, then `ansible_group_priority`, then name: a child's vars win over its parent's. */
  #order(above: ReadonlyMap<string, ReadonlySet<string>>): string[] {
    const depths = new Map<string, number>();
    const depth = (name: string): number => {
      const known = depths.get(name);
      if (known !== undefined) return known;
      const parents = [...above.get(name)!].filter((one) => this.#groups.get(one)!.children.has(name));
      const found = 1 + Math.max(0, ...parents.map(depth));
      depths.set(name, found);
      return found;
    };
    const priority = (name: string): number => this.#groups.get(name)!.priority;
    return this.groupNames
      .filter((name) => name !== 'all')
      .sort((a, b) => depth(a) - depth(b) || priority(a) - priority(b) || (a < b ? -1 : 1));
  }

  /** The groups that each is in, over any number of steps; `all` is not among them. */
  #ancestors(): Map<string, Set<string>> {
    const found = new Map<string, Set<string>>(this.groupNames.map((name) => [name, new Set()]));
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name))
        throw new TypeError(`inventory: groups contain one another: ${[...path, name].join(' > ')}`);
      const parents = path.filter((one) => one !== 'all');
      const before = found.get(name)!.size;
      for (const parent of parents) found.get(name)!.add(parent);
      if (parents.length > 0 && found.get(name)!.size === before) return;
      for (const child of this.#groups.get(name)!.children) visit(child, [...path, name]);
    };
    for (const name of this.#groups.keys()) visit(name, []);
    return found;
  }

  #members(name: string): Set<string> {
    const { hosts, children } = this.#groups.get(name)!;
    return new Set([...hosts, ...[...children].flatMap((child) => [...this.#members(child)])]);
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      this.#groups.set(name, (group = { hosts: new Set(), children: new Set(), vars: {}, fileVars: {}, priority: 1 }));
    }
    return group;
  }
}

function toHost(name: string, { given }: Entry, vars: Vars): Host<Vars> {
  if (given !== undefined && Object.keys(vars).length === 0) return given;
  const text = (...keys: string[]): string | undefined => {
    const value = keys.map((key) => vars[key]).find((one) => one !== undefined && one !== null);
    return value === undefined ? undefined : rendered(String(value), name, keys[0]!, vars);
  };
  const port = text('ansible_port', 'ansible_ssh_port');
  const address = text('ansible_host', 'ansible_ssh_host');
  return host<Vars>({
    name,
    address: given?.address ?? (address === name ? undefined : address),
    user: given?.user ?? text('ansible_user', 'ansible_ssh_user'),
    port: given?.port ?? (port === undefined ? undefined : portOf(port)),
    vars: { ...given?.vars, ...vars },
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isNaN(port)) throw new TypeError(`${text} is no port (1 to 65535)`);
  return port;
}

/** Names of vars in `{{ }}` are filled in; what is more of a template only Ansible can render. */
function rendered(text: string, name: string, key: string, vars: Vars): string {
  const known: Vars = { ...vars, inventory_hostname: name, inventory_hostname_short: name.split('.')[0] };
  const filled = text.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, of: string) =>
    of === key || known[of] === undefined ? whole : String(known[of]),
  );
  if (/\{[{%]/.test(filled))
    throw new TypeError(`inventory: ${name}: ${key} is a template: ${filled}; give a plain value`);
  return filled;
}
