// Ansible's inventories in INI: `[group]`, `[group:children]`, `[group:vars]`, and hosts with vars behind them.
import { expandAnsible } from './ansibleNames.ts';
import { placed, type InventoryDraft } from './inventoryDraft.ts';

/** @throws TypeError that names the line */
export function readIni(text: string, where: string, draft: InventoryDraft): void {
  let group = 'ungrouped';
  let kind = 'hosts';
  /** Groups that are spoken of, by where: one that is nowhere is a slip, and its hosts would be missed. */
  const named: { readonly name: string; readonly at: string }[] = [];
  const there = new Set(draft.groupNames);

  const readLine = (line: string, at: string): void => {
    const section = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/.exec(line);
    // A range without a name before it, such as [1:3], is a host.
    if (section !== null && !/^\d+:\d/.test(line.slice(1))) {
      [, group, kind = 'hosts'] = section as unknown as [string, string, string | undefined];
      if (!['hosts', 'children', 'vars'].includes(kind))
        throw new TypeError(`${at}: a section is [${group}], [${group}:children] or [${group}:vars], not :${kind}`);
      if (kind === 'vars') named.push({ name: group, at });
      else there.add(group);
      draft.addGroup(group);
    } else if (kind === 'vars') {
      const equals = line.indexOf('=');
      if (equals === -1) throw new TypeError(`${at}: expected key=value, got ${line}`);
      draft.setGroupVars(group, { [line.slice(0, equals).trim()]: literal(line.slice(equals + 1).trim()) });
    } else {
      const [first, ...rest] = words(line, at);
      if (first === undefined) return;
      if (kind === 'children') {
        named.push({ name: first, at });
        draft.addChild(group, first);
      } else readHosts(first, rest, group, at, draft);
    }
  };

  text.split('\n').forEach((raw, i) => {
    const line = raw.trim();
    const at = `inventory: ${where}:${i + 1}`;
    if (line !== '' && !line.startsWith('#') && !line.startsWith(';')) placed(at, () => readLine(line, at));
  });
  for (const { name, at } of named)
    if (!there.has(name))
      throw new TypeError(`${at}: there is no group ${name}; a group is there by its section [${name}]`);
}

function readHosts(first: string, rest: readonly string[], group: string, at: string, draft: InventoryDraft): void {
  const { names, port } = expandAnsible(first, at);
  const vars: Record<string, unknown> = port === undefined ? {} : { ansible_port: port };
  for (const word of rest) {
    const equals = word.indexOf('=');
    if (equals < 1) throw new TypeError(`${at}: expected key=value behind ${first}, got ${word}`);
    vars[word.slice(0, equals)] = literal(word.slice(equals + 1));
  }
  for (const name of names) {
    draft.addHost(name, group);
    draft.setHostVars(name, vars);
  }
}

/** Words of a line as a shell reads them; '#' begins a comment. */
function words(line: string, at: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  for (const [token] of line.matchAll(/'[^']*'|"(?:\\.|[^"\\])*"|\\.|\s+|#.*$|./g)) {
    if (token.startsWith('#')) break;
    if (/^\s/.test(token)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if (token === "'" || token === '"') throw new TypeError(`${at}: a quote is not closed`);
    else if (token.length > 1 && token.startsWith("'")) word = (word ?? '') + token.slice(1, -1);
    else if (token.length > 1 && token.startsWith('"'))
      word = (word ?? '') + token.slice(1, -1).replace(/\\(["\\])/g, '$1');
    else word = (word ?? '') + (token.length > 1 && token.startsWith('\\') ? token.slice(1) : token);
  }
  if (word !== undefined) found.push(word);
  return found;
}

const CONSTANTS: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };

/** As Python writes them; no zeros in front. */
const NUMBER = /^(?:[+-]?(?:0|[1-9](?:_?\d)*|\d+\.\d*|\.\d+)(?:e[+-]?\d+)?|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i;

/** Python's literals are what they say; everything else (`yes`, `0644`, `a b`) is a string, as in Ansible. */
function literal(text: string): unknown {
  const bare = text.replace(/\s+#.*$/, '');
  if (Object.hasOwn(CONSTANTS, bare)) return CONSTANTS[bare];
  if (NUMBER.test(bare)) {
    const number = Number(bare.replaceAll('_', ''));
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? bare : number;
  }
  const quoted = /^'((?:\\.|[^'\\])*)'$|^"((?:\\.|[^"\\])*)"$/.exec(bare);
  if (quoted !== null) return (quoted[1] ?? quoted[2]!).replace(/\\(['"\\])/g, '$1');
  if (/^[[{].*[\]}]$/s.test(bare)) {
    try {
      return JSON.parse(asJson(bare)) as unknown;
    } catch {}
  }
  return text;
}

/** A list or dict of Python as JSON. */
function asJson(text: string): string {
  return text
    .replace(/'((?:\\.|[^'\\])*)'|"(?:\\.|[^"\\])*"|\b(?:True|False|None)\b/g, (token, single: string | undefined) =>
      single !== undefined
        ? JSON.stringify(single.replace(/\\(.)/g, '$1'))
        : token.startsWith('"')
          ? token
          : JSON.stringify(CONSTANTS[token]),
    )
    .replace(/,(\s*[\]}])/g, '$1');
}
