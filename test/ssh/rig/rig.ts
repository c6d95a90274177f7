// Real sshds on loopback addresses, for tests and benchmarks: as root or not, each host with its own key, log and HOME. Where
// there is no sshd something stands in for it, for commands only (standIn.mjs).
//
// HOME of a host's commands is its own by SetEnv, and where the user's shell is bash they begin there (.bashrc, BASH_ENV); with
// another shell they begin in the user's real home, as sshd takes it from passwd. sftp begins there too. All hosts share
// the user, the file system and the boot id of this machine.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { guard, type Guard } from './guard.ts';
import { MARK, RigHost, type HostOptions } from './host.ts';
import { newKey } from './keys.ts';
import { rigMissing } from './missing.ts';
import { signal, until, withEnvironment } from './procs.ts';
import { holdRunSshd, releaseRunSshd } from './runSshd.ts';

export { RigHost, type HostOptions } from './host.ts';
export { answers, drops, hangsUp, refuses, silent, stalls, type Bad } from './bad.ts';
export { relay, type Relay, type RelayOptions } from './relay.ts';
export { installSudo } from './sudo.ts';
export { rigMissing, sshdMissing } from './missing.ts';

export interface RigOptions {
  /** How many, or one by one. Default: 1. */
  hosts?: number | readonly HostOptions[];
  /** Lines of sshd_config for all hosts; a host's own win. */
  config?: readonly string[];
  /** Lines of ssh_config for all hosts; a host's own win. */
  ssh?: readonly string[];
}

/** A Host entry of ssh_config. */
export interface Entry {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** For known_hosts: `ssh-ed25519 AAAA…`. Without, ssh knows no key of it. */
  readonly publicKey?: string;
  /** More lines; they win over the rig's. */
  readonly ssh?: readonly string[];
}

/** Makes the folder and the keys, and starts the hosts, all at once. @throws Error where ssh is missing or a host doesn't start */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const missing = rigMissing();
  if (missing !== undefined) throw new Error(missing);
  for (let attempt = 1; ; attempt++) {
    const rig = new Rig(await freePort(), options);
    try {
      await Promise.all(rig.booting());
      return rig;
    } catch (error) {
      await rig.stop();
      // Somebody else may have taken the port meanwhile.
      if (attempt === 3 || !/Address already in use|Cannot bind/.test(String(error))) throw error;
    }
  }
}

export class Rig {
  /** Everything of the rig is in it. */
  readonly folder = mkdtempSync(join(tmpdir(), 'rig-'));
  /** Shared by all hosts: their addresses differ. */
  readonly port: number;
  /** For `ssh -F`. */
  readonly config = join(this.folder, 'ssh_config');
  readonly knownHosts = join(this.folder, 'known_hosts');
  /** The private key that may log in everywhere. */
  readonly identity = join(this.folder, 'user_key');
  readonly authorizedKeys = join(this.folder, 'authorized_keys');
  readonly hosts: RigHost[] = [];
  /** A key that may log in nowhere. */
  readonly otherIdentity = join(this.folder, 'other_key');
  readonly #id = randomBytes(8).toString('hex');
  readonly #guard: Guard;
  readonly #options: RigOptions;
  readonly #entries: Entry[] = [];
  readonly #booting: Promise<void>[] = [];
  readonly #ends: (() => unknown)[] = [];
  #addresses = 0;
  #stopped: Promise<void> | undefined;

  constructor(port: number, options: RigOptions) {
    this.port = port;
    this.#options = options;
    process.once('exit', this.#atExit);
    this.#guard = guard(this.folder, `${MARK}${this.#id}`);
    holdRunSshd();
    const key = newKey('user');
    writeFileSync(this.identity, key.private, { mode: 0o600 });
    writeFileSync(this.otherIdentity, newKey('other').private, { mode: 0o600 });
    writeFileSync(this.authorizedKeys, `${key.public}\n`);
    const { hosts = 1 } = options;
    const list = typeof hosts === 'number' ? Array.from({ length: hosts }, () => ({})) : hosts;
    for (const host of list) this.#booting.push(this.#add(host)[1]);
    this.#write();
  }

  /** One promise a host of the beginning. */
  booting(): readonly Promise<void>[] {
    return this.#booting;
  }

  /** One more host, up unless `down` is said. */
  async add(options: HostOptions = {}): Promise<RigHost> {
    const [host, booted] = this.#add(options);
    this.#write();
    await booted;
    return host;
  }

  #add(options: HostOptions): [RigHost, Promise<void>] {
    const name = options.name ?? `h${this.hosts.length + 1}`;
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const { port, authorizedKeys } = this;
    const address = this.address();
    const started = (pid: number) => this.#guard.add(pid);
    const place = { name, address, port, folder, authorizedKeys, id: this.#id, started };
    const config = [...(options.config ?? []), ...(this.#options.config ?? [])];
    const host = new RigHost(place, { ...options, config });
    this.hosts.push(host);
    const { known = 'its', identity = 'authorized' } = options;
    const publicKey = known === 'its' ? host.publicKey : newKey().public;
    const ssh = identity === 'other' ? [...host.ssh, `IdentityFile ${this.otherIdentity}`] : host.ssh;
    this.#entries.push({ name, address, port, ssh, ...(known === 'none' ? {} : { publicKey }) });
    return [host, options.down === true ? Promise.resolve() : host.boot()];
  }

  /** A loopback address that nobody in the rig has: 127.0.0.2 and so on. */
  address(): string {
    const number = this.#addresses++ + 2;
    return `127.0.${number >> 8}.${number & 255}`;
  }

  /** One more Host entry in the config. */
  entry(entry: Entry): void {
    this.#entries.push(entry);
    this.#write();
  }

  /** What is to be called at the end, in reverse order. */
  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  #write(): void {
    const known = this.#entries.filter((entry) => entry.publicKey !== undefined);
    replace(
      this.knownHosts,
      known.map((entry) => `[${entry.address}]:${entry.port} ${entry.publicKey}`).join('\n') + '\n',
    );
    const all = [...this.#entries.map((entry) => this.#lines(entry)), this.#common()];
    replace(this.config, all.map((lines) => lines.join('\n  ')).join('\n') + '\n');
  }

  #lines({ name, address, port, ssh = [] }: Entry): string[] {
    // IdentityFile is the only one that adds up.
    const identity = ssh.some((line) => /^identityfile\b/i.test(line)) ? [] : [`IdentityFile ${this.identity}`];
    return [`Host ${name}`, ...ssh, `HostName ${address}`, `Port ${port}`, ...identity];
  }

  #common(): string[] {
    return [
      'Host *',
      ...(this.#options.ssh ?? []),
      `User ${userInfo().username}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${this.knownHosts}`,
      'GlobalKnownHostsFile none',
      'StrictHostKeyChecking yes',
    ];
  }

  /** Ends all that was started, what is left of the sessions too, and removes the folder. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#booting);
    for (const end of this.#ends.splice(0).reverse()) await end();
    for (const host of this.hosts) host.kill();
    // Looked for once for all hosts, and again: what is dying may have started another.
    await until('what ran on the hosts has ended', () => {
      const left = withEnvironment(`${MARK}${this.#id}.`);
      signal(left, 'SIGKILL');
      return left.length === 0 && this.hosts.every((host) => host.isDown());
    });
    await this.#guard.end();
    process.removeListener('exit', this.#atExit);
    rmSync(this.folder, { recursive: true, force: true });
    releaseRunSshd();
  }

  readonly #atExit = (): void => {
    for (const host of this.hosts) host.kill();
    signal(withEnvironment(`${MARK}${this.#id}.`), 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
    releaseRunSshd();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Never seen half written by an ssh that starts just now. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Below those that the kernel gives to clients. @throws Error where none of 50 is free */
async function freePort(): Promise<number> {
  for (let i = 0; i < 50; i++) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '0.0.0.0', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error('rig: no free port between 10000 and 32000');
}
