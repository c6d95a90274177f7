import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { puppetProgram, type Hello, type Order, type Said } from './puppetProgram.ts';

/** A real program that the test leads: it writes, reads, exits and dies when it is told to, and at no other time. */
export interface Puppet {
  /** To start it: `program(puppet.command)`; more words are its `args`. It may be started many times. */
  readonly command: readonly [string, ...string[]];
  /** How many have been started so far (grandchildren too). */
  readonly count: number;
  /** The first, or n-th, that is started. */
  started(n?: number): Promise<PuppetRun>;
  /** Kills what is left. With `puppet(t)` it is called when the test ends. */
  close(): Promise<void>;
}

/** A puppet that runs. What it is told resolves when it is done; it rejects when the puppet has ended first. */
export interface PuppetRun extends Hello {
  /** The signals that it got so far. Those that would end it do, unless ignored. */
  readonly signals: readonly NodeJS.Signals[];
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  /** Writes text (as it is: without a newline of its own) or bytes. Rejects with EPIPE when nobody reads. */
  stdout(text: string | Uint8Array): Promise<void>;
  stderr(text: string | Uint8Array): Promise<void>;
  /** The next line of its stdin; undefined at the end. */
  readLine(): Promise<string | undefined>;
  /** Closes a stream of its own. */
  close(stream: 'stdin' | 'stdout' | 'stderr'): Promise<void>;
  /** Lives through these signals, and still tells of them. */
  ignore(...signals: NodeJS.Signals[]): Promise<void>;
  /** Resolves when it got this signal, at once if it did before. */
  gotSignal(signal: NodeJS.Signals): Promise<void>;
  /** Starts a child of its own, a puppet too, which holds the given streams. Default: stdout and stderr. */
  grandchild(options?: GrandchildOptions): Promise<PuppetRun>;
  exit(code?: number): Promise<void>;
  die(signal: NodeJS.Signals): Promise<void>;
}

/** How a puppet starts another. */
export interface GrandchildOptions {
  readonly holds?: readonly ('stdin' | 'stdout' | 'stderr')[];
  /** In a session of its own. Default false: it is in the group of its parent. */
  readonly detached?: boolean;
  readonly args?: readonly string[];
}

/** The test that a puppet belongs to: tap's `t`, or node:test's. */
export interface Owner {
  teardown?(then: () => Promise<void>): unknown;
  after?(then: () => Promise<void>): unknown;
}

/**
 * Makes a puppet (idea: the rig of wireit's tests). Nothing is waited for by sleeping:
 *
 * ```ts
 * const maker = await puppet(t);
 * const loop = runCommandGens([program(maker.command)]);
 * const p = await maker.started();
 * await p.stdout('half a li');
 * p.exit(3);
 * ```
 */
export async function puppet(owner?: Owner): Promise<Puppet> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-puppet-'));
  const made = new Strings(folder);
  const close = (): Promise<void> => made.close();
  if (owner?.teardown !== undefined) owner.teardown(close);
  else owner?.after?.(close);
  await made.listening;
  return made;
}

const FDS = { stdin: 0, stdout: 1, stderr: 2 };

class Strings implements Puppet {
  readonly command: readonly [string, ...string[]];
  readonly listening: Promise<void>;
  readonly #folder: string;
  readonly #server: Server;
  readonly #runs: Run[] = [];
  readonly #waiters: { readonly n: number; readonly resolve: (run: PuppetRun) => void }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    const path = join(folder, 'strings');
    const program = join(folder, 'puppet.cjs');
    writeFileSync(program, `(${puppetProgram.toString()})();\n`);
    this.command = [process.execPath, program];
    this.#server = createServer((socket) => {
      new Run(socket, this);
    });
    this.listening = new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
  }
  get count(): number {
    return this.#runs.length;
  }
  async started(n = 1): Promise<PuppetRun> {
    return this.#runs[n - 1] ?? new Promise((resolve) => this.#waiters.push({ n, resolve }));
  }
  async withPid(pid: number): Promise<PuppetRun> {
    for (let n = 1; ; n++) {
      const run = await this.started(n);
      if (run.pid === pid) return run;
    }
  }
  add(run: Run): void {
    this.#runs.push(run);
    for (const { n, resolve } of this.#waiters) if (n === this.#runs.length) resolve(run);
  }
  async close(): Promise<void> {
    this.#server.close();
    for (const run of this.#runs) run.kill();
    await Promise.all(this.#runs.map((run) => run.ended));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Answer {
  resolve(value: Extract<Said, { id: number }>['value']): void;
  reject(error: Error): void;
}
/** An order without its number. */
type Asked = Order extends infer O ? (O extends Order ? Omit<O, 'id'> : never) : never;

class Run implements PuppetRun {
  declare readonly pid: number;
  declare readonly ppid: number;
  declare readonly cwd: string;
  declare readonly args: readonly string[];
  declare readonly env: Hello['env'];
  readonly signals: NodeJS.Signals[] = [];
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #strings: Strings;
  readonly #answers = new Map<number, Answer>();
  readonly #waiting: { readonly signal: NodeJS.Signals; readonly resolve: () => void }[] = [];
  #orders = 0;
  #over = false;

  constructor(socket: Socket, strings: Strings) {
    this.#socket = socket;
    this.#strings = strings;
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) this.#hear(JSON.parse(line) as Said);
    });
    socket.on('error', () => {}); // it was killed while it spoke
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.ended.then(() => {
      this.#over = true;
      for (const { reject } of this.#answers.values()) reject(new Error(`the puppet ${this.pid} has ended`));
    });
  }

  #hear(said: Said): void {
    if ('hello' in said) {
      Object.assign(this, said.hello);
      this.#strings.add(this);
    } else if ('signal' in said) {
      this.signals.push(said.signal);
      for (const { signal, resolve } of this.#waiting) if (signal === said.signal) resolve();
    } else {
      const { resolve, reject } = this.#answers.get(said.id)!;
      this.#answers.delete(said.id);
      if (said.error === undefined) resolve(said.value);
      else reject(new Error(said.error));
    }
  }
  #ask(order: Asked): Promise<Extract<Said, { id: number }>['value']> {
    if (this.#over) return Promise.reject(new Error(`the puppet ${this.pid} has ended`));
    const id = ++this.#orders;
    this.#socket.write(`${JSON.stringify({ ...order, id })}\n`);
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
  }
  async #write(fd: number, text: string | Uint8Array): Promise<void> {
    await this.#ask({ do: 'write', fd, text: Buffer.from(text as string).toString('base64') });
  }

  stdout(text: string | Uint8Array): Promise<void> {
    return this.#write(1, text);
  }
  stderr(text: string | Uint8Array): Promise<void> {
    return this.#write(2, text);
  }
  async readLine(): Promise<string | undefined> {
    return ((await this.#ask({ do: 'readLine' })) as string | null) ?? undefined;
  }
  async close(stream: 'stdin' | 'stdout' | 'stderr'): Promise<void> {
    await this.#ask({ do: 'close', fd: FDS[stream] });
  }
  async ignore(...signals: NodeJS.Signals[]): Promise<void> {
    await this.#ask({ do: 'ignore', signals });
  }
  async gotSignal(signal: NodeJS.Signals): Promise<void> {
    if (this.signals.includes(signal)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ signal, resolve }));
  }
  async grandchild(options: GrandchildOptions = {}): Promise<PuppetRun> {
    const { holds = ['stdout', 'stderr'], detached = false, args = [] } = options;
    const pid = await this.#ask({ do: 'grandchild', detached, args, fds: holds.map((stream) => FDS[stream]) });
    return this.#strings.withPid(pid as number);
  }
  exit(code = 0): Promise<void> {
    return this.#last({ do: 'exit', code });
  }
  die(signal: NodeJS.Signals): Promise<void> {
    return this.#last({ do: 'die', signal });
  }
  /** An order that is answered by the end. */
  #last(order: Asked): Promise<void> {
    if (!this.#over) this.#ask(order).catch(() => {});
    return this.ended;
  }
  kill(): void {
    if (this.#over) return;
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It ends just now.
    }
    this.#socket.destroy();
  }
}
