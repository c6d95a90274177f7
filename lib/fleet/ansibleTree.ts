// Inventories as data: Ansible's YAML, what its scripts print as JSON (groups and `_meta.hostvars`), and plain lists of hosts.
import { host, type HostParts } from '../ssh/host.ts';
import { evaluate } from './expression.ts';
import { expandAnsible } from './ansibleNames.ts';
import type { Vars } from './hostSet.ts';
import { placed, type InventoryDraft } from './inventoryDraft.ts';

/** Reads whichever of the three it is. @throws TypeError that says where in it something is wrong */
export function readData(data: unknown, where: string, draft: InventoryDraft): void {
  const at = `inventory: ${where}`;
  if (Array.isArray(data)) readList(data, at, draft);
  else if (data === null || data === undefined) return;
  else {
    const groups = record(data, at, 'groups');
    if (isScripts(groups)) readScripts(groups, at, draft);
    else for (const [name, group] of Object.entries(groups)) readGroup(name, group, `${at}: ${name}`, draft, []);
  }
}

/** `["web[1-3]", { "name": "db", "address": "10.0.0.7", "vars": {} }]` */
function readList(list: readonly unknown[], at: string, draft: InventoryDraft): void {
  list.forEach((one, i) =>
    placed(`${at}: [${i}]`, () => {
      if (typeof one === 'string') for (const each of evaluate<Vars>(one, new Map()).values()) draft.addHost(each);
      else {
        const { vars, ...parts } = record(one, `${at}: [${i}]`, 'a host') as unknown as HostParts<Vars>;
        const made = host<Vars>({ ...parts, vars: vars ?? {} });
        draft.addHost(made);
        draft.setHostVars(made.name, made.vars);
      }
    }),
  );
}

function readGroup(name: string, value: unknown, at: string, draft: InventoryDraft, path: readonly unknown[]): void {
  draft.addGroup(name);
  if (value === null || value === undefined) return;
  // An alias of YAML can stand within what it names.
  if (path.includes(value)) throw new TypeError(`${at}: the group contains itself`);
  const group = record(value, at, 'a group');
  for (const [key, part] of Object.entries(group)) {
    if (key === 'hosts') readHosts(typeof part === 'string' ? { [part]: null } : part, name, `${at}.hosts`, draft);
    else if (key === 'vars') draft.setGroupVars(name, record(part ?? {}, `${at}.vars`, 'vars'));
    else if (key === 'children') {
      const children = typeof part === 'string' ? { [part]: null } : record(part ?? {}, `${at}.children`, 'groups');
      for (const [child, inner] of Object.entries(children)) {
        draft.addChild(name, child);
        readGroup(child, inner, `${at}.children.${child}`, draft, [...path, value]);
      }
    } else draft.notes.push(`${at}: ${key} is skipped: a group has hosts, children and vars`);
  }
}

function readHosts(value: unknown, group: string, at: string, draft: InventoryDraft): void {
  for (const [pattern, vars] of Object.entries(record(value ?? {}, at, 'hosts'))) {
    const { names, port } = placed(at, () => expandAnsible(pattern, at));
    for (const name of names) {
      placed(at, () => draft.addHost(name, group));
      draft.setHostVars(name, {
        ...(port === undefined ? {} : { ansible_port: port }),
        ...record(vars ?? {}, `${at}.${pattern}`, 'vars'),
      });
    }
  }
}

/** Only what scripts print has lists in it. */
function isScripts(groups: Vars): boolean {
  return Object.entries(groups).some(([name, group]) => {
    const { hosts, children } = (group ?? {}) as { hosts?: unknown; children?: unknown };
    return name === '_meta' || Array.isArray(group) || Array.isArray(hosts) || Array.isArray(children);
  });
}

function readScripts(groups: Vars, at: string, draft: InventoryDraft): void {
  for (const [name, value] of Object.entries(groups)) {
    if (name === '_meta') continue;
    draft.addGroup(name);
    const group = Array.isArray(value) ? { hosts: value as unknown } : record(value ?? {}, `${at}: ${name}`, 'a group');
    for (const one of texts(group['hosts'], `${at}: ${name}.hosts`))
      placed(`${at}: ${name}.hosts`, () => draft.addHost(one, name));
    for (const child of texts(group['children'], `${at}: ${name}.children`)) draft.addChild(name, child);
    draft.setGroupVars(name, record(group['vars'] ?? {}, `${at}: ${name}.vars`, 'vars'));
  }
  const meta = record(groups['_meta'] ?? {}, `${at}: _meta`, 'data');
  for (const [name, vars] of Object.entries(record(meta['hostvars'] ?? {}, `${at}: _meta.hostvars`, 'hosts')))
    draft.setHostVars(name, record(vars ?? {}, `${at}: _meta.hostvars.${name}`, 'vars'));
}

function texts(value: unknown, at: string): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? (value as unknown[]) : Object.keys(record(value, at, 'names'));
  for (const one of list) if (typeof one !== 'string') throw new TypeError(`${at}: ${JSON.stringify(one)} is no name`);
  return list as string[];
}

function record(value: unknown, at: string, what: string): Vars {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Vars;
  throw new TypeError(
    `${at}: expected ${what} as 'name: …' each, got ${Array.isArray(value) ? 'a list' : typeof value}`,
  );
}
