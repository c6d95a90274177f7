// What carries commands to a host: channels of one connection (connection.ts), or an ssh for each (client.ts).
import { existsSync } from 'node:fs';
import type { Spawner } from '../kernel/index.ts';
import type { Channel, ChannelEvents, Destination } from './channel.ts';
import { ConnectionError } from './failure.ts';

/** What one who wants a channel is told. */
export interface Claim {
  readonly events: ChannelEvents;
  /** It ends what has another channel: it is taken also while the connection is being ended. */
  readonly ends?: true;
  /** The server has no room for it yet; may be told again. */
  waits?(): void;
  /** It is being opened. */
  opening(channel: Channel): void;
  /** There is no connection; nothing was sent. */
  failed(error: ConnectionError): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  /** The words of ssh, once it can be known how the host is reached. */
  words(): Promise<readonly string[]>;
  readonly spawner: Spawner;
  /** Milliseconds to log in. */
  readonly limit: number;
  /** Waits for its turn to log in; to be called with whom to tell, who says when it is over. */
  handshake(begin: (over: () => void) => void): void;
  /** It is used: somebody has to end it. May be told again. */
  used(): void;
  /** The server has no room for more: who holds a channel that isn't used now is to give it up. */
  crowded(): void;
  said(line: string): void;
}

/** Gives channels. */
export interface Transport {
  claim(claim: Claim): void;
  withdraw(claim: Claim): boolean;
  /** The socket by which others can use the connection; where there is none, a path at which there is nothing. */
  ready(): Promise<string>;
  /** Ends it; `then` is called when nothing of it is left. */
  end(then: () => void): void;
}

/** The transport under all others of a host. */
export interface Login extends Transport {
  /** A way from there to a port; undefined where there is none, or none yet. */
  reach(to: Destination, events: ChannelEvents): Channel | undefined;
  /** The host can be reached only now: logins that hang, or wait to be tried again, begin anew. */
  renew(): void;
}

/** The socket of a connection that is shared. Rejects with a ConnectionError where there is none. */
export async function sharedBy(transport: Transport): Promise<string> {
  const path = await transport.ready();
  if (existsSync(path)) return path;
  const why = "the transport is 'client', or OpenSSH here is older than 7.4";
  throw new ConnectionError('session', `there is no connection that could be shared: ${why}`);
}
