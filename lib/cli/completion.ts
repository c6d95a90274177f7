import type { CommandModule } from 'yargs';
import { UsageError } from './usage.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `sluice completion [bash|zsh|fish]`. */
export const completion: CommandModule<object, { readonly shell: (typeof SHELLS)[number] | undefined }> = {
  command: 'completion [shell]',
  describe: 'print a completion script for the shell',
  builder: (yargs) =>
    yargs
      .positional('shell', { choices: SHELLS, defaultDescription: 'as $SHELL says' })
      .example('source <($0 completion bash)', 'bash: a line for ~/.bashrc')
      .example('source <($0 completion zsh)', 'zsh: a line for ~/.zshrc, behind compinit')
      .example('$0 completion fish | source', 'fish: a line for config.fish') as never,
  handler: async ({ shell = SHELLS.find((name) => process.env['SHELL']?.endsWith(name) === true) }) => {
    if (shell === undefined) throw new UsageError('completion: which shell?', 'sluice completion bash (or zsh, fish)');
    const { default: yargs } = await import('yargs');
    process.env['SHELL'] = shell; // yargs looks there
    yargs().scriptName('sluice').showCompletionScript();
  },
};
