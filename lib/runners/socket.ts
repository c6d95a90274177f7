// socket(address, options): a client of a TCP or unix socket: the options and what they mean. Its life is in
// connection.ts.
import { isIP } from 'node:net';
import {
  bytes,
  createRunner,
  milliseconds,
  type Duration,
  type Json,
  type Runner,
  type Size,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { Connection } from './connection.ts';
import { checkInput, inputOnce, type Input } from './input.ts';
import { discard } from './reader.ts';

/** Where to connect to: a TCP port (`host` is 'localhost' by default), or the path of a unix socket. */
export type SocketAddress =
  | { readonly host?: string | undefined; readonly port: number }
  /** Relative to the surrounding folder (`within`'s cwd, else Node's own). */
  | { readonly path: string };

/** How a socket is used. */
export interface SocketOptions {
  /** Called with each line, without its newline, inside a turn; one that throws fails the run with the reason `callback`. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** What is sent once it is connected, as it is. Default: nothing, and our side stays open for `run.send(line)`. */
  readonly input?: Input | undefined;
  /** Half-closes our side after the input. Default true. */
  readonly end?: boolean | undefined;
  /** How long finding and reaching the other side may take. Default '10s'. */
  readonly connectTimeout?: Duration | undefined;
  /** The longest line, in bytes; a longer one fails the run with the reason `overflow`. Default '16MiB'. */
  readonly maxLine?: Size | undefined;
  /** 'utf8' (default; invalid bytes become U+FFFD) or 'latin1' (a character for each byte). */
  readonly encoding?: 'utf8' | 'latin1' | undefined;
  /** How much of what was read its result has; the tail is kept. false: nothing. Default '16MiB'; nothing with `onLine`, or when it is read by `for await`. */
  readonly capture?: Size | false | undefined;
  /** What reports print in front of its lines. Default: 'socket' and the address. */
  readonly label?: string | undefined;
}

/** What a socket gives. */
export interface SocketResult {
  /** What was read, less one final newline; '' where it wasn't captured. */
  readonly text: string;
  /** Bytes of `text` that were dropped from its front. */
  readonly truncated: number;
  readonly bytesRead: number;
  /** Bytes that were given to the system; whether the other side has read them, only its answer can tell. */
  readonly bytesWritten: number;
  /** From its start to its end, in milliseconds. */
  readonly ms: number;
}

const KNOWN: readonly string[] = [
  'onLine',
  'input',
  'end',
  'connectTimeout',
  'maxLine',
  'encoding',
  'capture',
  'label',
] satisfies (keyof SocketOptions)[];

/**
 * Connects to a TCP port or a unix socket, and reads what comes line by line; the name of the stream is 'socket'.
 *
 * Our side ends after the `input`, by `run.end()`, or when the other side has ended; it settles when both have. `run.send`
 * takes a string, which becomes a line, or bytes as they are; nobody waits for what was sent to be taken, which an
 * `input` does. A pause reads nothing and takes nothing from the input. A kill destroys the connection.
 *
 * Fails with a RunError `connection` (`phase`: 'resolve', 'connect' or 'lost'; `sent`: whether anything may have reached the
 * other side), `overflow`, `callback`, `stream` when the source of the input fails, `file` when its file can't be read.
 * A write that fails after the other side has ended is a note: its answer was complete. Throws a TypeError for a wrong
 * address or option. No TLS.
 */
export function socket(address: SocketAddress, options: SocketOptions = {}): Runner<SocketResult> {
  const target = checkAddress(address);
  const settings = settingsOf(target, options);
  const once = inputOnce(options.input);
  let used = false;
  return createRunner<SocketResult>({
    spec: { type: 'socket', ...target, ...(options.input === undefined ? {} : { input: 'given' }) },
    label: settings.label,
    leaf: true,
    dry: () => ({ text: '', truncated: 0, bytesRead: 0, bytesWritten: 0, ms: 0 }),
    ...(once === undefined ? {} : { once }),
    discard() {
      if (!used) discard(options.input);
    },
    start(sink, context) {
      if (used && once !== undefined) throw new TypeError(`socket: ${once}`);
      used = true;
      return new Connection(target, settings, sink, context as unknown as RunRecord);
    },
  });
}

/** An address, checked. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

function checkAddress(address: unknown): Target & Record<string, Json> {
  if (typeof address !== 'object' || address === null)
    throw new TypeError(`socket: expected { host, port } or { path }, got ${show(address)}`);
  const { host = 'localhost', port, path } = address as { host?: unknown; port?: unknown; path?: unknown };
  if (path !== undefined) {
    if (port !== undefined || 'host' in address) throw new TypeError('socket: give either { host, port } or { path }');
    // A NUL in front names a socket without a file, on Linux.
    if (typeof path !== 'string' || path === '' || path.indexOf('\0', 1) !== -1)
      throw new TypeError(`socket: expected the path of a unix socket, got ${show(path)}`);
    return { path };
  }
  if (typeof host !== 'string' || host === '') throw new TypeError(`socket: expected a host, got ${show(host)}`);
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TypeError(`socket: expected a port from 1 to 65535, got ${show(port)}`);
  return { host, port };
}

/** Options, checked and in the units of the code. */
export interface Settings {
  readonly options: SocketOptions;
  readonly label: string;
  /** The address in one word, for people. */
  readonly name: string;
  readonly connectTimeout: number;
  readonly maxLine: number;
  readonly capture: number | undefined;
}

function settingsOf(target: Target, options: SocketOptions): Settings {
  checkOptions('socket', options, KNOWN);
  const { onLine, input, connectTimeout = '10s', maxLine = '16MiB', encoding, capture, label } = options;
  if (onLine !== undefined && typeof onLine !== 'function')
    throw new TypeError(`socket: onLine is a function, got ${show(onLine)}`);
  if (input !== undefined) checkInput(input, 'socket: input');
  if (encoding !== undefined && encoding !== 'utf8' && encoding !== 'latin1')
    throw new TypeError(`socket: encoding '${String(encoding)}' is neither 'utf8' nor 'latin1'`);
  const name = nameOf(target);
  return {
    options,
    label: label ?? `socket ${name}`,
    name,
    connectTimeout: milliseconds(connectTimeout, 'socket: connectTimeout'),
    maxLine: bytes(maxLine, 'socket: maxLine'),
    capture: capture === undefined ? undefined : capture === false ? 0 : bytes(capture, 'socket: capture'),
  };
}

function nameOf(target: Target): string {
  if ('path' in target) return target.path.replace('\0', '@');
  return isIP(target.host) === 6 ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}
