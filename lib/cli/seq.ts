import type { CommandModule } from 'yargs';
import { enterFolder, last, loopOptions, type LoopArguments } from './options.ts';
import { parseStep } from './steps.ts';
import { UsageError } from './usage.ts';

interface SeqArguments extends LoopArguments {
  readonly steps: string[] | undefined;
  readonly 'keep-going': boolean;
  readonly '--'?: string[];
}

/** `sluice seq 'make clean' 'make lib // make docs' 'make test'`. */
export const seq: CommandModule<object, SeqArguments> = {
  command: 'seq [steps..]',
  describe: 'run commands: steps in series, the commands of a step in parallel',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 seq STEP...\n\n' +
          "Runs the steps one after another; the commands of a step, with ' // ' between them, run at once. A step that fails " +
          'ends the sequence. Each command is one of the shell.',
      )
      .positional('steps', {
        type: 'string',
        array: true,
        describe: "'COMMAND' or 'COMMAND // COMMAND …'",
        defaultDescription: 'none',
      })
      .options(loopOptions)
      .option('keep-going', {
        type: 'boolean',
        default: false,
        coerce: last<boolean>,
        describe: 'when a command fails, the others of its step end by themselves',
      })
      .example("$0 seq 'make clean' 'make lib // make docs' 'make test'", 'serial, parallel, serial')
      .example("$0 seq --slots 2 'sort a // sort b // sort c'", 'two at once') as never,
  handler: async (argv) => {
    const given = [...(argv.steps ?? []), ...(argv['--'] ?? [])];
    if (given.length === 0)
      throw new UsageError('seq: no steps given', "sluice seq 'make lib // make docs' 'make test'");
    const steps = given.map(parseStep);
    enterFolder(argv.cwd);
    const [{ perform }, { sequence }] = await Promise.all([import('./perform.ts'), import('./sequence.ts')]);
    await perform(() => [sequence(steps, argv['keep-going'])], argv);
  },
};
