// Whether an sshd answers, for the price of a TCP connection: an `ssh` for each look costs a hundred times as much.
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/index.ts';
import { ConnectionError } from './failure.ts';
import type { Place } from './resolve.ts';
import type { Login } from './transport.ts';

/** A packet that nobody answers is sent again after 1 s: a new connection soon is better than an old one that backs off. */
const CONNECTING = 1500; // ms
/** Another host can't be told to give up, and has as many connections under way as it was asked for: few. */
const CONNECTING_FROM = 10_000; // ms
/** From there to the banner. */
const BANNER = 5000; // ms
/** What a server may say before its banner (RFC 4253 4.2). */
const PREFACE = 16_384;

/** A look under way. */
export interface Probing {
  /** Undefined: an sshd has shown its banner. The phase is 'resolve' where the name is not known. */
  readonly answer: Promise<ConnectionError | undefined>;
  /** At what. */
  readonly where: string;
  stop(): void;
}

/** Connects, and leaves at the first banner. */
export function probe({ address, port, family, from }: Place, clock: Clock): Probing {
  // Only here: importing it would be a part of what `import 'sluice'` takes.
  const { connect } = process.getBuiltinModule('node:net');
  let socket: Socket | undefined;
  const look = new Look(`${address} port ${port}`, clock, CONNECTING, () => socket?.destroy());
  try {
    socket = connect({ host: address, port, family, ...(from === undefined ? {} : { localAddress: from }) });
  } catch (error) {
    look.end(new ConnectionError('resolve', (error as Error).message));
    return look;
  }
  socket.on('connect', () => look.connected());
  socket.on('data', (chunk) => look.hear(chunk));
  socket.on('end', () => look.ended());
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTFOUND') look.end(new ConnectionError('resolve', `the name ${address} is not known`));
    else look.fail(SAYINGS[error.code ?? ''] ?? messageOf(error));
  });
  return look;
}

/** The same from another host, by the connection there; undefined where there is none. */
export function probeFrom(
  name: string,
  connection: Login,
  { address, port }: Place,
  clock: Clock,
): Probing | undefined {
  const ignore = (): void => {};
  const channel = connection.reach(
    { address, port },
    {
      opened: () => look.connected(),
      refused: (message) => look.fail(message.toLowerCase()),
      data(_stream, chunk) {
        channel!.taken(chunk.length);
        look.hear(chunk);
      },
      ended: () => look.ended(),
      closed: () => look.ended(),
      lost: (error) => look.fail(error.message),
      ...{ replied: ignore, exited: ignore, writable: ignore },
    },
  );
  if (channel === undefined) return undefined;
  const look = new Look(`${address} port ${port} from ${name}`, clock, CONNECTING_FROM, () => channel.close());
  return look;
}

/** What has been seen so far. */
class Look implements Probing {
  readonly answer: Promise<ConnectionError | undefined>;
  readonly end: (error?: ConnectionError) => void;
  readonly where: string;
  readonly #clock: Clock;
  #cancel: () => void;
  #said = '';

  /** `close` is called at its end. */
  constructor(where: string, clock: Clock, limit: number, close: () => void) {
    this.where = where;
    this.#clock = clock;
    let answer!: (error: ConnectionError | undefined) => void;
    this.answer = new Promise((resolve) => (answer = resolve));
    this.end = (error) => {
      this.#cancel();
      close();
      answer(error);
    };
    this.#cancel = clock.after(limit, () => this.fail('no answer'));
  }

  connected(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(BANNER, () => this.fail('connected, but no banner of an sshd came'));
  }
  hear(chunk: Buffer): void {
    this.#said += chunk.toString('latin1');
    if (/^SSH-/m.test(this.#said)) this.end();
    else if (this.#said.length > PREFACE) this.fail('something else than an sshd answers');
  }
  ended(): void {
    this.fail('connected, and closed without a banner');
  }
  fail(what: string): void {
    this.end(new ConnectionError('connect', `${this.where}: ${what}`));
  }
  stop(): void {
    this.fail('called off');
  }
}

const SAYINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'no answer',
  EAI_AGAIN: 'the name can not be looked up now',
};

/** Of several addresses, all failed: the error is an AggregateError without a message. */
function messageOf(error: Error & { errors?: readonly NodeJS.ErrnoException[] }): string {
  return error.message || (error.errors ?? []).map(({ message }) => message).join(', ') || 'no connection';
}
