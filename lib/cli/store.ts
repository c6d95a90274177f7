// The store of memos, for the commands that look into it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PARTS, projectOf, storeAt, type Store } from '../store/store.ts';
import { last } from './options.ts';
import { UsageError } from './usage.ts';

/** As they come from the command line. */
export interface StoreArguments {
  readonly store: string | undefined;
}

/** For yargs. */
export const storeOption = {
  store: {
    type: 'string',
    requiresArg: true,
    coerce: last<string | undefined>,
    describe: 'the folder of the store',
    defaultDescription: '.sluice in the project',
  },
} as const;

/** The store that is meant, and its project. Throws a UsageError where there is none. */
export function openStore({ store }: StoreArguments): { readonly store: Store; readonly project: string } {
  const project = projectOf(process.cwd());
  const folder = store ?? join(project, '.sluice');
  if (!existsSync(folder))
    throw new UsageError(`there is no store ${folder}`, 'memo makes one when a script that uses it is run');
  // `clean --store .` would delete a folder of the user's that is called steps, or failed.
  const strange = namesIn(folder).find((name) => !name.startsWith('.') && !PARTS.includes(name));
  if (strange !== undefined) throw new UsageError(`${folder} is no store: there is ${strange} in it`);
  return { store: storeAt(folder), project };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new UsageError(`the store ${folder} can't be read: ${(error as Error).message}`);
  }
}
