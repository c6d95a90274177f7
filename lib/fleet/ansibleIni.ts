// Ansible's inventories in INI: `[group]`, `[group:children]`, `[group:vars]`, and hosts with vars behind them.
import { expandAnsible } from './ansibleNames.ts';
import type { InventoryDraft } from './inventoryDraft.ts';

/** @throws TypeError that names the line */
export function readIni(text: string, where: string, draft: InventoryDraft): void {
  let group = 'ungrouped';
  let kind = 'hosts';
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim();
    const at = `inventory: ${where}:${i + 1}`;
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return;
    const section = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/.exec(line);
    // A range without a name before it, such as [1:3], is a host.
    if (section !== null && !/^\d+:\d/.test(line.slice(1))) {
      [, group, kind = 'hosts'] = section as unknown as [string, string, string | undefined];
      if (!['hosts', 'children', 'vars'].includes(kind))
        throw new TypeError(`${at}: a section is [${group}], [${group}:children] or [${group}:vars], not :${kind}`);
      draft.addGroup(group);
    } else if (kind === 'vars') {
      const equals = line.indexOf('=');
      if (equals === -1) throw new TypeError(`${at}: expected key=value, got ${line}`);
      draft.setGroupVars(group, { [line.slice(0, equals).trim()]: literal(line.slice(equals + 1).trim()) });
    } else {
      const [first, ...rest] = words(line, at);
      if (first === undefined) return;
      if (kind === 'children') draft.addChild(group, first);
      else readHosts(first, rest, group, at, draft);
    }
  });
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

/** Python's literals are what they say; everything else (`yes`, `0644`, `a b`) is a string, as in Ansible. */
function literal(text: string): unknown {
  const bare = text.replace(/\s+#.*$/, '');
  if (Object.hasOwn(CONSTANTS, bare)) return CONSTANTS[bare];
  if (/^[+-]?(?:0|[1-9]\d*|\d+\.\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(bare)) {
    const number = Number(bare);
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
