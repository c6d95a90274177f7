// Why a program did not start, told apart. The system's own answer confuses: a missing folder and a missing program both
// are ENOENT, and so is a script whose interpreter is missing.
import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command, Exit } from '../kernel/spawner.ts';
import { candidates } from './lookup.ts';

/** Failures that pass: waited out while others of ours run, whose end gives back what is short. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/** Whether it is worth trying again later. */
export function passes(error: NodeJS.ErrnoException): boolean {
  return error.code !== undefined && PASSING.has(error.code);
}

/** The exit of a program that could not be started, from what the system said. */
export function failure(error: NodeJS.ErrnoException, command: Command): Exit {
  const code = hasNul(command) ? 'EINVAL' : (error.code ?? 'UNKNOWN');
  const folder = ABOUT_PATHS.has(code) ? folderProblem(command.cwd) : undefined;
  // Node's own error carries the arguments, in which there may be secrets; so it is not handed on.
  if (folder !== undefined) return tell('CWD', folder);
  // A folder in PATH that may not be entered hides what the system would say of a name that is nowhere else.
  if (code === 'EACCES' && pathOf(command) === undefined) return tell('ENOENT', explain('ENOENT', command)!);
  return tell(code, explain(code, command) ?? error.message);
}

/** The exit of a program whose file for stdin, stdout or stderr could not be opened. */
export function fileFailure(error: NodeJS.ErrnoException, file: string): Exit {
  const code = error.code ?? 'UNKNOWN';
  return { ...tell(code, error.message), file };
}

/** Why no program can be started on this platform, whatever it is; undefined where they can. */
export function platformFailure(): NodeJS.ErrnoException | undefined {
  return process.platform === 'win32' ? Object.assign(new Error('not supported'), { code: 'ENOSYS' }) : undefined;
}

const ABOUT_PATHS = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']);

function tell(code: string, message: string): Exit & { type: 'error' } {
  return { type: 'error', code, error: Object.assign(new Error(message), { code }) };
}

function hasNul({ argv, cwd, env }: Command): boolean {
  const texts = [...argv, cwd, ...Object.entries(env ?? {}).flat()];
  return texts.some((text) => text.includes('\0'));
}

function folderProblem(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `the folder ${folder} is no folder`;
    accessSync(folder, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? `the folder ${folder} does not exist`
      : `the folder ${folder} can't be entered (${code})`;
  }
}

function explain(code: string, command: Command): string | undefined {
  const [name] = command.argv;
  const direct = name.includes('/');
  const path = pathOf(command);
  switch (code) {
    case 'ENOENT': {
      const interpreter = path !== undefined && interpreterOf(path);
      if (interpreter) return `${path} needs ${interpreter}, which does not exist (see its first line)`;
      return direct ? `${path} does not exist` : `there is no program ${name} in PATH`;
    }
    case 'EACCES':
      if (path !== undefined && isHidden(path)) return `a folder above ${path} can't be entered`;
      if (path !== undefined && isFolder(path)) return `${path} is a folder, no program`;
      return `${path ?? name} is not executable (chmod +x makes it so)`;
    case 'ENOEXEC':
      return `${path ?? name} is no program for this machine, nor a script that begins with #!`;
    case 'E2BIG':
      return 'the arguments and the environment are longer than the system allows (hand them over by stdin or a file)';
    case 'ENOTDIR':
      return `${path ?? name} does not exist: a part of the path is no folder`;
    case 'ETXTBSY':
      return `${path ?? name} is open for writing somewhere, so it can't be run yet`;
    case 'ELOOP':
      return `${path ?? name} is a symbolic link that leads back to itself`;
    case 'ENAMETOOLONG':
      return 'the name of the program is longer than the system allows';
    case 'EINVAL':
      if (!hasNul(command)) return undefined;
      return 'the arguments, the folder or the environment have a NUL character, which no program can be given';
    case 'ENOSYS':
      return 'programs are not supported on Windows yet (WSL runs them)';
    default:
      return undefined;
  }
}

/** Where its program is, as far as that can be seen. */
function pathOf({ argv: [name], cwd, env }: Command): string | undefined {
  const files = candidates(name, (env ?? process.env)['PATH']).map((file) => resolve(cwd, file));
  return name.includes('/') ? files[0] : files.find((file) => existsSync(file));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether a folder above it keeps even from being seen what it is. */
function isHidden(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function interpreterOf(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const head = Buffer.alloc(256);
    return /^#!\s*(\S+)/.exec(head.toString('latin1', 0, readSync(fd, head)))?.[1];
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
