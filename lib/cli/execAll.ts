// The loop of `exec`, what it prints at its end, and its exit code.
import type { HostSet } from '../fleet/hostSet.ts';
import type { FleetResult } from '../fleet/result.ts';
import { labelOf } from '../fleet/typed.ts';
import { via } from '../fleet/via.ts';
import { isRunError, type Via } from '../kernel/index.ts';
import { Screen } from '../report/screen.ts';
import type { Host } from '../ssh/host.ts';
import type { SshSettings } from '../ssh/settings.ts';
import { askPassword } from './askPassword.ts';
import { PASSWORD, type ExecArguments } from './execOptions.ts';
import { jsonLine, notOk, printGathered, skippedLines, summaryOf, summaryOfInterrupted } from './execOutput.ts';
import { execute, type ExecEnd } from './execRun.ts';
import { keepLastTime } from './execState.ts';
import { UsageError } from './usage.ts';
import { makeFolders } from '../store/folders.ts';
import { perform } from './perform.ts';
import { Spool } from './spool.ts';

/** How the output is shown. */
export type Shape = 'prefix' | 'gather' | 'json';

/** What was asked for. */
export interface Exec {
  readonly argv: ExecArguments;
  readonly hosts: HostSet;
  readonly command: string | readonly [string, ...string[]];
  readonly settings: SshSettings;
  readonly shape: Shape;
}

/** Runs it to its end. */
export async function runExec(what: Exec): Promise<void> {
  const { argv, shape } = what;
  const dry = argv['dry-run'];
  const more: More = {
    input: argv.stdin && !dry ? new Spool(process.stdin) : undefined,
    sudo: argv.sudo ? await sudo(what) : undefined,
  };
  if (argv.transcript !== undefined && !dry) makeTranscripts(argv.transcript);
  const run = dry ? () => inHosts(what, more, () => {}) : () => live(what, more);
  await perform(() => [run], {
    slots: undefined,
    timeout: undefined,
    'fail-fast': false,
    report: shape === 'prefix' || dry ? 'prefix' : 'quiet',
    'dry-run': dry,
    cwd: undefined,
  });
}

/** What comes from outside, once for all hosts. */
interface More {
  readonly input: Spool | undefined;
  readonly sudo: Via | undefined;
}

function inHosts(
  { argv, hosts, command, settings, shape }: Exec,
  { input, sudo }: More,
  ended: (end: ExecEnd) => void,
): Generator<any, FleetResult<unknown>, any> {
  const dry = argv['dry-run'];
  return execute({
    hosts,
    command,
    settings,
    timeout: argv.timeout,
    sudo,
    input,
    each: {
      slots: argv.fanout,
      failFast: argv['fail-fast'],
      ...(argv['max-fail'] !== undefined && { maxFail: argv['max-fail'] }),
      ...(argv.batch !== undefined && { batch: argv.batch }),
      ...(argv.canary !== undefined && { canary: argv.canary }),
    },
    keep: shape !== 'prefix' && !dry,
    transcript: dry ? undefined : argv.transcript,
    ended,
  });
}

/** One for all hosts. Without a password only what sudoers let pass without one can be run. */
async function sudo({ argv, hosts }: Exec): Promise<Via> {
  const given = process.env[PASSWORD];
  delete process.env[PASSWORD]; // ssh and what that starts need not see it
  const instead = `put the password into $${PASSWORD}`;
  const ask = argv['ask-sudo-password'] && !argv['dry-run'];
  const password = ask
    ? await askPassword(`sudo's password on ${String(hosts)}: `, '--ask-sudo-password', instead)
    : given;
  return via.sudo(password === undefined ? {} : { password: () => password });
}

function* live(what: Exec, more: More): Generator<any, void, any> {
  const { hosts, shape } = what;
  // That its reader has gone is told to `perform`, whose report writes to the same streams.
  const screen = new Screen({ closed: () => {} });
  const ends: ExecEnd[] = [];
  let result: FleetResult<unknown> | undefined;
  let interrupted = false;
  try {
    result = yield* inHosts(what, more, (end) => {
      ends.push(end);
      if (shape === 'json') screen.write('out', `${jsonLine(end)}\n`);
    });
    process.exitCode = result.unreachable.size > 0 ? 3 : result.ok.size < hosts.size ? 1 : 0;
  } catch (error) {
    interrupted = isRunError(error, 'killed') && error.reason.by.startsWith('SIG');
    throw error;
  } finally {
    more.input?.close();
    // Also when it was ended by Ctrl-C: what was said until then is worth as much.
    const order = new Map<Host, number>([...hosts].map((host, index) => [host, index]));
    ends.sort((a, b) => order.get(a.host)! - order.get(b.host)!);
    if (shape === 'gather') printGathered(ends, screen, what.argv.diff);
    if (result !== undefined) {
      if (shape === 'json') for (const line of skippedLines(result.skipped)) screen.write('out', `${line}\n`);
      screen.write('err', summaryOf(hosts, ends, result.skipped));
    } else if (interrupted) screen.write('err', summaryOfInterrupted(hosts, ends));
    const unkept = keep(what, ends);
    if (unkept !== undefined) screen.write('err', `sluice: --failed will not know of this: ${unkept.message}\n`);
  }
}

/** For --failed; why it can't be, where that matters. */
function keep({ hosts, command }: Exec, ends: readonly ExecEnd[]): Error | undefined {
  const failed = notOk(hosts, ends).map((host) => labelOf(host));
  const text = typeof command === 'string' ? command : command.join(' ');
  const error = keepLastTime({ failed, command: text, at: new Date().toISOString() });
  return failed.length > 0 ? error : undefined;
}

/** Makes the folder of `--transcript`. @throws UsageError where that can't be */
function makeTranscripts(folder: string): void {
  try {
    makeFolders(folder);
  } catch (error) {
    throw new UsageError(`--transcript: ${(error as Error).message}`);
  }
}
