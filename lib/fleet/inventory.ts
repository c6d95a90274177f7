import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { text as contents } from 'node:stream/consumers';
import { program, type CommandLine } from '../runners/program.ts';
import { readIni } from './ansibleIni.ts';
import { readData } from './ansibleTree.ts';
import { evaluate, type Inventory as Known } from './expression.ts';
import { parseYaml } from './ansibleYaml.ts';
import { ENCRYPTED, readVarsFolders } from './groupVars.ts';
import type { Vars } from './hostSet.ts';
import { InventoryDraft } from './inventoryDraft.ts';
import { atHome, sshNames } from './sshConfig.ts';

/** How an inventory is written: expressions by line, Ansible's INI, YAML, its scripts' JSON, or an OpenSSH configuration. */
export type InventoryFormat = 'list' | 'ini' | 'yaml' | 'json' | 'ssh';

/**
 * A path ('-' is stdin), a text, or a command that prints one. A path may be a file, a script that begins with `#!` and is
 * executable (it is run with `--list`, as Ansible does), or a folder of these.
 */
export type InventorySource =
  | string
  | { readonly path: string; readonly format?: InventoryFormat }
  | { readonly text: string; readonly format?: InventoryFormat }
  | { readonly command: CommandLine; readonly format?: InventoryFormat };

/** Hosts and their groups; `all` and `ungrouped` are among the groups. */
export interface Inventory<V = Vars> extends Known<V> {
  /** What was left out, in words: encrypted vars, parts that no group has. */
  readonly notes: readonly string[];
}

/**
 * Reads an inventory, or several as one, for `hosts(…, { inventory })`. The format is told by the name and the text where none
 * is given.
 *
 * In Ansible's, `ansible_host`, `ansible_user` and `ansible_port` are the host's address, user and port; vars are merged in
 * Ansible's order (groups from the outermost inwards, group_vars, host, host_vars). What can only be known while a playbook
 * runs (templates, vaults) is not rendered. From an OpenSSH configuration come names only: what they mean is for ssh to say.
 *
 * @throws TypeError that names file and line of what can't be read; an Error for a file that can't be opened
 */
export async function inventory<V = Vars>(source: InventorySource | readonly InventorySource[]): Promise<Inventory<V>> {
  const draft = new InventoryDraft();
  for (const one of Array.isArray(source) ? (source as readonly InventorySource[]) : [source as InventorySource])
    await readSource(one, draft);
  return draft.build() as Inventory<any>;
}

async function readSource(source: InventorySource, draft: InventoryDraft): Promise<void> {
  if (typeof source === 'string') return readPath(source, undefined, draft);
  const { format, ...rest } = (source ?? {}) as {
    format?: InventoryFormat;
    path?: string;
    text?: string;
    command?: CommandLine;
  };
  if (rest.path !== undefined) await readPath(rest.path, format, draft);
  else if (rest.text !== undefined) await readText(rest.text, 'text', format, draft);
  else if (rest.command !== undefined) await readCommand(rest.command, format, draft);
  else throw new TypeError('inventory: expected a path, { text } or { command }');
}

async function readPath(given: string, format: InventoryFormat | undefined, draft: InventoryDraft): Promise<void> {
  if (given === '-') return readText(await contents(process.stdin), 'stdin', format, draft);
  const path = resolve(atHome(given));
  const stats = opened(given, () => statSync(path));
  if (stats.isDirectory()) {
    for (const name of readdirSync(path).sort())
      if (!LEFT_OUT.test(name)) await readFile(join(path, name), join(given, name), format, draft);
  } else await readFile(path, given, format, draft);
  await readVarsFolders(stats.isDirectory() ? path : dirname(path), draft, (text, file) =>
    parseYaml(text, file, draft),
  );
}

/** In a folder: what editors, packages and Ansible itself leave there. */
const LEFT_OUT = /^\.|^(group_vars|host_vars|vars_plugins)$|~$|\.(pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry)$/;

async function readFile(
  path: string,
  name: string,
  format: InventoryFormat | undefined,
  draft: InventoryDraft,
): Promise<void> {
  const stats = opened(name, () => statSync(path));
  if (stats.isDirectory()) return readPath(name, format, draft);
  const text = opened(name, () => readFileSync(path, 'utf8'));
  if (text.startsWith('#!') && (stats.mode & 0o111) !== 0)
    return readCommand([path, '--list'], format ?? 'json', draft);
  const told = format ?? formatOf(name, text);
  if (told === 'ssh') for (const host of opened(name, () => sshNames(path))) draft.addHost(host);
  else await readText(text, name, told, draft);
}

async function readCommand(
  command: CommandLine,
  format: InventoryFormat | undefined,
  draft: InventoryDraft,
): Promise<void> {
  const { stdout } = await program(command, { stderr: 'inherit' }).run();
  await readText(stdout, typeof command === 'string' ? command : command.join(' '), format, draft);
}

async function readText(
  text: string,
  name: string,
  format: InventoryFormat | undefined,
  draft: InventoryDraft,
): Promise<void> {
  if (text.startsWith(ENCRYPTED)) throw new TypeError(`inventory: ${name}: it is encrypted; give it in the clear`);
  switch (format ?? formatOf(name, text)) {
    case 'json':
      return readData(parseJson(text, name), name, draft);
    case 'yaml':
      return readData(await parseYaml(text, name, draft), name, draft);
    case 'ini':
      return readIni(text, name, draft);
    case 'ssh':
      throw new TypeError(
        `inventory: ${name}: an OpenSSH configuration is read from its path only, for what it includes`,
      );
    case 'list':
      return readLines(text, name, draft);
    default:
      throw new TypeError(`inventory: ${String(format)} is no format; there are list, ini, yaml, json and ssh`);
  }
}

/** By the name, else by what the text looks like. */
function formatOf(name: string, text: string): InventoryFormat {
  const extension = extname(name);
  if (extension === '.yml' || extension === '.yaml') return 'yaml';
  if (extension === '.json' || /^\s*[{]|^\s*\[\s*["{\]]/.test(text)) return 'json';
  if (extension === '.ini') return 'ini';
  if (/^---\s*$|^\w[\w.-]*:\s*$/m.test(text)) return 'yaml';
  if (/^\s*(host|match|include)(\s+|\s*=\s*)[^\s=][^=\n]*$/im.test(text)) return 'ssh';
  // A section, a var, or a range with ':'.
  return /^\s*\[[^\]\d][^\]]*\]\s*(#.*)?$|^\s*[^\s#;]+\s+\w+=|\[\w*:\w+(:\d+)?\]/m.test(text) ? 'ini' : 'list';
}

function readLines(text: string, name: string, draft: InventoryDraft): void {
  text.split('\n').forEach((line, i) => {
    try {
      for (const host of evaluate<Vars>(line.replace(/(^|\s)#.*$/, '').trim(), new Map()).values()) draft.addHost(host);
    } catch (error) {
      throw new TypeError(`inventory: ${name}:${i + 1}: ${(error as Error).message}`, { cause: error });
    }
  });
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const got = text.trim() === '' ? 'there is nothing in it' : (error as Error).message;
    throw new TypeError(`inventory: ${name}: this is no JSON: ${got}`, { cause: error });
  }
}

function opened<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`inventory: ${name}: ${code === 'ENOENT' ? 'there is no such file' : message}`, { cause: error });
  }
}
