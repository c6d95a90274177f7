// Where a host is, by the user's own OpenSSH: nothing of its configuration is read by us.
import type { Answer } from './ask.ts';
import { ConnectionError, failureOf } from './failure.ts';
import type { Host } from './host.ts';
import { wordsOf, type SshSettings } from './settings.ts';

/** What ssh would connect to. */
export interface Place {
  readonly address: string;
  readonly port: number;
  /** 0: any. */
  readonly family: 0 | 4 | 6;
  /** The address of this machine that it comes from, where one is configured. */
  readonly from: string | undefined;
  /** As `ssh -J` takes it. */
  readonly jump: string | undefined;
  /** Not by TCP from here: through a jump, or a command of the user's. */
  readonly proxied: boolean;
}

/** The command that says it. */
export function resolveCommand(host: Host, settings: SshSettings): [string, ...string[]] {
  return ['ssh', '-G', ...wordsOf(host, settings)];
}

/** What it said. A ConnectionError of the phase 'session' where the configuration is wrong, or there is no ssh. */
export function resolved({ exit, stdout, stderr }: Answer): Place | ConnectionError {
  if (exit.type !== 'exit') return new ConnectionError('session', `ssh: ${exit.error.message}`);
  if (exit.exitCode !== 0) return new ConnectionError('session', failureOf(stderr, exit.exitCode).message);
  const set = optionsOf(stdout);
  return {
    address: set('hostname') ?? '',
    port: Number(set('port')),
    family: set('addressfamily') === 'inet' ? 4 : set('addressfamily') === 'inet6' ? 6 : 0,
    from: set('bindaddress'),
    jump: set('proxyjump'),
    proxied: set('proxycommand') !== undefined || set('proxyjump') !== undefined || set('bindinterface') !== undefined,
  };
}

/** By its name; undefined where it isn't set. */
function optionsOf(stdout: string): (name: string) => string | undefined {
  const options = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const blank = line.indexOf(' ');
    if (blank > 0) options.set(line.slice(0, blank), line.slice(blank + 1));
  }
  return (name) => {
    const value = options.get(name);
    return value === 'none' ? undefined : value;
  };
}
