// Forwardings of a master: asked for and taken back by its control socket. A master has each once, whoever asks for it: those who
// ask for the same share it here, or the first to leave would take it from the others.
import { lstatSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { systemClock } from '../kernel/index.ts';
import { defaultSpawner } from '../kernel/scope.ts';
import { ask, type Answer } from './ask.ts';
import { ConnectionError } from './failure.ts';

/** An end of a forwarding: a port at an address, or a socket's path. */
export type End = { readonly host: string; readonly port: number } | { readonly path: string };

/** What is forwarded. Without `to` it is a SOCKS proxy. */
export interface Forwarding {
  /** Listens on the other machine. */
  readonly reverse: boolean;
  readonly listen: End;
  readonly to: End | undefined;
}

/** A forwarding that is held. */
export interface Held {
  /** Where it listens. */
  readonly listens: End;
  /** Once nobody holds it, it ends. */
  release(): Promise<void>;
}

interface Shared {
  holders: number;
  readonly opened: Promise<End>;
  closed: Promise<unknown> | undefined;
}

const shared = new Map<string, Shared>();
/** Somebody else may take a free port before ssh does. */
const TRIES = 5;
/** A master that hangs is left alone. */
const PATIENCE = 5000; // ms

/** Asks a master, by its socket. Rejects with a ConnectionError. */
export async function forward(socket: string, forwarding: Forwarding): Promise<Held> {
  const { listen, reverse } = forwarding;
  const free = !reverse && 'port' in listen && listen.port === 0;
  if (!free) return hold(socket, forwarding);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(listen.host);
    try {
      return await hold(socket, { ...forwarding, listen: { host: listen.host, port } });
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

async function hold(socket: string, forwarding: Forwarding): Promise<Held> {
  const words = wordsOf(forwarding);
  const key = [socket, ...words].join('\0');
  let entry = shared.get(key);
  while (entry?.closed !== undefined) {
    await entry.closed;
    entry = shared.get(key);
  }
  if (entry === undefined) {
    entry = { holders: 0, opened: open(socket, forwarding), closed: undefined };
    shared.set(key, entry);
  }
  const own = entry;
  own.holders++;
  let listens: End;
  try {
    listens = await own.opened;
  } catch (error) {
    if (shared.get(key) === own) shared.delete(key);
    throw error;
  }
  let over: Promise<unknown> | undefined;
  return {
    listens,
    async release() {
      if (over === undefined && --own.holders === 0)
        own.closed = over = command(socket, 'cancel', words).then(() => {
          shared.delete(key);
          // ssh leaves it behind.
          if (!forwarding.reverse && 'path' in listens) removeSocket(listens.path);
        });
      await (over ??= Promise.resolve());
    },
  };
}

async function open(socket: string, forwarding: Forwarding): Promise<End> {
  const { exit, stdout, stderr } = await command(socket, 'forward', wordsOf(forwarding));
  if (exit.type !== 'exit') throw new ConnectionError('session', exit.error.message);
  if (exit.exitCode !== 0) throw new ConnectionError('session', stderr.trim() || 'ssh forwards nothing');
  const { listen } = forwarding;
  return 'port' in listen && listen.port === 0 ? { host: listen.host, port: Number(stdout) } : listen;
}

async function command(socket: string, what: 'forward' | 'cancel', words: readonly string[]): Promise<Answer> {
  const argv = ['ssh', '-F', 'none', '-S', socket, '-O', what, ...words, '--', 'forwarding'] as const;
  const { answer, stop } = ask(defaultSpawner(), systemClock, argv, { cwd: '/' });
  const cancel = systemClock.after(PATIENCE, stop);
  return answer.finally(cancel);
}

function wordsOf({ reverse, listen, to }: Forwarding): string[] {
  if (to === undefined) return ['-D', textOf(listen)];
  return [reverse ? '-R' : '-L', `${textOf(listen)}:${textOf(to)}`];
}

function textOf(end: End): string {
  if ('path' in end) return end.path.replace(/[\\:]/g, '\\$&');
  return `${end.host.includes(':') ? `[${end.host}]` : end.host}:${end.port}`;
}

function freePort(host: string): Promise<number> {
  const { createServer } = process.getBuiltinModule('node:net');
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new ConnectionError('session', error.message)));
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function removeSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) rmSync(path);
  } catch {
    // It has gone.
  }
}

/** Calls back once a master has gone, of which nobody else tells who has no channel. The result takes that back. */
export function watchMaster(path: string, gone: () => void): () => void {
  const socket: Socket = process.getBuiltinModule('node:net').connect(path);
  let over = false;
  socket.resume();
  socket.on('error', () => {});
  socket.on('close', () => {
    if (!over) gone();
  });
  return () => {
    over = true;
    socket.destroy();
  };
}
