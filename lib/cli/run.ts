import { relative } from 'node:path';
import type { CommandModule } from 'yargs';
import { suggest } from '../kernel/suggest.ts';
import { forTerminal } from '../report/clean.ts';
import { enterFolder, last, loopOptions, type LoopArguments } from './options.ts';
import { UsageError } from './usage.ts';

interface RunArguments extends LoopArguments {
  readonly file: string;
  readonly args: string[] | undefined;
  readonly '--'?: string[];
  readonly memo: boolean;
  readonly refresh: string | readonly string[] | undefined;
  readonly clean: boolean;
}

/** For yargs. */
export const runOptions = {
  ...loopOptions,
  // `--no-memo` is this one, said no to; the other is what help and completion show.
  memo: { type: 'boolean', default: true, coerce: last<boolean>, hidden: true },
  'no-memo': { type: 'boolean', default: false, describe: 'run what is unchanged too, and remember nothing' },
  refresh: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'run the steps of this LABEL also where they are unchanged',
  },
  clean: {
    type: 'boolean',
    default: false,
    coerce: last<boolean>,
    describe: 'delete outputs that an earlier run of FILE made and this one does not, if all of it succeeds',
  },
} as const;

/** `sluice run FILE [-- ARGS]`. */
export const run: CommandModule<object, RunArguments> = {
  command: 'run <file> [args..]',
  describe: 'run the default export of a TypeScript or JavaScript file',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 run FILE [-- ARGS]\n\n' +
          'Runs what FILE exports as default: a generator function (called with ARGS), a function that gives a list of ' +
          'generators, such a list, or a runner. Exits with the code of the program that failed, if it is one.',
      )
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: '.ts, .mts, .cts, .js, .mjs or .cjs',
        normalize: true,
      })
      .positional('args', {
        type: 'string',
        array: true,
        describe: 'for the function; behind -- also with dashes',
        defaultDescription: 'none',
      })
      .options(runOptions)
      .example('$0 run deploy.ts', 'run the steps of deploy.ts')
      .example('$0 run deploy.ts --slots 4 -- web01 web02', 'with arguments, four programs at once')
      .example('$0 run deploy.ts --dry-run', 'see what would be started')
      .example('$0 run build.ts --clean', 'delete what is made no more')
      .example('$0 run deploy.ts --report json > events', 'every event as a line of JSON') as never,
  handler: async (argv) => {
    const { findScript, loadScript, toSource } = await import('./script.ts');
    if (!argv.memo && argv.clean)
      throw new UsageError('--clean and --no-memo: what is stale is known by what memos remember', 'leave one out');
    if (!argv.memo && argv.refresh !== undefined)
      throw new UsageError('--refresh and --no-memo: one remembers what the other does not', 'leave one out');
    const path = findScript(argv.file);
    enterFolder(argv.cwd);
    const args = [...(argv.args ?? []), ...(argv['--'] ?? [])];
    const loading = import('./perform.ts');
    // Else Node would exit with the code 13 and without a word.
    const stuck = (): void => {
      process.stderr.write(`sluice: ${argv.file}: an await at its top level, or of what it exports, never ends\n`);
      process.exitCode = 1;
    };
    process.once('beforeExit', stuck);
    const exported = await loadScript(path, args).finally(() => process.off('beforeExit', stuck));
    const { perform } = await loading;
    const refresh = argv.refresh === undefined ? undefined : [argv.refresh].flat();
    const labels = new Set<string>();
    const { projectOf } = await import('../store/store.ts');
    const script = relative(projectOf(process.cwd()), path);
    await perform(() => toSource(exported, args, argv.file), argv, {
      scope: JSON.stringify([script, ...args]),
      clean: argv.clean,
      memo: !argv.memo ? 'off' : refresh === undefined ? 'on' : { refresh },
      ...(refresh && {
        extensions: [{ onBefore: (step) => void (step.spec.type === 'memo' && labels.add(step.label)) }],
      }),
    });
    for (const label of refresh ?? []) {
      if (labels.has(label)) continue;
      const near = suggest(label, labels);
      process.stderr.write(
        `sluice: --refresh: no step that began is called ${forTerminal(label)}${near === undefined ? '' : `; did you mean ${forTerminal(near)}?`}\n`,
      );
    }
  },
};
