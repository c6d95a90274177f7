// From the options of a program to the command that a spawner starts.
import { isAbsolute, posix, resolve } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { RunError, type Command, type Context, type Stdio } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { isFilePlace, type OutputPlace, type ProgramOptions } from './programOptions.ts';

/** What a pipe changes of a program that is one of its stages: where those of its ends go that are joined to others. */
export interface Ends {
  readonly stdin: Stdio | undefined;
  readonly stdout: Stdio | undefined;
}

/** The command of a program in its surroundings. */
export function commandOf(
  argv: readonly [string, ...string[]],
  options: ProgramOptions,
  context: Context,
  joined: Ends,
): Command {
  const { cwd: folder, exactEnv, detach, stdin, stdout, stderr } = options;
  const remote = context.remote !== undefined;
  const path = folder === undefined ? undefined : pathOf(folder);
  const cwd = remote ? posix.join(context.cwd, path ?? '') : folderOf(path ?? '.', context);
  // Files are this machine's, wherever the program runs.
  const here = remote ? process.cwd() : cwd;
  const command: Command = {
    argv,
    cwd: cwd === '.' ? '' : cwd,
    env: environment(options, context),
    stdin: joined.stdin ?? source(stdin, here),
    stdout: joined.stdout ?? target(stdout, here),
    stderr: target(stderr, here),
    // Looking at process.stdin would open it, and change what the program gets.
    session: remote || !(stdin === 'inherit' && joined.stdin === undefined && isatty(0)),
    ...(exactEnv !== undefined && { exactEnv: true }),
    ...(detach === true && { detach }),
  };
  return context.via === undefined ? command : context.via(command);
}

/** Node's own folder may have been removed; that is asked for only where it matters. */
function folderOf(folder: string, context: Context): string {
  if (isAbsolute(folder)) return resolve(folder);
  try {
    return resolve(context.cwd, folder);
  } catch (cause) {
    const hint = `Node's own folder does not exist any more; give cwd`;
    const { id: run, spec, label } = context as unknown as RunRecord;
    throw new RunError({ reason: { type: 'spawn', code: 'CWD' }, run, spec, label, hint, cause });
  }
}

function source(stdin: ProgramOptions['stdin'], cwd: string): Stdio {
  if (stdin === undefined || stdin === 'ignore') return 'ignore';
  if (stdin === 'inherit' || stdin === 'pipe') return stdin;
  if (stdin instanceof URL) return { file: fileURLToPath(stdin) };
  return isFilePlace(stdin) ? { file: resolve(cwd, stdin.file) } : 'pipe';
}

function target(place: OutputPlace | undefined, cwd: string): Stdio {
  if (place === 'inherit' || place === 'ignore') return place;
  if (place instanceof URL) return { file: fileURLToPath(place) };
  return isFilePlace(place) ? { ...place, file: resolve(cwd, place.file) } : 'pipe';
}

function environment({ env, exactEnv }: ProgramOptions, { ownEnv, remote }: Context): Command['env'] {
  if (exactEnv !== undefined) return exactEnv;
  if (env === undefined) return ownEnv;
  const all: Record<string, string> = {
    ...(ownEnv ?? (remote === undefined ? (process.env as Record<string, string>) : {})),
  };
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete all[name];
    else all[name] = value;
  }
  return all;
}

function pathOf(path: string | URL): string {
  return path instanceof URL ? fileURLToPath(path) : path;
}
