// Programs of this machine: which way of starting them is taken. posix_spawn where it can be called, else execa.
import { isMainThread } from 'node:worker_threads';
import type { Spawner } from '../kernel/spawner.ts';
import { execaStarter } from './execa.ts';
import { room } from './queue.ts';
import { start, type Starter } from './start.ts';

/**
 * Starts programs on this machine in the fastest way there is: with posix_spawn on Linux (x64, arm64) where the optional
 * package koffi is installed, else with execa. The environment variable `SLUICE_SPAWNER` (`posix` or `execa`) decides for
 * all; a program that it makes impossible to start fails and says so.
 */
export const localSpawner: Spawner = spawnerOf(
  'local',
  chosenBy(() => process.env['SLUICE_SPAWNER']),
);

/** Starts programs with posix_spawn, called through koffi; where that can't be, they fail and say why. */
export const posixSpawner: Spawner = spawnerOf(
  'posix',
  chosenBy(() => 'posix'),
);

/** Starts programs with execa: Linux and macOS. */
export const execaSpawner: Spawner = spawnerOf('execa', execaStarter);

function spawnerOf(name: string, starter: Starter): Spawner {
  return { name, spawn: (command, started, exited) => start(starter, command, started, exited), room };
}

/** A starter that is decided on with the first start. */
function chosenBy(wish: () => string | undefined): Starter {
  let chosen: Starter | undefined;
  let choosing: Promise<void> | undefined;
  return {
    ready: () =>
      chosen === undefined
        ? (choosing ??= choose(wish()).then((starter) => {
            chosen = starter;
          }))
        : chosen.ready(),
    start: (command, places, told, extra) => chosen!.start(command, places, told, extra),
  };
}

async function choose(wish: string | undefined): Promise<Starter> {
  if (wish === 'execa') return execaStarter;
  if (wish !== undefined && wish !== '' && wish !== 'posix')
    throw new TypeError(`SLUICE_SPAWNER is '${wish}'; expected 'posix' or 'execa'`);
  const unfit = unfitness();
  if (unfit === undefined) {
    try {
      return (await import('./posix.ts')).posixStarter;
    } catch (cause) {
      if (wish === 'posix')
        throw new Error(`posix_spawn can't be called: ${(cause as Error).message} (is koffi installed?)`, { cause });
    }
  } else if (wish === 'posix') throw new Error(`posix_spawn can't be used ${unfit}`);
  return execaStarter;
}

/** Why posix_spawn can't do here what is asked of it. */
function unfitness(): string | undefined {
  if (process.platform !== 'linux') return `on ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `on ${process.arch}`;
  return isMainThread ? undefined : 'in a worker thread, which does not hear of ended programs';
}
