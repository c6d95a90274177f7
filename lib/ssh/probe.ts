// Whether an sshd answers, for the price of a TCP connection: an `ssh` for each look costs a hundred times as much.
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/index.ts';
import { ConnectionError } from './failure.ts';
import type { Place } from './resolve.ts';

/** A packet that nobody answers is sent again after 1 s: a new connection soon is better than an old one that backs off. */
const CONNECTING = 3000; // ms
/** From there to the banner. */
const BANNER = 5000; // ms
/** What a server may say before its banner (RFC 4253 4.2). */
const PREFACE = 16_384;

/** A look under way. */
export interface Probing {
  /** Undefined: an sshd has shown its banner. The phase is 'resolve' where the name is not known. */
  readonly answer: Promise<ConnectionError | undefined>;
  stop(): void;
}

/** Connects, and leaves at the first banner. */
export function probe({ address, port, family, from }: Place, clock: Clock): Probing {
  // Only here: importing it would be a part of what `import 'sluice'` takes.
  const { connect } = process.getBuiltinModule('node:net');
  const where = `${address} port ${port}`;
  let end!: (error?: ConnectionError) => void;
  let socket: Socket | undefined;
  const answer = new Promise<ConnectionError | undefined>((resolve) => {
    end = (error) => {
      cancel();
      socket?.destroy();
      resolve(error);
    };
  });
  const fail = (what: string): void => end(new ConnectionError('connect', `${where}: ${what}`));
  const limit = (ms: number, what: string): (() => void) => clock.after(ms, () => fail(what));
  let cancel = limit(CONNECTING, 'no answer');
  try {
    socket = connect({ host: address, port, family, ...(from === undefined ? {} : { localAddress: from }) });
  } catch (error) {
    end(new ConnectionError('resolve', (error as Error).message));
    return { answer, stop() {} };
  }
  let said = '';
  socket.on('connect', () => {
    cancel();
    cancel = limit(BANNER, 'connected, but no banner of an sshd came');
  });
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
    if (/^SSH-/m.test(said)) end();
    else if (said.length > PREFACE) fail('something else than an sshd answers');
  });
  socket.on('end', () => fail('connected, and closed without a banner'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTFOUND') end(new ConnectionError('resolve', `the name ${address} is not known`));
    else fail(SAYINGS[error.code ?? ''] ?? messageOf(error));
  });
  return { answer, stop: () => fail('called off') };
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
