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
  #over = false;

  constructor(name: string, words: readonly string[], spawner: Spawner, events: MasterEvents) {
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
      () => this.#begun(this.#child.stderr!),
      (exit) => {
        if (exit.type === 'error') this.#end(new ConnectionError('session', `ssh: ${exit.error.message}`));
        else this.#end(failureOf(this.#said, exit.type === 'exit' ? exit.exitCode : undefined));
      },
    );
  }

  /** Ends it; `gone` follows. */
  end(): void {
    this.#child.signal('SIGTERM');
  }

  #begun(stderr: OutputPipe): void {
    stderr.on('data', (chunk) => this.#hear(String(chunk)));
    if (this.#over) return;
    waiting.set(this.#name, () => void this.#connect());
    try {
      watcher ??= watch(folder(), { persistent: false }, (_event, name) => waiting.get(name!)?.());
    } catch {
      // No more watches: the timer has to do.
    }
    this.#timer = setInterval(() => existsSync(this.path) && void this.#connect(), LOOK);
    if (existsSync(this.path)) void this.#connect();
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
      const mux = await Mux.connect(this.path, () => this.end());
      this.#mux = mux;
      if (this.#over) mux.close();
      else this.#events.ready(mux);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#connecting = false;
      // It is made under another name first, but that is ssh's affair.
      if (code === 'ENOENT' || code === 'ECONNREFUSED') this.#timer ??= setTimeout(() => this.#again(), 5);
      else {
        this.end();
        this.#end(new ConnectionError('session', (error as Error).message));
      }
    }
  }

  #again(): void {
    this.#timer = undefined;
    void this.#connect();
  }

  #waitNoMore(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    waiting.delete(this.#name);
    if (waiting.size > 0) return;
    watcher?.close();
    watcher = undefined;
  }

  #end(error: ConnectionError): void {
    if (this.#over) return;
    this.#over = true;
    this.#waitNoMore();
    this.#child.release();
    const wasReady = this.#mux !== undefined;
    this.#mux?.close();
    if (this.#line !== '') this.#events.said(this.#line);
    this.#events.gone(wasReady ? new ConnectionError('lost', error.message) : error);
  }
}
