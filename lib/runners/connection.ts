// The life of a socket, from the look-up of a name to the end of both sides.
//
// What it settles with, the first that holds (a kill by the loop goes before all of these, see kernel/run.ts):
//   1. its input file can't be read: nothing was connected     file
//   2. no connection: `resolve` or `connect`, sent 'no'        connection
//   3. what ended it early: an overflow, the source of its input
//   4. a reset before the other side had ended: `lost`         connection
//   5. both sides have ended                                   its result
import { accessSync, constants } from 'node:fs';
import { isIP, Socket } from 'node:net';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunError, type Outcome, type Reason, type Running, type Sink } from '../kernel/index.ts';
import { callEach } from '../kernel/late.ts';
import type { RunRecord } from '../kernel/run.ts';
import { show } from '../kernel/runnable.ts';
import { feedInput, SENT, type Feeding, type Input } from './input.ts';
import { LineSplitter } from './lines.ts';
import type { Settings, SocketResult, Target } from './socket.ts';
import { CAPTURE, Capture, TAIL } from './tail.ts';

/** How long one of several addresses of a host is tried. Node's 250 ms give up on hosts that are only far away. */
const ATTEMPT = 1000; // ms

/** A socket that is being used. */
export class Connection implements Running {
  readonly #target: Target;
  readonly #settings: Settings;
  readonly #sink: Sink<SocketResult>;
  readonly #run: RunRecord;
  readonly #socket = new Socket({ allowHalfOpen: true });
  readonly #splitter: LineSplitter;
  readonly #captured: Capture;
  /** Bytes that the result is to have. */
  readonly #wanted: number;
  readonly #startedAt: number;
  #phase: 'resolve' | 'connect' | 'open' = 'connect';
  #feeding: Feeding | undefined;
  /** The other side has ended. */
  #ended = false;
  /** Our side is to end as soon as the input is through. */
  #ending = false;
  #outcome: Outcome<SocketResult> | undefined;
  /** Reasons not to read now. */
  readonly #stops = new Set<string>();
  #cancelTimeout: (() => void) | undefined;
  /** Only where there is a callback: without, the loop has nothing to call. */
  readonly deliver?: NonNullable<Running['deliver']>;

  constructor(target: Target, settings: Settings, sink: Sink<SocketResult>, run: RunRecord) {
    this.#target = target;
    this.#settings = settings;
    this.#sink = sink;
    this.#run = run;
    this.#startedAt = run.clock.now();
    const { maxLine, capture } = settings;
    const { onLine, input, encoding = 'utf8' } = settings.options;
    this.#wanted = capture ?? (onLine !== undefined || run.iterated ? 0 : CAPTURE);
    this.#captured = new Capture(Math.max(this.#wanted, TAIL));
    this.#splitter = new LineSplitter({ encoding, maxLine });
    if (onLine !== undefined) {
      this.deliver = (_stream, lines, returned) => callEach(onLine, lines, returned);
    }
    if (input instanceof URL) this.#checkFile(fileURLToPath(input));
    this.#listen();
    if (input !== undefined) this.#feed(input);
    this.#connect();
  }

  // --- beginning ------------------------------------------------------------------------------------------------------------

  #checkFile(path: string): void {
    try {
      accessSync(path, constants.R_OK);
    } catch (cause) {
      throw this.#error({ type: 'file', path }, 'its input; nothing was connected', cause);
    }
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('lookup', (error: unknown) => {
      if (!error) this.#phase = 'connect';
    });
    socket.on('connect', () => {
      this.#phase = 'open';
      this.#cancelTimeout?.();
      this.#regulate();
    });
    socket.on('data', (chunk) => this.#data(chunk));
    socket.on('end', () => {
      this.#ended = true;
      this.end();
    });
    socket.on('error', (error) => this.#failed(error));
    socket.on('close', () => this.#closed());
  }

  #feed(input: Input): void {
    this.#feeding = feedInput(this.#socket, input, {
      end: this.#settings.options.end !== false,
      onError: (cause) => this.#fail({ type: 'stream', stream: 'input' }, undefined, cause),
      onDone: () => {
        this.#feeding = undefined;
        if (this.#ending) this.#socket.end();
      },
    });
    this.#regulate();
  }

  #connect(): void {
    const target = this.#target;
    const { connectTimeout } = this.#settings;
    if ('path' in target) {
      const { path } = target;
      this.#socket.connect({ path: path.startsWith('\0') ? path : resolve(this.#run.cwd, path) });
    } else {
      if (isIP(target.host) === 0) this.#phase = 'resolve';
      this.#socket.connect({ ...target, autoSelectFamilyAttemptTimeout: ATTEMPT });
    }
    this.#cancelTimeout = this.#run.clock.after(connectTimeout, () => {
      const phase = this.#phase;
      if (phase !== 'open') this.#fail({ type: 'connection', phase, sent: 'no' }, `no answer in ${connectTimeout} ms`);
    });
  }

  // --- reading --------------------------------------------------------------------------------------------------------------

  #data(chunk: Buffer): void {
    this.#captured.push(chunk);
    this.#splitter.push(chunk, (lines, bytes) => this.#sink.lines('socket', lines, bytes));
    if (this.#splitter.overflow) this.#overflow();
  }

  #overflow(): void {
    this.#fail({ type: 'overflow', stream: 'socket', limit: this.#settings.maxLine });
  }

  // --- ending ---------------------------------------------------------------------------------------------------------------

  #failed(cause: Error): void {
    if (this.#phase !== 'open') {
      this.#fail({ type: 'connection', phase: this.#phase, sent: 'no' }, attempts(cause), cause);
    } else if (this.#ended) {
      this.#sink.note('the other side ended before it took everything', {
        code: (cause as { code?: string }).code ?? '',
      });
    } else {
      this.#lost(undefined, cause);
    }
  }

  #lost(hint: string | undefined, cause?: Error): void {
    const sent = this.#socket.bytesWritten > 0 ? 'maybe' : 'no';
    this.#fail({ type: 'connection', phase: 'lost', sent }, hint, cause);
  }

  #fail(reason: Reason, hint?: string, cause?: unknown): void {
    if (this.#outcome === undefined) this.#abandon({ type: 'failed', error: this.#error(reason, hint, cause) });
  }

  #abandon(outcome: Outcome<SocketResult>): void {
    this.#outcome = outcome;
    this.#feeding?.stop();
    this.#socket.destroy();
  }

  #closed(): void {
    this.#cancelTimeout?.();
    this.#feeding?.stop();
    const last = this.#splitter.end();
    if (last.length > 0) this.#sink.lines('socket', last);
    if (this.#splitter.overflow) this.#overflow();
    if (!this.#ended) this.#lost('it was closed before its end');
    this.#sink.settle(this.#outcome ?? { type: 'finished', value: this.#result() });
  }

  #result(): SocketResult {
    const { bytesRead, bytesWritten } = this.#socket;
    const captured = this.#wanted > 0;
    return {
      text: captured ? this.#captured.text(this.#settings.options.encoding, true) : '',
      truncated: captured ? this.#captured.truncated : 0,
      bytesRead,
      bytesWritten,
      ms: this.#run.clock.now() - this.#startedAt,
    };
  }

  #error(reason: Reason, hint: string | undefined, cause?: unknown): RunError {
    const run = this.#run;
    const stdout = run.mask(this.#captured.lastLines(TAIL, this.#settings.options.encoding));
    const { id, spec, label } = run;
    return new RunError({ reason, run: id, spec, label, hint, cause, tails: { stdout } });
  }

  // --- Running ----------------------------------------------------------------------------------------------------------------

  send(item: unknown): void {
    if (typeof item !== 'string' && !(item instanceof Uint8Array))
      throw new TypeError(`send: a socket takes strings (lines) and bytes, got ${show(item)}`);
    if (this.#socket.destroyed) return;
    if (!this.#socket.writable) throw this.#error({ type: 'closed' }, 'send() after our side has ended');
    if (this.#socket.writableLength > SENT)
      throw this.#error({ type: 'overflow', stream: 'input', limit: SENT }, undefined);
    this.#socket.write(typeof item !== 'string' || item.endsWith('\n') ? item : `${item}\n`);
  }
  end(): void {
    this.#ending = true;
    if (this.#feeding === undefined) this.#socket.end();
  }
  kill(by: string): void {
    if (this.#outcome === undefined) this.#abandon({ type: 'killed', by });
  }
  pause(): void {
    this.#stop('pause');
  }
  play(): void {
    this.#go('pause');
  }
  flow(open: boolean): void {
    if (open) this.#go('flow');
    else this.#stop('flow');
  }

  #stop(why: string): void {
    this.#stops.add(why);
    this.#socket.pause();
    this.#regulate();
  }
  #go(why: string): void {
    if (this.#stops.delete(why) && this.#stops.size === 0) this.#socket.resume();
    this.#regulate();
  }
  /** The input waits for the connection, so that nothing is taken from it in vain, and for the end of a pause. */
  #regulate(): void {
    if (this.#phase === 'open' && !this.#stops.has('pause')) this.#feeding?.play();
    else this.#feeding?.pause();
  }

  describe(): string {
    const { name } = this.#settings;
    if (this.#phase === 'resolve') return `looks up ${name}`;
    if (this.#phase === 'connect') return `connects to ${name}`;
    const ours = this.#socket.writableEnded ? 'has ended' : this.#feeding === undefined ? 'is open' : 'is being fed';
    const held = this.#stops.size > 0 ? ', not read now' : '';
    return `connected; ${this.#ended ? 'the other side has ended' : 'waits for the other side'}, ours ${ours}${held}`;
  }
}

/** What an error says that stands for several, one for each address of a host: Node gives that one no message. */
function attempts(cause: Error): string | undefined {
  if (cause.message !== '' || !(cause instanceof AggregateError)) return undefined;
  return cause.errors.map((error: unknown) => (error instanceof Error ? error.message : String(error))).join('; ');
}
