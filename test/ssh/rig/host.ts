// One sshd of the rig.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newKey } from './keys.ts';
import { hasSshd, SSHD, sshVersion } from './missing.ts';
import { descendants, isAlive, isSshd, signal, until, withEnvironment } from './procs.ts';

export interface HostOptions {
  /** How ssh calls it. Default: h1, h2 and so on. */
  name?: string;
  /** Lines of sshd_config; they win over the rig's. */
  config?: readonly string[];
  /** Lines of its Host entry in ssh_config; they win over the rig's. */
  ssh?: readonly string[];
  /** More of the environment of its commands. */
  env?: Readonly<Record<string, string>>;
  /** Nothing listens before `boot()`. */
  down?: boolean;
  /** What known_hosts tells of it: its key (default), another, or nothing. */
  known?: 'its' | 'other' | 'none';
  /** The key that ssh shows: one that may log in (default), or another. */
  identity?: 'authorized' | 'other';
}

const STAND_IN = fileURLToPath(new URL('standIn.mjs', import.meta.url));

/** Begins the entry that marks a rig's commands in their environment. */
export const MARK = 'SLUICE_RIG=';

/** The place of a host in the rig. */
export interface HostPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Its own folder. */
  readonly folder: string;
  /** Holds the public keys that may log in. */
  readonly authorizedKeys: string;
  /** Marks the processes of the rig in their environment. */
  readonly id: string;
  /** Told of each sshd that is started. */
  started(pid: number): void;
}

export class RigHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** HOME of its commands, and where they begin (see the top of rig.ts). */
  readonly home: string;
  /** Its public key, as in known_hosts. */
  readonly publicKey: string;
  /** Lines for its Host entry. */
  readonly ssh: readonly string[];
  readonly #place: HostPlace;
  readonly #mark: string;
  /** What is started to listen. */
  readonly #server: readonly [string, ...string[]];
  #child: ChildProcess | undefined;
  /** Session processes seen so far: they live on where their listener dies. */
  readonly #seen = new Set<number>();

  constructor(place: HostPlace, options: HostOptions) {
    this.name = place.name;
    this.address = place.address;
    this.port = place.port;
    this.ssh = options.ssh ?? [];
    this.home = join(place.folder, 'home');
    this.#place = place;
    this.#mark = `${MARK}${place.id}.${place.name}`;
    mkdirSync(join(this.home, 'bin'), { recursive: true });
    const key = newKey(place.name);
    this.publicKey = key.public;
    writeFileSync(this.#path('key'), key.private, { mode: 0o600 });
    writeFileSync(this.#path('log'), '');
    // bash reads it before a command of sshd's, Debian's as .bashrc: sshd itself changes to the home that passwd tells.
    for (const path of [this.#path('begin'), join(this.home, '.bashrc')]) {
      writeFileSync(path, 'cd "$HOME"; unset BASH_ENV\n');
    }
    this.#server = hasSshd() ? this.#sshd(options) : this.#standIn(options);
  }

  #path(name: string): string {
    return join(this.#place.folder, name);
  }

  /** Of its commands. */
  #env(options: HostOptions): Record<string, string> {
    const [name, id] = this.#mark.split('=');
    return {
      [name!]: id!,
      HOME: this.home,
      PATH: `${join(this.home, 'bin')}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin`,
      ...(userInfo().shell?.endsWith('/bash') ? { BASH_ENV: this.#path('begin') } : {}),
      ...options.env,
    };
  }

  #standIn(options: HostOptions): readonly [string, ...string[]] {
    if (options.config?.length) throw new Error(`rig: ${options.config[0]}: there is no sshd here to be told so`);
    const { address, port, home } = this;
    const { authorizedKeys } = this.#place;
    const settings = { address, port, home, authorizedKeys, key: this.#path('key'), log: this.#path('log') };
    return [process.execPath, STAND_IN, JSON.stringify({ ...settings, env: this.#env(options) })];
  }

  #sshd(options: HostOptions): readonly [string, ...string[]] {
    writeFileSync(this.#path('sshd_config'), this.#config(options).join('\n') + '\n');
    return [SSHD, '-D', '-f', this.#path('sshd_config'), '-E', this.#path('log')];
  }

  #config(options: HostOptions): string[] {
    const words = Object.entries(this.#env(options)).map(([name, value]) => `"${name}=${value}"`);
    return [
      ...(options.config ?? []),
      `ListenAddress ${this.address}:${this.port}`,
      `HostKey ${this.#path('key')}`,
      `AuthorizedKeysFile ${this.#place.authorizedKeys}`,
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'PidFile none',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'PrintMotd no',
      'PrintLastLog no',
      'AcceptEnv LANG LC_*',
      // It would shut out the whole of 127.0.0.1 after a few probes that don't log in.
      ...(sshVersion() >= 9.8 ? ['PerSourcePenalties no'] : []),
      `SetEnv ${words.join(' ')}`,
      `Subsystem sftp internal-sftp -d ${this.home}`,
    ];
  }

  /** Of the listening sshd; undefined while it is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What sshd has written so far, over all boots. */
  log(): string {
    return readFileSync(this.#path('log'), 'utf8');
  }

  /** Starts sshd and waits until it answers. @throws Error with its log where it ends instead */
  async boot(): Promise<void> {
    if (this.#child !== undefined) return;
    const before = this.log().length;
    const [file, ...args] = this.#server;
    const child = spawn(file, args, { stdio: 'ignore', detached: true });
    this.#child = child;
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    }).then(() => {
      if (this.#child === child) this.#child = undefined;
    });
    child.unref();
    if (child.pid !== undefined) this.#place.started(child.pid);
    let over = false;
    void ended.then(() => (over = true));
    // What listens may be another's sshd: ours says so in its log before it answers.
    while (!over && !(this.log().slice(before).includes('Server listening') && (await this.#answers()))) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5))]);
    }
    if (over) throw new Error(`rig: sshd of ${this.name} has ended: ${this.log().slice(before)}`);
    // The probe counts against MaxStartups until its process has gone.
    await until('the probe has gone', () => over || this.sessions().length === 0);
  }

  /** Whether the port answers with a banner. */
  async #answers(): Promise<boolean> {
    const socket = connect(this.port, this.address);
    try {
      await once(socket, 'data');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }

  /** The processes of its connections: one or two each, also of those still logging in. */
  sessions(): number[] {
    if (this.#child?.pid !== undefined) for (const pid of descendants(this.#child.pid)) this.#seen.add(pid);
    for (const pid of this.#seen) if (!isAlive(pid)) this.#seen.delete(pid);
    return [...this.#seen].filter(isSshd);
  }

  /** Living processes that its sessions have started, whatever became of the sessions and of their parents. */
  commands(): number[] {
    return withEnvironment(`${this.#mark}\0`);
  }

  /** SIGKILL to the session processes; the listener goes on. */
  killSessions(): void {
    signal(this.sessions(), 'SIGKILL');
  }

  /** Neither sshd nor its sessions do anything; the kernel still takes connections. Commands go on. */
  freeze(): void {
    if (this.pid !== undefined) signal([this.pid], 'SIGSTOP');
    signal(this.sessions(), 'SIGSTOP');
  }

  thaw(): void {
    signal(this.sessions(), 'SIGCONT');
    if (this.pid !== undefined) signal([this.pid], 'SIGCONT');
  }

  /** Ends it as a power cut does: sshd, sessions and commands. It can be booted again. */
  async stop(): Promise<void> {
    this.kill();
    await until(`what ran on ${this.name} has ended`, () => {
      const left = this.commands();
      signal(left, 'SIGKILL');
      return left.length === 0 && this.isDown();
    });
  }

  /** Neither sshd nor a session of it is left. */
  isDown(): boolean {
    return this.#child === undefined && this.sessions().length === 0;
  }

  /** SIGKILL to sshd and the sessions; `stop` without the commands and without waiting. */
  kill(): void {
    const { pid } = this;
    if (pid !== undefined) signal([pid], 'SIGSTOP'); // it forks no more
    const sessions = this.sessions();
    signal(pid === undefined ? sessions : [pid, ...sessions], 'SIGKILL');
  }
}
