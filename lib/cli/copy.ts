import { basename, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { CopyEnd } from '../fleet/scp.ts';
import type { Host } from '../ssh/host.ts';
import { execOptions, settingsOf, type ExecArguments } from './execOptions.ts';
import { readHosts } from './hosts.ts';
import { last } from './options.ts';
import { UsageError } from './usage.ts';

const { hosts, exclude, inventory, fanout, user, identity, config, jump, option } = execOptions;
const flag = { type: 'boolean', default: false, coerce: last<boolean> } as const;

/** For yargs. */
export const copyOptions = {
  ...{ hosts, exclude, inventory, fanout, user, identity, config, jump, option },
  'connect-timeout': execOptions['connect-timeout'],
  recursive: { ...flag, alias: 'r', describe: 'folders, with all that is in them' },
  preserve: { ...flag, alias: 'p', describe: 'keep times too, as scp -p' },
  'fail-fast': execOptions['fail-fast'],
  'max-fail': execOptions['max-fail'],
  'dry-run': execOptions['dry-run'],
} as const;

/** As they come from the command line. */
export interface CopyArguments extends ExecArguments {
  readonly paths: readonly string[] | undefined;
  readonly recursive: boolean;
  readonly preserve: boolean;
}

/** A path whose last part says nothing of what it is called there, or would lead out of its host's folder here. */
const WITHOUT_NAME = /(?:^|\/)\.{0,2}\/*$/;

/** What goes where, for a host. */
export type Ends = (host: Host) => readonly [from: readonly CopyEnd[], to: CopyEnd];

const exitCodes =
  'Exit code: 0 when it succeeded everywhere, 3 where a host could not be reached, else 1; 2: not run as given.';

/** `sluice copy -w HOSTS SRC… DEST`. */
export const copy: CommandModule<object, CopyArguments> = {
  command: 'copy [paths..]',
  describe: 'copy files to many hosts by ssh',
  builder: (yargs) =>
    yargs
      .usage(`$0 copy -w HOSTS SRC... DEST\n\nCopies files of this machine to each of the hosts. ${exitCodes}`)
      .positional('paths', { type: 'string', array: true, describe: 'what is copied, and where to' })
      .options(copyOptions)
      .example("$0 copy -w 'web[01-40]' app.conf /etc/app/", 'a file into a folder')
      .example("$0 copy -w 'web[01-40]' -r site /srv/www", 'a folder') as never,
  handler: async (argv) => {
    const paths = [...(argv.paths ?? []), ...(argv['--'] ?? [])];
    const to = paths.pop();
    if (to === undefined || paths.length === 0)
      throw new UsageError('copy: expected what is copied and where to', "sluice copy -w 'web[01-40]' FILE... DEST");
    noneEmpty('copy', [...paths, to]);
    // As ends of scp they would be read for a host in front: ./a:b is none.
    const from = paths.map((path) => (/^[./]/.test(path) ? path : `./${path}`));
    await copyAll('copy', argv, (host) => [from, host.path(to)]);
  },
};

/** `sluice fetch -w HOSTS PATH DIR`. */
export const fetch: CommandModule<object, CopyArguments> = {
  command: 'fetch [paths..]',
  describe: 'copy a file of many hosts to here by ssh',
  builder: (yargs) =>
    yargs
      .usage(
        `$0 fetch -w HOSTS PATH DIR\n\nCopies a file of each host to DIR/HOST/, which is made where it is missing. ${exitCodes}`,
      )
      .positional('paths', { type: 'string', array: true, describe: 'what is copied, and the folder for it' })
      .options(copyOptions)
      .example("$0 fetch -w 'web[01-40]' /var/log/app.log logs", 'logs/web01/app.log and so on') as never,
  handler: async (argv) => {
    const [path, folder, ...more] = [...(argv.paths ?? []), ...(argv['--'] ?? [])];
    if (path === undefined || folder === undefined || more.length > 0)
      throw new UsageError('fetch: expected a path and a folder', "sluice fetch -w 'web[01-40]' PATH DIR");
    noneEmpty('fetch', [path, folder]);
    const { fileNameOf, makeFolders } = await import('../store/folders.ts');
    const { keyOf } = await import('../fleet/typed.ts');
    if (!argv['dry-run']) {
      try {
        makeFolders(folder);
      } catch (error) {
        throw new UsageError(`fetch: ${folder} is no folder and can not be one: ${(error as Error).message}`);
      }
    }
    await copyAll('fetch', argv, (host) => {
      const place = join(folder, fileNameOf(keyOf(host)));
      if (!argv['dry-run']) makeFolders(place);
      const to = WITHOUT_NAME.test(path) ? place : join(place, basename(path));
      return [[host.path(path)], /^[./]/.test(to) ? to : `./${to}`];
    });
  },
};

function noneEmpty(name: string, paths: readonly string[]): void {
  if (paths.includes('')) throw new UsageError(`${name}: a path is empty`);
}

async function copyAll(name: string, argv: CopyArguments, ends: Ends): Promise<void> {
  const settings = settingsOf(argv);
  const set = await readHosts(argv.hosts ?? [], argv, `sluice ${name} -w 'web[01-40]' …`);
  if (set.size === 0) throw new UsageError(`${name}: these are no hosts`, `sluice ${name} -w 'web[01-40]' …`);
  const { runCopy } = await import('./copyAll.ts');
  await runCopy(argv, set, settings, ends);
}
