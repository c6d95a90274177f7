import { follow } from '../kernel/running.ts';
import { createRunner, type Context, type Json, type Runner, type Running, type Sink } from '../kernel/index.ts';
import { within } from '../compose/within.ts';
import { ready } from './ready.ts';
import { program, type CommandLine, type ProgramOptions, type ProgramResult } from '../runners/program.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { SETTINGS, type SshSettings } from '../ssh/settings.ts';
import { viaSsh } from '../ssh/via.ts';

/** Options of `ssh`: those of a program, whose `cwd` and `env` are the host's, and how the host is connected to. */
export interface SshOptions extends ProgramOptions, SshSettings {}

/** What a command on a host gives: a program's result, and where it was. */
export interface SshResult<B extends string | Buffer = string> extends ProgramResult<B> {
  readonly host: Host;
}

/**
 * A command on another machine, by the user's own OpenSSH. An array is the program and its arguments, each quoted for the
 * remote shell; a string is a command of the remote /bin/sh.
 *
 * Fails as `program` does, and with the reason `connection` where the host can't be reached (`phase`, and `sent`: whether the
 * command may have begun). Killed, it is ended with all that it has started there.
 */
export function ssh(
  host: Host | string,
  command: CommandLine,
  options: SshOptions & { readonly encoding: 'buffer' },
): Runner<SshResult<Buffer>>;
export function ssh(host: Host | string, command: CommandLine, options?: SshOptions): Runner<SshResult>;
export function ssh(what: Host | string, command: CommandLine, options: SshOptions = {}): Runner<any> {
  const host = toHost(what);
  const settings: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) (SETTINGS.includes(name) ? settings : rest)[name] = value;
  const { label = program(command, rest).label } = rest as { label?: string };
  const inner = program(command, { ...rest, label: `${host.name}: ${label}` });
  const way = viaSsh(host, settings);
  const { ssh: _name, ...where } = way.spec as Record<string, Json>;
  const runner = within({ via: way }, inner);
  return createRunner<SshResult>({
    spec: { ...inner.spec, type: 'ssh', host: host.name, ...where },
    label: inner.label,
    exact: inner.traits.exact,
    callbacks: inner.traits.callbacks,
    ...(inner.traits.once === undefined ? {} : { once: inner.traits.once }),
    ...(inner.traits.discard === undefined ? {} : { discard: inner.traits.discard }),
    start: (sink: Sink<SshResult>, context: Context): Running => {
      const child = context.start(runner, {
        settle: (outcome) =>
          sink.settle(outcome.type === 'finished' ? { type: 'finished', value: { ...outcome.value, host } } : outcome),
      });
      return follow(child);
    },
  });
}

/** Waits until a host can be logged in to: see `ready`. */
ssh.ready = ready;
