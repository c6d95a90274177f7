// The connection to a host, for all that one loop runs there: its master is started with the first command and again with the
// next after it was lost; channels that the server has no room for wait.
import type { Channel, ChannelEvents, Destination } from './channel.ts';
import { ConnectionError, retryAfter } from './failure.ts';
import { Master } from './master.ts';
import type { Mux } from './mux.ts';
import type { Claim, ConnectionParts, Login } from './transport.ts';

/** Commands that are being ended have this long for it, and are looked after so often. */
const LAST = 15_000; // ms
const LOOK = 5; // ms
/** The same for channels while none is open. */
const REFUSED = 5; // ms
const REFUSALS = 9;

const ended = (): ConnectionError => new ConnectionError('session', 'the connection was ended');

/** Also those of other loops have their sockets in the folder. */
let masters = 0;

/** A connection. */
export class Connection implements Login {
  readonly #parts: ConnectionParts;
  readonly #claims = new Set<Claim>();
  #master: Master | undefined;
  #mux: Mux | undefined;
  #starting = false;
  #ended = false;
  /** Logins that have failed since the last that has not. */
  #failures = 0;
  /** The login under way has been given up for another. */
  #anew = false;
  #whenEnded: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Asks for a channel. */
  claim(claim: Claim): void {
    if (this.#ended && !this.#serves(claim)) {
      queueMicrotask(() => claim.failed(ended()));
      return;
    }
    this.#claims.add(claim);
    this.#serve();
  }

  /** While it is being ended. */
  #serves(claim: Claim): boolean {
    return claim.ends === true && this.#mux !== undefined;
  }

  /** Wants none any more, if it has none yet. */
  withdraw(claim: Claim): boolean {
    return this.#claims.delete(claim);
  }

  /** The socket of its master, once that is there: others are reached through it. */
  ready(): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#mux !== undefined) resolve(this.#master!.path);
      else {
        this.#waiting.push({ resolve, reject });
        if (this.#ended) this.#fail(ended());
        else this.#start();
      }
    });
  }
  readonly #waiting: { resolve(path: string): void; reject(error: Error): void }[] = [];

  reach(to: Destination, events: ChannelEvents): Channel | undefined {
    return this.#mux?.reach(to, events);
  }

  renew(): void {
    if (this.#ended || this.#mux !== undefined) return;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#start();
    } else if (this.#master !== undefined) {
      this.#anew = true;
      this.#master.end();
    }
  }

  /** Ends it; `then` is called when its master is gone. Those that have a channel are being ended too, by it: they come first. */
  end(then: () => void): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#fail(ended(), (claim) => !this.#serves(claim));
    if (this.#master === undefined && !this.#starting) then();
    else {
      this.#whenEnded = then;
      this.#last = Date.now() + LAST;
      this.#leave();
    }
  }
  #last = 0;

  #leave(): void {
    clearTimeout(this.#timer);
    if (this.#mux?.wanted !== true || Date.now() > this.#last) this.#master?.end();
    else this.#timer = setTimeout(() => this.#leave(), LOOK);
  }

  #serve(): void {
    const mux = this.#mux;
    if (mux === undefined) {
      if (this.#claims.size > 0) this.#start();
      return;
    }
    for (const claim of this.#claims) {
      if (this.#full) {
        this.#wait();
        return;
      }
      this.#claims.delete(claim);
      this.#open(mux, claim);
    }
  }

  /** The server has refused a channel while others were open, or just were. */
  #full = false;
  #refusals = 0;

  /** The server has no room for those that want a channel. */
  #wait(): void {
    this.#parts.crowded();
    for (const claim of this.#claims) claim.waits?.();
  }

  #open(mux: Mux, claim: Claim): void {
    const { events } = claim;
    const over = (): void => {
      this.#full = false;
      if (mux.channels === 0) mux.unref();
      this.#serve();
    };
    mux.ref();
    claim.opening(
      mux.open({
        opened: () => {
          this.#refusals = 0;
          events.opened();
        },
        replied: (success) => events.replied(success),
        data: (stream, chunk) => events.data(stream, chunk),
        ended: () => events.ended(),
        exited: (exitCode, signal) => events.exited(exitCode, signal),
        writable: () => events.writable(),
        lost: (error) => events.lost(error),
        closed: () => {
          events.closed();
          over();
        },
        refused: (message) => {
          // MaxSessions: it goes with the next that is closed.
          if (mux.channels > 0) {
            this.#full = true;
            this.#claims.add(claim);
            this.#wait();
          } else if (this.#mux === mux && ++this.#refusals < REFUSALS) {
            // A server may not have forgotten yet those that it has closed.
            this.#full = true;
            this.#claims.add(claim);
            setTimeout(over, REFUSED * 2 ** this.#refusals);
          } else {
            this.#refusals = 0;
            events.refused(message);
            over();
          }
        },
      }),
    );
  }

  #start(): void {
    if (this.#starting || this.#master !== undefined || this.#timer !== undefined) return;
    this.#starting = true;
    this.#parts.used();
    this.#parts.words().then(
      (words) => this.#parts.handshake((over) => this.#begin(words, over)),
      (error: ConnectionError) => {
        this.#starting = false;
        this.#gone(error);
      },
    );
  }

  #begin(words: readonly string[], over: () => void): void {
    this.#starting = false;
    if (this.#ended) {
      over();
      this.#whenEnded?.();
      return;
    }
    let waits = true;
    const settled = (): void => {
      if (waits) over();
      waits = false;
    };
    this.#master = new Master(`m${(masters++).toString(36)}`, words, this.#parts.limit, this.#parts.spawner, {
      ready: (mux) => {
        settled();
        if (this.#anew) return;
        this.#failures = 0;
        this.#mux = mux;
        for (const { resolve } of this.#waiting.splice(0)) resolve(this.#master!.path);
        if (this.#claims.size === 0) mux.unref();
        this.#serve();
      },
      closing: () => {
        this.#mux = undefined;
      },
      gone: (error) => {
        settled();
        this.#master = undefined;
        this.#mux = undefined;
        this.#full = false;
        this.#gone(error);
      },
      said: (line) => this.#parts.said(line),
    });
  }

  #gone(error: ConnectionError): void {
    if (this.#ended) {
      this.#fail(error);
      this.#whenEnded?.();
      return;
    }
    const anew = this.#anew;
    this.#anew = false;
    if (anew || error.phase === 'lost') {
      // Who has a channel was told by it; who waits for one has not been sent anything.
      if (this.#waiting.length > 0) this.#start();
      this.#serve();
      return;
    }
    const wait = retryAfter(error, ++this.#failures);
    if (wait !== undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#start();
      }, wait);
    } else {
      this.#failures = 0;
      this.#fail(error);
    }
  }

  #fail(error: ConnectionError, whom: (claim: Claim) => boolean = () => true): void {
    const claims = [...this.#claims].filter(whom);
    for (const claim of claims) this.#claims.delete(claim);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    for (const claim of claims) claim.failed(error);
  }
}
