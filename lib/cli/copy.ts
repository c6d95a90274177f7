import { basename, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { HostSet } from '../fleet/hostSet.ts';
import type { FleetResult } from '../fleet/result.ts';
import type { CopyEnd, CopyResult } from '../fleet/scp.ts';
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

interface CopyArguments extends ExecArguments {
  readonly paths: readonly string[] | undefined;
  readonly recursive: boolean;
  readonly preserve: boolean;
}

/** What goes where, for a host. */
type Ends = (host: Host) => readonly [from: readonly CopyEnd[], to: CopyEnd];

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
    const { mkdirSync } = await import('node:fs');
    const { keyOf } = await import('../fleet/typed.ts');
    await copyAll('fetch', argv, (host) => {
      const place = join(folder, keyOf(host));
      if (!argv['dry-run']) mkdirSync(place, { recursive: true });
      const to = join(place, basename(path));
      return [[host.path(path)], /^[./]/.test(to) ? to : `./${to}`];
    });
  },
};

async function copyAll(name: string, argv: CopyArguments, ends: Ends): Promise<void> {
  const settings = settingsOf(argv);
  const set = await readHosts(argv.hosts ?? [], argv, `sluice ${name} -w 'web[01-40]' …`);
  if (set.size === 0) throw new UsageError(`${name}: these are no hosts`, `sluice ${name} -w 'web[01-40]' …`);
  const { each } = await import('../fleet/each.ts');
  const { scp } = await import('../fleet/scp.ts');
  const { perform } = await import('./perform.ts');
  const options = { ...settings, recursive: argv.recursive, ...(argv.preserve && { preserve: true as const }) };
  const work = function* (): Generator<any, void, any> {
    const result: FleetResult<CopyResult> = yield* each(set, (host) => scp(...ends(host), options), {
      slots: argv.fanout,
      failFast: argv['fail-fast'],
      ...(argv['max-fail'] !== undefined && { maxFail: argv['max-fail'] }),
    });
    if (argv['dry-run']) return;
    process.exitCode = result.unreachable.size > 0 ? 3 : result.ok.size < set.size ? 1 : 0;
    process.stderr.write(summary(result, set));
  };
  await perform(() => [work], {
    slots: undefined,
    timeout: undefined,
    'fail-fast': false,
    report: argv['dry-run'] ? 'prefix' : 'quiet',
    'dry-run': argv['dry-run'],
    cwd: undefined,
  });
}

function summary(result: FleetResult<CopyResult>, set: HostSet): string {
  let [files, bytes] = [0, 0];
  for (const one of result.ok.values()) {
    files += one.files;
    bytes += one.bytes;
  }
  const lines = [`${result.ok.size} of ${set.size} hosts: ${files} files, ${bytes} bytes`];
  for (const { hosts, outcome } of result.fold())
    if (outcome.type === 'failed') lines.push(`${String(hosts)}: ${outcome.error.message}`);
  if (result.skipped.size > 0) lines.push(`${String(result.skipped)}: not begun`);
  return `${lines.join('\n')}\n`;
}
