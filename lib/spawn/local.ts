// Programs of this machine: which way of starting them is taken. posix_spawn where it can be called, else execa.
import type { Spawner } from '../kernel/spawner.ts';
import { execaStarter } from './execa.ts';
import { load } from './libc.ts';
import { KernelPipe } from './places.ts';
import { posixStarter } from './posix.ts';
import { room } from './queue.ts';
import { start, type Starter } from './start.ts';

/**
 * Starts programs on this machine in the fastest way there is: with posix_spawn on Linux (x64, arm64) where the optional
 * package koffi is installed, else with execa. The environment variable `SLUICE_SPAWNER` (`posix` or `execa`, read with the
 * first program) decides for all; programs that can't be started so fail and say why.
 */
export const localSpawner: Spawner = spawnerOf('local', () => process.env['SLUICE_SPAWNER']);

/** Starts programs with posix_spawn, called through koffi; where that can't be, they fail and say why. */
export const posixSpawner: Spawner = spawnerOf('posix', () => 'posix');

/** Starts programs with execa: Linux and macOS. */
export const execaSpawner: Spawner = spawnerOf('execa', () => 'execa');

function spawnerOf(name: string, wish: () => string | undefined): Spawner {
  let chosen: Starter | undefined;
  const starter = (): Starter => {
    if (chosen !== undefined) return chosen;
    const now = choose(wish());
    // What was short when it was to be loaded may not be for long.
    if (now.passing !== true) chosen = now;
    return now;
  };
  return {
    name,
    spawn: (command, started, exited) => start(starter, command, started, exited),
    joint() {
      const { pipes } = starter();
      return pipes && new KernelPipe(pipes);
    },
    room,
  };
}

function choose(wish: string | undefined): Starter {
  if (wish === 'execa') return execaStarter;
  const posix = wish === 'posix';
  if (!posix && wish !== undefined && wish !== '')
    return failing(`SLUICE_SPAWNER is '${wish}'; expected 'posix' or 'execa'`);
  const unfit = unfitness();
  if (unfit === undefined) return posixStarter;
  if (typeof unfit !== 'string') return { ...failing(''), passing: true, start: (_c, _p, told) => told.failed(unfit) };
  return posix ? failing(`posix_spawn can't be used ${unfit}`) : execaStarter;
}

/** Why posix_spawn can't do here what is asked of it. */
function unfitness(): string | NodeJS.ErrnoException | undefined {
  if (process.platform !== 'linux') return `on ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `on ${process.arch}`;
  if (!process.getBuiltinModule('node:worker_threads').isMainThread)
    return 'in a worker thread, which does not hear of ended programs';
  try {
    load();
    return undefined;
  } catch (error) {
    const [, short] = /(EMFILE|ENFILE|Too many open files|ENOMEM|Cannot allocate memory)/.exec(String(error)) ?? [];
    if (short !== undefined)
      return Object.assign(new Error(`koffi can't be loaded now: ${short}`), {
        code: /mem/i.test(short) ? 'ENOMEM' : 'EMFILE',
      });
    return `without the optional package koffi (${(error as Error).message.split('\n', 1)[0]})`;
  }
}

/** Starts nothing. */
function failing(message: string): Starter {
  const error = Object.assign(new Error(message), { code: 'ENOTSUP' });
  return { ready: () => undefined, start: (_command, _places, told) => told.failed(error) };
}
