import type { CommandModule } from 'yargs';
import { enterFolder, loopOptions, type LoopArguments } from './options.ts';

interface RunArguments extends LoopArguments {
  readonly file: string;
  readonly args: string[] | undefined;
  readonly '--'?: string[];
}

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
      .options(loopOptions)
      .example('$0 run deploy.ts', 'run the steps of deploy.ts')
      .example('$0 run deploy.ts --slots 4 -- web01 web02', 'with arguments, four programs at once')
      .example('$0 run deploy.ts --dry-run', 'see what would be started')
      .example('$0 run deploy.ts --report json > events', 'every event as a line of JSON') as never,
  handler: async (argv) => {
    const { findScript, loadScript, toSource } = await import('./script.ts');
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
    await perform(() => toSource(exported, args, argv.file), argv);
  },
};
