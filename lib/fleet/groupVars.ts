// The folders group_vars and host_vars beside an inventory: a file, or a folder of files, for each group and host.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Vars } from './hostSet.ts';
import type { InventoryDraft } from './inventoryDraft.ts';

/** What a file or a value begins with that only `ansible-vault` can read. */
export const ENCRYPTED = '$ANSIBLE_VAULT';

type ParseYaml = (text: string, path: string) => Promise<unknown>;

/** Reads those of the groups and hosts that there are by now. */
export async function readVarsFolders(folder: string, draft: InventoryDraft, parse: ParseYaml): Promise<void> {
  for (const [kind, names, set] of [
    ['group_vars', draft.groupNames, draft.setGroupVars.bind(draft)],
    ['host_vars', draft.hostNames, draft.setHostVars.bind(draft)],
  ] as const) {
    const there = new Map<string, string[]>();
    for (const file of files(join(folder, kind))) {
      const name = file.replace(/\.(ya?ml|json)$/, '');
      there.set(name, [...(there.get(name) ?? []), file]);
    }
    for (const name of names)
      for (const file of there.get(name) ?? [])
        for (const path of leaves(join(folder, kind, file))) {
          const vars = await readVars(path, draft, parse);
          if (vars !== undefined) set(name, vars, 'file');
        }
  }
}

async function readVars(path: string, draft: InventoryDraft, parse: ParseYaml): Promise<Vars | undefined> {
  const text = readFileSync(path, 'utf8');
  if (text.startsWith(ENCRYPTED)) {
    draft.notes.push(`inventory: ${path} is skipped: it is encrypted`);
    return undefined;
  }
  const vars = (await parse(text, path)) ?? {};
  if (typeof vars !== 'object' || Array.isArray(vars))
    throw new TypeError(`inventory: ${path}: expected vars as 'name: value' each`);
  return vars as Vars;
}

/** The file, or the files in the folder and those below it, sorted. */
function leaves(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return files(path)
    .filter((name) => statSync(join(path, name)).isDirectory() || /(^[^.]+|\.(ya?ml|json))$/.test(name))
    .flatMap((name) => leaves(join(path, name)));
}

function files(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && !name.endsWith('~'))
    .sort();
}
