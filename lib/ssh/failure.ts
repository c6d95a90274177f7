// Why a connection failed, from what ssh says: it has one exit code for everything.
import type { Reason } from '../kernel/index.ts';

/** Where a connection failed. */
export type Phase = 'resolve' | 'connect' | 'host key' | 'auth' | 'session' | 'lost';

/** A connection that failed. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly phase: Phase;
  /** Whether trying again at once may help: the server had too many at the same time. */
  readonly busy: boolean;

  constructor(phase: Phase, message: string, busy = false) {
    super(message);
    this.phase = phase;
    this.busy = busy;
  }

  /** Of the run that it fails. */
  reason(sent: 'no' | 'maybe'): Reason {
    return { type: 'connection', phase: this.phase, sent };
  }
}

/** The OpenSSH of this machine is too old for the transport `mux`. */
export class NoProxyMode extends ConnectionError {
  constructor(why: string) {
    super(
      'session',
      `ssh here has no proxy mode, which transport 'mux' needs (OpenSSH 7.4 has it): ${why}; leave transport out, or say 'client'`,
    );
  }
}

/** A server drops connections when too many log in at once: tried again after this, and twice as long each time. */
const BACKOFF = 200; // ms
const TRIES = 6;

/** Milliseconds until a login is tried again that has failed so often; undefined where that is of no use. */
export function retryAfter(error: ConnectionError, failures: number): number | undefined {
  if (!error.busy || failures >= TRIES) return undefined;
  return BACKOFF * 2 ** (failures - 1) * (0.5 + Math.random());
}

/** The first that is found in what ssh said decides. */
const SAYINGS: readonly (readonly [phase: Phase, saying: RegExp])[] = [
  ['resolve', /Could not resolve hostname/i],
  [
    'host key',
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known|no matching host key type/i,
  ],
  [
    'auth',
    /Permission denied|Too many authentication failures|no mutual signature|Enter passphrase|sign_and_send_pubkey: signing failed/i,
  ],
  [
    'connect',
    /connect to host|Connection (?:refused|timed out|closed|reset)|kex_exchange_identification|banner exchange|Network is unreachable|No route to host|stdio forwarding (?:request )?failed|Unable to negotiate|Timeout, server/i,
  ],
];

/** A server that has more unauthenticated connections than it takes drops some before or in place of its banner. */
const BUSY =
  /kex_exchange_identification|Connection (?:reset|closed) by (?:remote host|peer)|banner exchange: .*(?:closed|reset|Exceeded MaxStartups)|Not allowed at this time/i;

/** A jump host could not connect to it: it had nothing to drop. */
const NOT_REACHED = /stdio forwarding (?:request )?failed/i;

/** Lines that ssh says of itself; the rest (banners) is the server's. Rows of '@' are ornament. */
const OWN =
  /^(?:ssh|kex|banner|Connection|Host key|No \S+ host key|The fingerprint|SHA256:|Offending|Permission|Timeout|client_loop|Received|Unable|Bad|debug|command-line|@ |.*(?:denied|failed|verification|ssh_config))/i;

/** The failure of a master that ended with `said` on its stderr before it was ready. */
export function failureOf(said: string, code: number | undefined): ConnectionError {
  const lines = said.split(/\r?\n/).filter((line) => line.trim() !== '');
  const own = lines.filter((line) => OWN.test(line));
  const message = (own.length > 0 ? own : lines).slice(-6).join('\n') || `ssh ended with exit code ${code}`;
  for (const [phase, saying] of SAYINGS) {
    if (!saying.test(said)) continue;
    return new ConnectionError(phase, message, phase === 'connect' && BUSY.test(said) && !NOT_REACHED.test(said));
  }
  return new ConnectionError('session', message);
}
