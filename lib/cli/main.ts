// The command line: commands, what is wrong with what was given, and what was probably meant. What is heavy is loaded by
// the commands themselves.
import { existsSync } from 'node:fs';
import yargs from 'yargs';
import { clean } from './clean.ts';
import { completion } from './completion.ts';
import { copy, copyOptions, fetch } from './copy.ts';
import { exec } from './exec.ts';
import { execOptions } from './execOptions.ts';
import { hosts } from './hosts.ts';
import { loopOptions } from './options.ts';
import { run, runOptions } from './run.ts';
import { seq } from './seq.ts';
import { suggest } from '../kernel/suggest.ts';
import { UsageError } from './usage.ts';
import { why } from './why.ts';

const COMMANDS = ['run', 'seq', 'exec', 'copy', 'fetch', 'hosts', 'why', 'clean', 'completion'];
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  run: Object.keys(runOptions),
  why: ['store'],
  clean: ['older', 'larger', 'dry-run', 'store'],
  seq: [...Object.keys(loopOptions), 'keep-going'],
  exec: Object.keys(execOptions),
  copy: Object.keys(copyOptions),
  fetch: Object.keys(copyOptions),
  hosts: ['exclude', 'inventory', 'expand', 'fold', 'count', 'json', 'split'],
};

/** Runs the command line. What goes wrong is told on stderr and in `process.exitCode`. */
export async function main(args: readonly string[], version: string): Promise<void> {
  if (args.length === 0) {
    process.exitCode = 2;
    lastWords(`${await parser(args, version).getHelp()}\n`);
    return;
  }
  try {
    await parser(args, version).parseAsync();
  } catch (error) {
    if (error instanceof Error && (error as { placeless?: boolean }).placeless === true) {
      // Only as an uncaught error does Node say where in a module the syntax is wrong.
      setImmediate(() => {
        throw error.cause;
      });
      return;
    }
    const { exitCode, text } = told(error, args);
    process.exitCode = exitCode;
    lastWords(text);
  }
}

/** On stderr; where nobody reads it any more, the exit code stays what it is. */
function lastWords(text: string): void {
  process.stderr.on('error', () => {});
  process.stderr.write(text);
}

function parser(args: readonly string[], version: string) {
  return (
    yargs([...args])
      .scriptName('sluice')
      .detectLocale(false)
      .parserConfiguration({
        'populate--': true,
        'parse-positional-numbers': false,
        'camel-case-expansion': false,
        'greedy-arrays': false,
      })
      .usage('$0 COMMAND\n\nRuns programs side by side: generators yield them, or a line of the shell names them.')
      .command(run)
      .command(seq)
      .command(exec)
      .command(copy)
      .command(fetch)
      .command(hosts)
      .command(why)
      .command(clean)
      .command(completion)
      .example('$0 run deploy.ts', 'run the steps of a script')
      .example("$0 seq 'make clean' 'make lib // make docs' 'make test'", 'serial, parallel, serial')
      .epilogue(
        'sluice COMMAND --help tells more. Exit code: 0, that of the program that failed, or 1; 2: not run as given.',
      )
      .strict()
      .demandCommand(1)
      .version(version)
      .alias({ help: 'h', version: 'V' })
      // The help is made for every command, asked for or not; wrapping it takes 10 ms.
      .wrap(asksForHelp(args) ? Math.min(110, process.stdout.columns ?? 100) : null)
      .exitProcess(false)
      .fail((message, error) => {
        if (error === undefined || (error as Error | null)?.name === 'YError')
          throw new UsageError(message || error!.message);
        throw error;
      })
  );
}

/** Without a command the help is what there is to say. */
function asksForHelp(args: readonly string[]): boolean {
  return args.length === 0 || args.some((arg) => arg.startsWith('--h') || /^-\w*h/.test(arg));
}

interface Told {
  readonly exitCode: number;
  readonly text: string;
}

function told(error: unknown, args: readonly string[]): Told {
  if (error instanceof UsageError) {
    const { message, hint = hintFor(message, args) } = error;
    return {
      exitCode: 2,
      text: `sluice: ${reworded(message, args)}\n${hint === undefined ? '' : `  ${hint}\n`}${seeHelp(args)}`,
    };
  }
  if (error instanceof Error && error.name === 'ScriptError')
    return { exitCode: 1, text: `sluice: ${error.message}\n` };
  return { exitCode: 1, text: `sluice: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` };
}

function seeHelp(args: readonly string[]): string {
  const command = commandIn(args);
  return `  see sluice ${command === undefined ? '' : `${command} `}--help\n`;
}

/** What yargs says, in fewer words. */
function reworded(message: string, args: readonly string[]): string {
  const command = commandIn(args);
  const [, unknown] = UNKNOWN.exec(message) ?? [];
  if (unknown !== undefined && command === undefined && unknown === args[0]) return `there is no command ${unknown}`;
  // Words behind an option that isn't known look unknown too.
  if (unknown !== undefined && args[0]?.startsWith('-') === true) return `unknown argument: ${unknown}`;
  if (message.startsWith('Not enough non-option arguments'))
    return command === 'run' ? 'run: which FILE?' : 'which command?';
  return message
    .trim()
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
    .replace(/\n\s*/g, ' ');
}

const UNKNOWN = /^Unknown (?:argument|command)s?: ([^,]+)/;

function hintFor(message: string, args: readonly string[]): string | undefined {
  const command = commandIn(args);
  const [before] = args;
  if (before?.startsWith('--') === true && before.length > 2) {
    // Without its command yargs knows no option, nor which words are values of one.
    const option = before.slice(2).replace(/=.*$/, '');
    const near = suggest(option, [...(OPTIONS[command ?? 'seq'] ?? []), 'help', 'version']);
    if (near === 'help' || near === 'version') return `did you mean --${near}?`;
    if (near !== undefined) return `options stand behind the command: sluice ${command ?? 'COMMAND'} --${near}`;
  }
  const [, unknown] = UNKNOWN.exec(message) ?? [];
  if (unknown === undefined) return undefined;
  if (command === undefined) {
    if (unknown === args[0] && existsSync(unknown)) return `did you mean sluice run ${unknown}?`;
    const near = suggest(unknown, COMMANDS);
    return near === undefined ? undefined : `did you mean sluice ${near}?`;
  }
  const near = suggest(unknown, [...(OPTIONS[command] ?? []), 'help', 'version']);
  if (near !== undefined) return `did you mean --${near}?`;
  return command === 'run' ? 'what is for the script goes behind --' : undefined;
}

function commandIn(args: readonly string[]): string | undefined {
  return args.find((arg) => COMMANDS.includes(arg));
}
