// What a connection is made with: the user's configuration of OpenSSH, our defaults behind it and what the caller said before.
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { milliseconds, type Duration } from '../kernel/clock.ts';
import { checkOptions } from '../kernel/options.ts';
import { ConnectionError } from './failure.ts';
import { folder } from './folder.ts';
import type { Host } from './host.ts';

/** How a host is connected to. */
export interface SshSettings {
  /** A configuration in the place of ~/.ssh/config and /etc/ssh/ssh_config, as `ssh -F`. */
  readonly config?: string;
  /** The file of a private key, as `ssh -i`. */
  readonly identity?: string;
  readonly user?: string;
  readonly port?: number;
  /** The host by which others are reached, as `ssh -J`. */
  readonly jump?: string;
  /**
   * The keys of hosts: the path of a file, or its lines. They take the place of the user's known_hosts: machines of a cloud
   * have addresses that others had before.
   */
  readonly knownHosts?: string | readonly string[];
  /** Any of ssh_config, passed on: `{ Ciphers: 'aes128-gcm@openssh.com' }`. They go before all configurations. */
  readonly options?: Readonly<Record<string, string | number | boolean>>;
  /** To connect and log in. Default: what the configuration says, else 10 s. */
  readonly connectTimeout?: Duration;
  /**
   * `classical`: key exchange by elliptic curve alone, for a fifth of the CPU; who records the traffic today and has a quantum
   * computer one day can read it then. Default: what the configuration says.
   */
  readonly kex?: 'classical';
  /**
   * `mux`: one connection for all commands of a loop. `client`: an ssh with its own connection for each, where OpenSSH here is older than 7.4
   * or the server takes no second session; a signal that has ended a command can't be told from the exit code 128 + its number
   * then. Default: `mux`, and `client` once OpenSSH here has shown that it is too old for that, which a note tells.
   */
  readonly transport?: 'mux' | 'client';
  /**
   * Commands without stdin are steps of one shell there, one at a time: for many short ones. A signal that has ended a command is the
   * exit code 128 + its number; what an earlier step has left running ends too when one is killed; the shell takes one of the
   * sessions that the server has for a connection (MaxSessions), and killing takes another. Default false.
   */
  readonly lane?: boolean;
}

export const SETTINGS = [
  'config',
  'identity',
  'user',
  'port',
  'jump',
  'knownHosts',
  'options',
  'connectTimeout',
  'kex',
  'transport',
  'lane',
];

/** Those among the options of something that has others too. */
export function settingsAmong(options: object): SshSettings {
  return Object.fromEntries(Object.entries(options).filter(([name]) => SETTINGS.includes(name)));
}

/** Throws a TypeError for what can't be. */
export function checkSettings(what: string, settings: SshSettings): void {
  checkOptions(what, settings, SETTINGS);
  for (const name of ['config', 'identity', 'user', 'jump'] as const) {
    const value: unknown = settings[name];
    if (value !== undefined && (typeof value !== 'string' || value === '' || value.startsWith('-')))
      throw new TypeError(`${what}: ${name} is not ${JSON.stringify(value)}`);
  }
  for (const jump of settings.jump?.split(',') ?? []) {
    // A scheme, the user and the port are ssh's to read.
    if (/^(?:ssh:\/\/)?(?:[^@]*@)?-|^-|^$/.test(jump))
      throw new TypeError(`${what}: jump: ${JSON.stringify(jump)} is no host`);
  }
  for (const [name, value] of Object.entries(settings.options ?? {})) {
    if (!/^[A-Za-z]+$/.test(name)) throw new TypeError(`${what}: options: ${JSON.stringify(name)} is no option of ssh`);
    if (/^Control/i.test(name)) throw new TypeError(`${what}: options.${name}: the connection is sluice's own`);
    if (/^StrictHostKeyChecking$/i.test(name) && !/^(?:yes|accept-new|true)$/i.test(String(value)))
      throw new TypeError(`${what}: options.${name}: host keys are checked always; give their keys as knownHosts`);
    if (/[\n\0]/.test(String(value))) throw new TypeError(`${what}: options.${name} has a newline`);
  }
  if (settings.kex !== undefined && settings.kex !== 'classical')
    throw new TypeError(`${what}: kex is 'classical' or not given`);
  if (settings.transport !== undefined && settings.transport !== 'mux' && settings.transport !== 'client')
    throw new TypeError(`${what}: transport is 'mux' or 'client', not ${JSON.stringify(settings.transport)}`);
  if (settings.lane !== undefined && typeof settings.lane !== 'boolean')
    throw new TypeError(`${what}: lane is true or false, not ${JSON.stringify(settings.lane)}`);
  if (settings.connectTimeout !== undefined) milliseconds(settings.connectTimeout, `${what}: connectTimeout`);
}

/** The same for hosts and settings that make the same connection. */
export function keyOf(host: Host, settings: SshSettings): string {
  const { name, address, user, port } = host;
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, address, user, port, sorted]);
}

/** A short name. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 10);
}

/** The words of an ssh command for a host, without the program, its mode and the command. `proxy`: how its jump is reached. */
export function wordsOf(host: Host, settings: SshSettings, proxy?: string): string[] {
  const { config, identity, user, port, jump, knownHosts, options, connectTimeout, kex } = settings;
  const words = ['-F', configuration(config)];
  const option = (name: string, value: string | number): void => void words.push('-o', `${name}=${value}`);
  for (const [name, value] of Object.entries(options ?? {}))
    option(name, typeof value === 'boolean' ? (value ? 'yes' : 'no') : value);
  option('BatchMode', 'yes');
  option('RequestTTY', 'no');
  option('ClearAllForwardings', 'yes');
  option('ControlPersist', 'no');
  if (connectTimeout !== undefined)
    option('ConnectTimeout', Math.max(1, Math.ceil(milliseconds(connectTimeout, 'connectTimeout') / 1000)));
  if (knownHosts !== undefined) {
    if (typeof knownHosts === 'string' && !existsSync(knownHosts))
      throw new ConnectionError('host key', `knownHosts: there is no file ${knownHosts}; lines are given as an array`);
    option(
      'UserKnownHostsFile',
      quoted(typeof knownHosts === 'string' ? knownHosts : file('k', knownHosts.join('\n'))),
    );
    option('GlobalKnownHostsFile', '/dev/null');
    option('StrictHostKeyChecking', 'yes');
  }
  if (kex === 'classical') option('KexAlgorithms', 'curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256');
  if (identity !== undefined) words.push('-i', identity);
  if (proxy !== undefined) option('ProxyCommand', proxy);
  else if (jump !== undefined) words.push('-J', jump);
  if (host.address !== undefined) option('HostName', host.address);
  const login = host.user ?? user;
  if (login !== undefined) words.push('-l', login);
  const number = host.port ?? port;
  if (number !== undefined) words.push('-p', String(number));
  return [...words, '--', host.name];
}

/** Behind the user's configuration, where the first value of an option counts. */
const DEFAULTS = ['ConnectTimeout 10', 'ServerAliveInterval 15', 'ServerAliveCountMax 3'];

/** A configuration that has ours behind the user's. */
function configuration(given: string | undefined): string {
  // A file that is missing, or isn't absolute, would be passed over or looked for elsewhere.
  if (given !== undefined && !existsSync(given)) throw new ConnectionError('session', `config: there is no ${given}`);
  const includes = given === undefined ? [join(homedir(), '.ssh/config'), '/etc/ssh/ssh_config'] : [resolve(given)];
  const lines = includes.filter((path) => existsSync(path)).map((path) => `Include ${quoted(path)}`);
  return file('c', `${[...lines, 'Match all', ...DEFAULTS].join('\n')}\n`);
}

function quoted(path: string): string {
  return /[\s"#]/.test(path) ? `"${path.replace(/["\\]/g, '\\$&')}"` : path;
}

const written = new Map<string, string>();

/** A file in the folder with this content, also where somebody has removed it meanwhile. */
function file(kind: string, content: string): string {
  const name = `${kind}${nameOf(content)}`;
  let path = written.get(name);
  if (path === undefined || !existsSync(path)) {
    path = join(folder(), name);
    writeFileSync(path, content, { mode: 0o600 });
    written.set(name, path);
  }
  return path;
}
