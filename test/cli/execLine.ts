// The command line of `exec`, its own (test/fixtures/exec.ts), from the sources.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { start, type Ended, type Living } from './support.ts';

export const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const command = [
  process.execPath,
  '--import',
  at('../../dist/lib/cli/load/register.js'),
  at('../fixtures/exec.ts'),
];

type Begin = (...args: string[]) => Living;

/** A command line with a state of its own, and what it ended with. */
export function line(t: Test): {
  readonly begin: Begin & { with(env: Record<string, string>): Begin };
  exec(...args: string[]): Promise<Ended>;
  readonly state: string;
} {
  const folder = t.testdir({});
  const begins =
    (more: Record<string, string>): Begin =>
    (...args) =>
      start(['exec', ...args], { env: { XDG_STATE_HOME: folder, HOME: folder, ...more } }, command);
  const begin = Object.assign(begins({}), { with: begins });
  return { begin, exec: (...args) => begin(...args).ended, state: join(folder, 'sluice/exec.json') };
}
