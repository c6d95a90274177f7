// The options of `exec`, and what is wrong with them.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Share } from '../fleet/each.ts';
import { checkSettings, type SshSettings } from '../ssh/settings.ts';
import { hostOptions } from './hosts.ts';
import { last, loopOptions } from './options.ts';
import { UsageError } from './usage.ts';

/** Has the password of --sudo. */
export const PASSWORD = 'SLUICE_SUDO_PASSWORD';

/** As they come from the command line. */
export interface ExecArguments {
  readonly words: string[] | undefined;
  readonly '--'?: string[];
  readonly hosts: readonly string[] | undefined;
  readonly exclude: readonly string[] | undefined;
  readonly inventory: readonly string[] | undefined;
  readonly failed: boolean;
  readonly fanout: number;
  readonly user: string | undefined;
  readonly identity: string | undefined;
  readonly config: string | undefined;
  readonly jump: string | undefined;
  readonly option: readonly string[] | undefined;
  readonly timeout: string | undefined;
  readonly 'connect-timeout': string | undefined;
  readonly argv: boolean;
  readonly sudo: boolean;
  readonly 'ask-sudo-password': boolean;
  readonly stdin: boolean;
  readonly gather: boolean;
  readonly diff: boolean;
  readonly prefix: boolean;
  readonly json: boolean;
  readonly 'fail-fast': boolean;
  readonly 'max-fail': Share | undefined;
  readonly batch: Share | undefined;
  readonly canary: number | undefined;
  readonly 'dry-run': boolean;
  readonly transcript: string | undefined;
}

const flag = { type: 'boolean', default: false, coerce: last<boolean> } as const;
const word = { type: 'string', requiresArg: true, coerce: last<string | undefined> } as const;
const inventory: Omit<typeof hostOptions.inventory, 'alias'> & { alias?: string } = { ...hostOptions.inventory };
delete inventory.alias; // -i is a key, as for ssh

/** For yargs. */
export const execOptions = {
  hosts: {
    alias: 'w',
    type: 'string',
    requiresArg: true,
    coerce: list,
    describe: "where: 'web[01-40],db1', @group of an inventory, - for stdin; may be repeated",
    defaultDescription: 'all of the inventory',
  },
  exclude: hostOptions.exclude,
  inventory,
  failed: { ...flag, describe: 'where it did not succeed the last time (of -w, if that is given)' },
  fanout: {
    alias: 'f',
    type: 'number',
    requiresArg: true,
    default: 32,
    describe: 'hosts at once',
    coerce: (given: number) => whole('--fanout', given),
  },
  user: { ...word, alias: 'u', describe: 'log in as' },
  identity: { ...word, alias: 'i', describe: 'the file of a private key' },
  config: { ...word, alias: 'F', describe: 'an ssh_config in the place of your own' },
  jump: { ...word, alias: 'J', describe: 'the host by which they are reached; it is connected to once' },
  option: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    coerce: list,
    describe: 'of ssh_config: -o Port=2222; may be repeated',
    defaultDescription: 'none',
  },
  timeout: { ...loopOptions.timeout, describe: 'end a command that takes longer: 90s, 5m' },
  'connect-timeout': {
    ...loopOptions.timeout,
    coerce: (given: string | undefined) => duration('--connect-timeout', given),
    describe: 'to connect and log in',
    defaultDescription: 'as ssh_config says, else 10s',
  },
  argv: { ...flag, describe: 'the words are a program and its arguments, each as it is; no remote shell reads them' },
  stdin: { ...flag, describe: 'give what stdin says to the command on each host' },
  sudo: { ...flag, describe: `as root, by sudo; its password, if it wants one, is in $${PASSWORD}` },
  'ask-sudo-password': { ...flag, alias: 'K', describe: 'ask for it once, on the terminal' },
  prefix: { ...flag, describe: 'each line as it comes, behind its host', defaultDescription: 'yes' },
  gather: {
    ...flag,
    alias: 'b',
    describe: 'at the end, and what is the same once, below the hosts that said it',
  },
  diff: { ...flag, describe: 'gather; of what differs from the most common output, only how' },
  json: { ...flag, describe: 'a line of JSON for each host when it has ended' },
  'fail-fast': { ...flag, describe: 'the first host that fails ends those at work; no more are begun' },
  'max-fail': { ...word, coerce: share('--max-fail', 0), describe: 'when more than N or N% fail, begin no more' },
  batch: { ...word, coerce: share('--batch', 1), describe: 'N or N% have ended before the next are begun' },
  canary: {
    type: 'number',
    requiresArg: true,
    coerce: (given: number | undefined) => whole('--canary', given),
    describe: 'the first N must succeed before the others are begun',
  },
  'dry-run': loopOptions['dry-run'],
  transcript: { ...word, describe: 'write what each host says to DIR/HOST.out and DIR/HOST.err' },
} as const;

/** Each time it was given. (yargs' arrays take no '-'.) */
function list(given: string | readonly string[] | undefined): readonly string[] | undefined {
  return given === undefined ? undefined : [given].flat();
}

function whole<T extends number | undefined>(name: string, given: T): T {
  const value = last<T>(given);
  if (value === undefined || (Number.isInteger(value) && value >= 1)) return value;
  throw new UsageError(`${name}: expected a whole number of 1 or more`);
}

function share(name: string, least: number): (given: string | undefined) => Share | undefined {
  return (given) => {
    const text = last(given);
    if (text === undefined) return undefined;
    if (/^\d+(\.\d+)?%$/.test(text) && Number.parseFloat(text) <= 100) return text as `${number}%`;
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    throw new UsageError(`${name}: expected a number of hosts or a part of them, such as 25%`);
  };
}

function duration(name: string, given: string | undefined): string | undefined {
  try {
    return loopOptions.timeout.coerce(given);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.message.replace('--timeout', name));
    throw error;
  }
}

/** How the hosts are connected to. @throws UsageError */
export function settingsOf(argv: ExecArguments): SshSettings {
  const { user, jump, option, 'connect-timeout': connectTimeout } = argv;
  const settings: SshSettings = {
    ...(user !== undefined && { user }),
    ...(jump !== undefined && { jump }),
    ...(argv.identity !== undefined && { identity: fileOf('--identity', argv.identity) }),
    // ssh would look for a relative one in ~/.ssh.
    ...(argv.config !== undefined && { config: fileOf('--config', argv.config) }),
    ...(option !== undefined && { options: Object.fromEntries(option.map(optionOf)) }),
    ...(connectTimeout !== undefined && { connectTimeout }),
  };
  try {
    checkSettings('exec', settings);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message.replace('options.', '-o ')) : error;
  }
  return settings;
}

function fileOf(name: string, path: string): string {
  if (!existsSync(path)) throw new UsageError(`${name}: there is no file ${path}`);
  return resolve(path);
}

/** `Name=value` or `Name value`, as ssh takes it. */
function optionOf(text: string): [name: string, value: string] {
  const [, name, value] = /^\s*([A-Za-z]+)\s*[=\s]\s*(\S.*?)\s*$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`-o ${text}: expected NAME=VALUE, as for ssh`);
  return [name, value!];
}

/** What is to be run: a text for the remote shell, or argv. @throws UsageError */
export function commandOf({ words, '--': behind = [], argv }: ExecArguments): string | readonly [string, ...string[]] {
  if (words !== undefined && words.length > 0)
    throw new UsageError(
      'exec: the command stands behind --',
      `sluice exec -w HOSTS -- ${[...words, ...behind].join(' ')}`,
    );
  const [first, ...rest] = behind;
  if (first === undefined || (!argv && behind.join(' ').trim() === ''))
    throw new UsageError('exec: which command?', "sluice exec -w 'web[01-40]' -- uptime");
  if (first === '') throw new UsageError('exec: --argv: the name of the program is empty');
  return argv ? [first, ...rest] : behind.join(' ');
}
