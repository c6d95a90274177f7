// One connection for all commands; an ssh for each as soon as it shows that the OpenSSH of this machine is too old for that.
import type { Channel, ChannelEvents, Destination } from './channel.ts';
import { Clients } from './client.ts';
import { Connection } from './connection.ts';
import { NoProxyMode } from './failure.ts';
import type { Claim, ConnectionParts, Login } from './transport.ts';

/** What is known of the ssh of this machine. */
export interface OwnSsh {
  /** It has shown that it is too old, here or on the way to another host. */
  readonly old: boolean;
  /** It shows that. */
  tooOld(): void;
}

/** The transport of those who have not said which. */
export class Fallback implements Login {
  readonly #connection: Connection;
  readonly #clients: Clients;
  readonly #own: OwnSsh;
  /** What the connection was given in the place of claims. */
  readonly #given = new Map<Claim, Claim>();
  /** It has opened channels. */
  #proven = false;

  constructor(parts: ConnectionParts, own: OwnSsh) {
    this.#connection = new Connection(parts);
    this.#clients = new Clients(parts);
    this.#own = own;
  }

  claim(claim: Claim): void {
    if (this.#own.old) this.#clients.claim(claim);
    else if (this.#proven) this.#connection.claim(claim);
    else {
      const given: Claim = {
        events: claim.events,
        opening: (channel) => {
          this.#proven = true;
          this.#given.delete(claim);
          claim.opening(channel);
        },
        failed: (error) => {
          this.#given.delete(claim);
          if (!(error instanceof NoProxyMode)) claim.failed(error);
          else {
            this.#own.tooOld();
            this.#clients.claim(claim);
          }
        },
      };
      this.#given.set(claim, given);
      this.#connection.claim(given);
    }
  }

  withdraw(claim: Claim): boolean {
    const given = this.#given.get(claim);
    this.#given.delete(claim);
    return this.#connection.withdraw(given ?? claim) || this.#clients.withdraw(claim);
  }

  async ready(): Promise<string> {
    if (this.#own.old) return this.#clients.ready();
    try {
      return await this.#connection.ready();
    } catch (error) {
      if (!(error instanceof NoProxyMode)) throw error;
      this.#own.tooOld();
      return this.#clients.ready();
    }
  }

  reach(to: Destination, events: ChannelEvents): Channel | undefined {
    return this.#connection.reach(to, events);
  }

  renew(): void {
    this.#connection.renew();
    this.#clients.renew();
  }

  end(then: () => void): void {
    this.#connection.end(() => this.#clients.end(then));
  }
}
