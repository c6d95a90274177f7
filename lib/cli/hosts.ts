import { text } from 'node:stream/consumers';
import type { CommandModule } from 'yargs';
import type { HostSet } from '../fleet/hostSet.ts';
import type { Inventory } from '../fleet/inventory.ts';
import { last } from './options.ts';
import { print } from './print.ts';
import { UsageError } from './usage.ts';

interface HostsArguments {
  readonly exprs: string[] | undefined;
  readonly exclude: readonly string[] | undefined;
  readonly inventory: readonly string[] | undefined;
  readonly expand: boolean;
  readonly fold: boolean;
  readonly count: boolean;
  readonly json: boolean;
  readonly split: number | undefined;
  readonly '--'?: string[];
}

/** Which hosts: for every command that takes some. */
export const hostOptions = {
  exclude: {
    alias: 'x',
    type: 'string',
    requiresArg: true,
    coerce: list,
    describe: 'not these; may be repeated',
    defaultDescription: 'none',
  },
  inventory: {
    alias: 'i',
    type: 'string',
    requiresArg: true,
    coerce: list,
    describe: "groups and vars: Ansible's (INI, YAML, JSON, script), a list, ~/.ssh/config; - is stdin",
    defaultDescription: 'none',
  },
} as const;

/** Each time it was given. (yargs' arrays take no '-'.) */
function list(given: string | readonly string[] | undefined): readonly string[] | undefined {
  return given === undefined ? undefined : [given].flat();
}

const flag = { type: 'boolean', default: false, coerce: last<boolean> } as const;

/** `sluice hosts 'web[01-40],@db!db3'`. */
export const hosts: CommandModule<object, HostsArguments> = {
  command: 'hosts [exprs..]',
  describe: 'show which hosts an expression names',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 hosts EXPR...\n\n' +
          "Prints the hosts that the expressions name: ranges web[01-40] and r[1-3]n[1-9/2], groups @web and @* of an inventory, ',' " +
          "for union, '&' intersection, '!' difference, '^' one of both, from left to right. '-' reads expressions from stdin.",
      )
      .positional('exprs', {
        type: 'string',
        array: true,
        describe: 'expressions; their union is meant',
        defaultDescription: 'all of the inventory',
      })
      .options({
        ...hostOptions,
        expand: { ...flag, alias: 'e', describe: 'a host a line', defaultDescription: 'yes' },
        fold: { ...flag, alias: 'f', describe: 'as one expression' },
        count: { ...flag, alias: 'c', describe: 'how many there are' },
        json: { ...flag, describe: 'with address, user, port and vars' },
        split: {
          type: 'number',
          requiresArg: true,
          coerce: checkSplit,
          describe: 'in so many parts, a line each',
        },
      })
      .example("$0 hosts 'web[01-40],db[1-3]!web07'", 'a host a line')
      .example("$0 hosts -i hosts.ini -f '@web&@eu'", 'those in both groups, folded')
      .example("$0 hosts --split 4 'web[01-40]'", 'four parts') as never,
  handler: async (argv) => {
    const shapes = (['expand', 'fold', 'count', 'json'] as const).filter((shape) => argv[shape]);
    if (shapes.length > 1)
      throw new UsageError(`hosts: --${shapes.join(' and --')} are two ways to show them; give one`);
    const set = await readHosts(
      withDash([...(argv.exprs ?? []), ...(argv['--'] ?? [])]),
      argv,
      "sluice hosts 'web[01-40]', or sluice hosts -i INVENTORY",
    );
    const shape = shapes[0] ?? (argv.split === undefined ? 'expand' : 'fold');
    const output = argv.split === undefined ? shown(set, shape, '\n') : parts(set.split(argv.split), shape);
    print(output === '' ? '' : `${output}\n`);
  },
};

/** Reads inventories and expressions of a command line. @throws UsageError */
export async function readHosts(
  exprs: readonly string[],
  { exclude, inventory: sources }: Pick<HostsArguments, 'exclude' | 'inventory'>,
  hint?: string,
): Promise<HostSet> {
  if (exprs.length === 0 && sources === undefined) throw new UsageError('which hosts?', hint);
  if (exprs.includes('-') && sources?.includes('-') === true) throw new UsageError('stdin can be read for one - only');
  const [{ hosts }, { inventory }] = await Promise.all([import('../fleet/hosts.ts'), import('../fleet/inventory.ts')]);
  // A script is a program, and the whole library knows how those are started.
  if (sources !== undefined) await import('../index.ts');
  try {
    const known: Inventory | undefined = sources === undefined ? undefined : await inventory(sources);
    for (const note of known?.notes ?? []) process.stderr.write(`sluice: ${note}\n`);
    const given: string[] = [];
    for (const expr of exprs.length === 0 ? ['@*'] : exprs) given.push(...(expr === '-' ? await stdinLines() : [expr]));
    return hosts(given, { inventory: known, exclude });
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    throw new UsageError(error.message.replace(/pass \{ inventory:.*$/, 'give -i INVENTORY'));
  }
}

/** yargs loses a '-' where several words may stand. */
function withDash(exprs: readonly string[]): readonly string[] {
  const there = process.argv.some(
    (arg, i, args) => arg === '-' && !/^(-\w*[ix]|--(inventory|exclude))$/.test(args[i - 1] ?? ''),
  );
  return there && !exprs.includes('-') ? [...exprs, '-'] : exprs;
}

/** Expressions by line; '#' begins a comment. */
async function stdinLines(): Promise<string[]> {
  return (await text(process.stdin)).split('\n').map((line) => line.replace(/(^|\s)#.*$/, ''));
}

type Shape = 'expand' | 'fold' | 'count' | 'json';

function shown(set: HostSet, shape: Shape, between: string): string {
  switch (shape) {
    case 'expand':
      return set.labels.join(between);
    case 'fold':
      return String(set);
    case 'count':
      return String(set.size);
    case 'json':
      return JSON.stringify([...set], null, between === '\n' ? 2 : undefined);
  }
}

function parts(sets: readonly HostSet[], shape: Shape): string {
  return sets.map((set) => shown(set, shape, ' ')).join('\n');
}

function checkSplit(given: number | undefined): number | undefined {
  const split = last(given);
  if (split === undefined || (Number.isInteger(split) && split >= 1)) return split;
  throw new UsageError('--split: expected a whole number of 1 or more');
}
