// A master: the `ssh -M -N` of one host, which logs in, keeps the connection and opens channels for us (mux.ts).
import { watch, existsSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { Child, OutputPipe, Spawner } from '../kernel/index.ts';
import { ConnectionError, failureOf } from './failure.ts';
import { folder } from './folder.ts';
import { Mux } from './mux.ts';

/** What a master tells. */
export interface MasterEvents {
  /** It has logged in. */
  ready(mux: Mux): void;
  /** It takes no more channels; those that are open are told with `gone`. */
  closing(): void;
  /** It could not log in, or is gone: once. */
  gone(error: ConnectionError): void;
  /** What the server or ssh itself says: banners, warnings. */
  said(line: string): void;
}

/** How much of what it says is kept. */
const SAID = 16_384;
/** Where the folder can't be watched. */
const LOOK = 100; // ms

/** Those that wait for their sockets, by the name in the folder. */
const waiting = new Map<string, () => void>();
let watcher: FSWatcher | undefined;

/** Once it has ended or is lost, this long for its last words. */
const LAST_WORDS = 500; // ms

/** Starts an ssh for the words of wordsOf(); `name` is its socket's in the folder. */
export class Master {
  readonly path: string;
  readonly #name: string;
  readonly #child: Child;
  readonly #events: MasterEvents;
  #said = '';
  #line = '';
  #mux: Mux | undefined;
  #connecting = false;
  #timer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** Why it is being ended, where that is not what it says itself. */
  #reason: ConnectionError | undefined;
  /** Its exit and the end of its stderr. */
  #open = 2;
  #exitCode: number | undefined;
  #over = false;

  /** `limit`: milliseconds to log in. */
  constructor(name: string, words: readonly string[], limit: number, spawner: Spawner, events: MasterEvents) {
    this.#name = name;
    this.path = join(folder(), name);
    this.#events = events;
    this.#child = spawner.spawn(
      {
        argv: ['ssh', '-M', '-N', '-S', this.path, ...words],
        cwd: '/',
        env: undefined,
        ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', session: true },
      },
      () => this.#begun(this.#child.stderr!, limit),
      (exit) => {
        if (exit.type === 'exit') this.#exitCode = exit.exitCode;
        else this.#reason ??= new ConnectionError('session', `ssh: ${exit.error.message}`);
        if (this.#child.stderr === undefined) this.#open--;
        this.#closed();
      },
    );
  }

  /** Ends it; `gone` follows. */
  end(): void {
    this.#reason ??= new ConnectionError(this.#mux === undefined ? 'session' : 'lost', 'the connection was ended');
    this.#terminate();
  }

  #terminate(): void {
    const { pid } = this.#child;
    if (this.#mux === undefined || pid === undefined) this.#child.signal('SIGTERM');
    // It ends its ProxyCommand itself. To look for more processes takes a look at all there are, for each of many hosts.
    else if (!this.#terminated)
      try {
        process.kill(pid, 'SIGTERM');
      } catch {
        // It has ended.
      }
    this.#terminated = true;
  }
  #terminated = false;

  #begun(stderr: OutputPipe, limit: number): void {
    stderr.on('data', (chunk) => this.#hear(String(chunk)));
    stderr.on('close', () => this.#closed());
    if (this.#reason !== undefined) return;
    this.#deadline = setTimeout(() => this.#late(limit), limit);
    waiting.set(this.#name, () => void this.#connect());
    try {
      watcher ??= watch(folder(), { persistent: false }, (_event, name) => waiting.get(name!)?.());
    } catch {
      // No more watches: the timer has to do.
    }
    this.#timer = setInterval(() => existsSync(this.path) && void this.#connect(), LOOK);
    if (existsSync(this.path)) void this.#connect();
  }

  #late(limit: number): void {
    this.#reason ??= new ConnectionError('session', `it has not logged in within ${limit} ms`);
    this.#child.signal('SIGTERM');
  }

  #hear(text: string): void {
    this.#said = (this.#said + text).slice(-SAID);
    const lines = (this.#line + text).split(/\r?\n/);
    this.#line = lines.pop()!;
    for (const line of lines) if (line !== '') this.#events.said(line);
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#over) return;
    this.#connecting = true;
    this.#waitNoMore();
    try {
      const mux = await Mux.connect(this.path, () => this.#lost());
      clearTimeout(this.#deadline);
      this.#mux = mux;
      this.#said = '';
      if (this.#over) mux.fail(this.#reason!);
      else this.#events.ready(mux);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#connecting = false;
      // It is made under another name first, but that is ssh's affair.
      if (code === 'ENOENT' || code === 'ECONNREFUSED') this.#timer ??= setTimeout(() => this.#again(), 5);
      else {
        this.#reason ??=
          error instanceof ConnectionError ? error : new ConnectionError('session', (error as Error).message);
        this.#child.signal('SIGTERM');
      }
    }
  }

  #again(): void {
    this.#timer = undefined;
    void this.#connect();
  }

  /** Its socket is closed: it will say why as it ends. */
  #lost(): void {
    if (this.#over) return;
    this.#events.closing();
    this.#terminate();
    this.#timer = setTimeout(() => this.#end(), LAST_WORDS);
  }

  #waitNoMore(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    waiting.delete(this.#name);
    if (waiting.size > 0) return;
    watcher?.close();
    watcher = undefined;
  }

  #closed(): void {
    if (--this.#open === 0) this.#end();
    else if (this.#exitCode !== undefined) this.#timer ??= setTimeout(() => this.#end(), LAST_WORDS);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waitNoMore();
    clearTimeout(this.#deadline);
    this.#child.release();
    if (this.#line !== '') this.#events.said(this.#line);
    const mux = this.#mux;
    let error = this.#reason ?? failureOf(this.#said, this.#exitCode);
    if (mux !== undefined) {
      error = new ConnectionError('lost', error.message);
      mux.fail(error);
    }
    this.#events.gone(error);
  }
}
