// What carries commands to a host: channels of one connection (connection.ts), or an ssh for each (client.ts).
import type { Claim } from './connection.ts';

/** Gives channels. */
export interface Transport {
  /** The user's login shell is known to read our texts as sh does. */
  readonly sh: boolean;
  claim(claim: Claim): void;
  withdraw(claim: Claim): boolean;
  /** The socket by which others can use the connection; where there is none, a path at which there is nothing. */
  ready(): Promise<string>;
  /** Ends it; `then` is called when nothing of it is left. */
  end(then: () => void): void;
}
