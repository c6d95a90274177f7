import type { CommandModule } from 'yargs';
import { bytes, milliseconds } from '../kernel/clock.ts';
import { size as inWords } from '../advice/words.ts';
import { last } from './options.ts';
import { print } from './print.ts';
import { storeOption, type StoreArguments } from './store.ts';
import { UsageError } from './usage.ts';

interface CleanArguments extends StoreArguments {
  readonly older: string | undefined;
  readonly larger: string | undefined;
  readonly 'dry-run': boolean;
}

/** `sluice clean`. */
export const clean: CommandModule<object, CleanArguments> = {
  command: 'clean',
  describe: 'make the store of memos smaller',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 clean [--older AGE] [--larger SIZE]\n\nDeletes from the store what was not used for AGE, then what was used longest ago until ' +
          'it is no larger than SIZE; without either, what crashes have left in it. What is deleted is made anew when it is wanted. ' +
          'Copies of outputs that were changed by hand and outputs of failed runs go as well when they are that old.',
      )
      .options({
        older: {
          type: 'string',
          requiresArg: true,
          coerce: last<string | undefined>,
          describe: 'what was not used for so long: 30d, 12h',
        },
        larger: {
          type: 'string',
          requiresArg: true,
          coerce: last<string | undefined>,
          describe: 'the size that may stay: 5GiB, 0B',
        },
        'dry-run': {
          type: 'boolean',
          default: false,
          coerce: last<boolean>,
          describe: 'delete nothing, tell how much it would be',
        },
        ...storeOption,
      })
      .example('$0 clean --older 30d --larger 5GiB', 'keep what is in use') as never,
  handler: async (argv) => {
    const { older, larger } = argv;
    const limits = {
      older: older === undefined ? undefined : read('--older', () => milliseconds(older)),
      larger: larger === undefined ? undefined : read('--larger', () => bytes(larger)),
    };
    const [{ openStore }, { clean }] = await Promise.all([import('./store.ts'), import('../store/clean.ts')]);
    const { store } = openStore(argv);
    const { deleted, freed, left, size } = clean(store, { ...limits, dryRun: argv['dry-run'] });
    const would = argv['dry-run'] ? 'would be ' : '';
    print(
      `${deleted} file${deleted === 1 ? '' : 's'} ${would}deleted (${inWords(freed)}); ${left} (${inWords(size)}) left in ${store.folder}\n`,
    );
  },
};

function read(option: string, reading: () => number): number {
  try {
    return reading();
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message.replace(/^\w+: /, '')}`);
  }
}
