// The store of memos, for the commands that look into it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectOf, storeAt, type Store } from '../store/store.ts';
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
  return { store: storeAt(folder), project };
}
