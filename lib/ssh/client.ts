// An ssh for each command: for an OpenSSH without the proxy mode of its masters, and servers that take one session a connection.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectionError } from './failure.ts';
import { ClientSession } from './clientSession.ts';
import { folder } from './folder.ts';
import type { Claim, ConnectionParts, Login } from './transport.ts';

/** Also those of other loops have their logs in the folder. */
let clients = 0;

/** Gives each claim an ssh of its own. */
export class Clients implements Login {
  readonly #parts: ConnectionParts;
  readonly #claims = new Set<Claim>();
  readonly #sessions = new Set<ClientSession>();
  /** A server greets each of them alike. */
  readonly #said = new Set<string>();
  #whenEnded: (() => void) | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  claim(claim: Claim): void {
    this.#parts.used();
    this.#claims.add(claim);
    queueMicrotask(() => {
      if (!this.#claims.delete(claim)) return;
      if (this.#whenEnded !== undefined) claim.failed(new ConnectionError('session', 'the connection was ended'));
      else this.#open(claim);
    });
  }

  withdraw(claim: Claim): boolean {
    return this.#claims.delete(claim);
  }

  async ready(): Promise<string> {
    return join(folder(), 'none');
  }

  reach(): undefined {}

  renew(): void {
    for (const session of this.#sessions) session.renew();
  }

  end(then: () => void): void {
    this.#whenEnded = then;
    for (const session of this.#sessions) session.close();
    if (this.#sessions.size === 0) then();
  }

  #open(claim: Claim): void {
    const log = join(folder(), `e${(clients++).toString(36)}`);
    const session = new ClientSession(claim, {
      ...this.#parts,
      log,
      takeLog: () => takeLog(log),
      said: (line) => {
        if (this.#said.has(line)) return;
        this.#said.add(line);
        this.#parts.said(line);
      },
      over: () => {
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) this.#whenEnded?.();
      },
    });
    this.#sessions.add(session);
    claim.opening(session);
    claim.events.opened();
  }
}

/** What ssh itself has said. */
function takeLog(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    return text;
  } catch {
    return '';
  }
}
