// Short steps without stdin by one shell that stays, in a channel of its own: one round trip each, and no login shell. They are
// taken one at a time; what each writes is framed on both streams (trailer.ts).
import type { Command } from '../kernel/index.ts';
import { ends } from '../spawn/group.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import { ConnectionError } from './failure.ts';
import { kill } from './remoteKill.ts';
import { LANE_BEGIN, laneScript, stepScript, type Script } from './remoteScript.ts';
import { newToken, Trailer } from './trailer.ts';
import type { Claim, Transport } from './transport.ts';

/** Gives channels that are steps of a shell; another shell once one was killed. */
export class Lane implements Transport {
  readonly #transport: Transport;
  readonly #claims = new Set<Claim>();
  #shell: Shell | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  claim(claim: Claim): void {
    this.#claims.add(claim);
    queueMicrotask(() => this.#serve());
  }

  withdraw(claim: Claim): boolean {
    return this.#claims.delete(claim);
  }

  ready(): Promise<string> {
    return this.#transport.ready();
  }

  end(then: () => void): void {
    this.#shell?.dismiss();
    this.#transport.end(then);
  }

  /** Others wait for what its shell holds. */
  makeRoom(): void {
    this.#shell?.makeRoom();
  }

  #serve(): void {
    if (this.#claims.size === 0) return;
    if (this.#shell === undefined) {
      const shell = new Shell(this.#transport, {
        free: () => this.#serve(),
        gone: () => {
          if (this.#shell === shell) this.#shell = undefined;
          this.#serve();
        },
        failed: (error) => {
          this.#shell = undefined;
          const claims = [...this.#claims];
          this.#claims.clear();
          for (const claim of claims) claim.failed(error);
        },
      });
      this.#shell = shell;
    } else if (this.#shell.free) {
      const [claim] = this.#claims;
      this.#claims.delete(claim!);
      this.#shell.take(claim!);
    }
  }
}

/** What a shell tells. */
interface ShellEvents {
  /** It takes the next step. */
  free(): void;
  /** It takes no more steps. */
  gone(): void;
  /** There is no way to have one. */
  failed(error: ConnectionError): void;
}

/** A shell. */
class Shell implements Claim, ChannelEvents {
  readonly events: ChannelEvents = this;
  readonly #token = newToken();
  readonly #transport: Transport;
  readonly #told: ShellEvents;
  readonly #hello: Trailer;
  #channel: Channel | undefined;
  #running = false;
  #step: Step | undefined;
  #steps = 0;
  /** What it has to be given yet. */
  #out = Buffer.alloc(0);
  /** It was signalled to end, and is used no more. */
  #ending = false;
  /** It takes no step behind the one that it has. */
  #leaving = false;
  readonly #pending: string[] = [];
  #gone = false;

  constructor(transport: Transport, told: ShellEvents) {
    this.#transport = transport;
    this.#told = told;
    this.#hello = new Trailer(this.#token);
    transport.claim(this);
  }

  get free(): boolean {
    return this.#running && this.#step === undefined && !this.#gone;
  }

  take(claim: Claim): void {
    this.#step = new Step(`${this.#token}.${this.#steps++}`, claim.events, {
      write: (text) => this.#write(text),
      signal: (name) => this.#signal(name),
      taken: (bytes) => this.#channel!.taken(bytes),
    });
    claim.opening(this.#step);
    claim.events.opened();
  }

  /** No step comes after the one that it has. */
  dismiss(): void {
    this.#ending = true;
    if (this.#running && this.#step === undefined) this.#channel!.close();
  }

  /** At once, or behind the step that it has or gets next. */
  makeRoom(): void {
    this.#leaving = true;
    if (!this.free) return;
    this.#channel!.close();
    this.#leave();
  }

  #write(text: string): void {
    this.#out = Buffer.concat([this.#out, Buffer.from(text)]);
    this.writable();
  }

  #signal(name: string): void {
    if (ends(`SIG${name}` as NodeJS.Signals)) this.#ending = true;
    const pid = this.#hello.status;
    if (pid === undefined) this.#pending.push(name);
    else kill(this.#transport, pid, name);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#told.gone();
  }

  // --- Claim, ChannelEvents -----------------------------------------------------------------------------------------------

  opening(channel: Channel): void {
    this.#channel = channel;
  }
  failed(error: ConnectionError): void {
    this.#gone = true;
    this.#told.failed(error);
  }
  refused(message: string): void {
    this.failed(new ConnectionError('session', `the server opens no channel: ${message}`));
  }
  opened(): void {
    this.#channel!.exec(laneScript(this.#token));
  }
  replied(success: boolean): void {
    if (!success) {
      this.#channel!.close();
      this.failed(new ConnectionError('session', 'the server runs no commands'));
      return;
    }
    this.#running = true;
    this.#write(LANE_BEGIN);
    this.#told.free();
  }

  data(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    if (stream === 'stderr' && this.#hello.status === undefined) {
      const { before } = this.#hello.push(chunk);
      const pid = this.#hello.status;
      this.#channel!.taken(chunk.length - (pid === undefined ? 0 : before.length));
      if (pid === undefined) return;
      for (const name of this.#pending.splice(0)) kill(this.#transport, pid, name);
      chunk = before;
    }
    const step = this.#step;
    if (step === undefined) {
      this.#channel!.taken(chunk.length);
      return;
    }
    step.hear(stream, chunk);
    if (!step.over) return;
    this.#step = undefined;
    if (this.#ending || this.#leaving) {
      this.#channel!.eof();
      this.#leave();
    }
    step.end();
    if (!this.#gone) this.#told.free();
  }

  writable(): void {
    if (this.#out.length > 0) this.#out = this.#out.subarray(this.#channel!.write(this.#out));
  }
  ended(): void {}
  exited(exitCode: number | undefined, signal: string | undefined): void {
    const step = this.#step;
    // It has ended with its step, by whom that was ended; otherwise nobody knows what became of the step.
    if (this.#ending) step?.events.exited(exitCode, signal);
  }
  closed(): void {
    this.#end((step) => step.end());
  }
  lost(error: Error): void {
    this.#end((step) => step.events.lost(error));
  }

  #end(tell: (step: Step) => void): void {
    const step = this.#step;
    this.#step = undefined;
    if (step !== undefined) tell(step);
    if (this.#running) this.#leave();
    else this.failed(new ConnectionError('session', 'the session was closed before it began'));
  }
}

/** What a step needs of its shell. */
interface StepParts {
  write(text: string): void;
  signal(name: string): void;
  taken(bytes: number): void;
}

/** A command in it. */
class Step implements Channel {
  readonly events: ChannelEvents;
  readonly #token: string;
  readonly #parts: StepParts;
  readonly #trailers: Readonly<Record<'stdout' | 'stderr', Trailer>>;

  constructor(token: string, events: ChannelEvents, parts: StepParts) {
    this.#token = token;
    this.events = events;
    this.#parts = parts;
    this.#trailers = { stdout: new Trailer(token), stderr: new Trailer(token) };
  }

  script(command: Command): Script {
    return stepScript(command, this.#token);
  }
  exec(text: string): void {
    this.#parts.write(text);
    this.events.replied(true);
  }
  subsystem(): void {}
  signal(name: string): void {
    this.#parts.signal(name);
  }
  /** The lifeline's: names of signals. */
  write(bytes: Uint8Array): number {
    for (const name of Buffer.from(bytes).toString().split('\n')) if (name !== '') this.#parts.signal(name);
    return bytes.length;
  }
  eof(): void {}
  taken(bytes: number): void {
    this.#parts.taken(bytes);
  }
  /** It is wanted no more, so it has to end. */
  close(): void {
    if (!this.#ended && !this.over) this.#parts.signal('KILL');
  }

  get over(): boolean {
    const { stdout, stderr } = this.#trailers;
    return stdout.status !== undefined && stderr.status !== undefined;
  }

  hear(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const { own } = this.#trailers[stream].push(chunk);
    // What was held back before is in it too.
    this.#parts.taken(chunk.length - own.length);
    if (own.length > 0) this.events.data(stream, own);
  }

  #ended = false;
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#trailers[stream].rest();
      if (rest.length > 0) this.events.data(stream, rest);
    }
    if (this.over) this.events.exited(this.#trailers.stdout.status, undefined);
    this.events.ended();
    this.events.closed();
  }
}
