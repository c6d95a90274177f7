// What rewrites of commands have in common.
import type { Command, Context } from '../kernel/index.ts';

/** The variables that were set for a command: not what Node's own environment has. On another machine it is all there is. */
export function ownChanges({ env = {}, exactEnv }: Command, { remote }: Context): readonly string[] {
  return Object.entries(env)
    .filter(([name, value]) => exactEnv === true || remote !== undefined || process.env[name] !== value)
    .map(([name, value]) => `${name}=${value}`);
}

/** As `env` takes them: `NAME=value`. */
export function assignments(env: Command['env']): readonly string[] {
  return Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
}

/** A command that has the variables set, wherever it is started. */
export function withEnv(
  argv: Command['argv'],
  variables: readonly string[],
  exact: boolean | undefined = false,
): [string, ...string[]] {
  if (exact) return ['env', '-i', ...variables, ...argv];
  return variables.length > 0 ? ['env', ...variables, ...argv] : [...argv];
}
