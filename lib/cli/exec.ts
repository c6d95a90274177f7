import type { CommandModule } from 'yargs';
import type { HostSet } from '../fleet/hostSet.ts';
import type { Shape } from './execAll.ts';
import { commandOf, execOptions, settingsOf, type ExecArguments } from './execOptions.ts';
import { readHosts } from './hosts.ts';
import { UsageError } from './usage.ts';

const hint = "sluice exec -w 'web[01-40]' -- COMMAND";

/** `sluice exec -w HOSTS -- COMMAND`. */
export const exec: CommandModule<object, ExecArguments> = {
  command: 'exec [words..]',
  describe: 'run a command on many hosts by ssh',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 exec -w HOSTS -- COMMAND...\n\n' +
          'Runs COMMAND on each of the hosts by your own OpenSSH. As with ssh its words, joined by blanks, are read by the ' +
          'remote shell (/bin/sh): quote twice what is one word there, or give --argv. It reads nothing from stdin unless you give ' +
          '--stdin. Ends ' +
          'with all that it has started there, also when you press Ctrl-C.\n\n' +
          'Exit code: 0 when it succeeded everywhere, 3 where a host could not be reached, else 1 where it failed; 2: not ' +
          'run as given.',
      )
      .positional('words', { type: 'string', array: true, describe: 'nothing: the command stands behind --' })
      .options(execOptions)
      .example("$0 exec -w 'web[01-40]' -- uptime", 'each line behind its host')
      .example("$0 exec -w 'web[01-40]' -b -- uname -r", 'what is the same once')
      .example(
        "$0 exec -w @web --inventory hosts.ini --canary 1 --batch 25% -- 'cd /srv && ./deploy'",
        'a few at a time',
      )
      .example("$0 exec -w 'web[01-40]' --stdin -- 'cat >/etc/motd' <motd", 'stdin to each of them')
      .example('$0 exec --failed -- ./deploy', 'again, where it did not succeed') as never,
  handler: async (argv) => {
    const command = commandOf(argv);
    const settings = settingsOf(argv);
    const shape = shapeOf(argv);
    checkInput(argv);
    const hosts = await hostsOf(argv);
    if (hosts.size === 0) {
      if (!argv.failed) throw new UsageError('exec: these are no hosts', hint);
      return;
    }
    const { runExec } = await import('./execAll.ts');
    await runExec({ argv, hosts, command, settings, shape });
  },
};

function shapeOf(argv: ExecArguments): Shape {
  const given = (['prefix', 'gather', 'json'] as const).filter((shape) => argv[shape]);
  if (given.length > 1)
    throw new UsageError(`exec: --${given.join(' and --')} are two ways to show the output; give one`);
  if (argv.diff && given[0] !== undefined && given[0] !== 'gather')
    throw new UsageError(`exec: --diff compares what is gathered; it is not for --${given[0]}`);
  return given[0] ?? (argv.diff ? 'gather' : 'prefix');
}

function checkInput({ stdin, sudo, hosts = [], exclude = [], inventory = [], ...argv }: ExecArguments): void {
  if (argv['ask-sudo-password'] && !sudo) throw new UsageError('exec: --ask-sudo-password is for --sudo; give both');
  if (stdin && [...hosts, ...exclude, ...inventory].some((text) => text.trim() === '-'))
    throw new UsageError('exec: stdin has either hosts (-) or what --stdin gives to the command, not both');
}

async function hostsOf(argv: ExecArguments): Promise<HostSet> {
  const { hosts: given = [], failed, inventory } = argv;
  try {
    if (!failed) return await readHosts(given, argv, hint);
    const { readLastTime } = await import('./execState.ts');
    const last = readLastTime();
    if (last.failed.length === 0) {
      process.stderr.write(`sluice: the last time it succeeded everywhere (${last.command})\n`);
      const { HostSet } = await import('../fleet/hostSet.ts');
      return new HostSet();
    }
    const set = await readHosts(last.failed, argv, hint);
    return given.length === 0 ? set : set.intersection(await readHosts(given, { exclude: undefined, inventory }));
  } catch (error) {
    // There, -i is an inventory.
    if (error instanceof UsageError)
      throw new UsageError(error.message.replace('-i INVENTORY', '--inventory FILE'), error.hint);
    throw error;
  }
}
