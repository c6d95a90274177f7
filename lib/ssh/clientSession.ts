// One ssh, in the place of a channel: its stdin, stdout and stderr are the command's, less what the script around it says on
// stderr (trailer.ts). What ssh itself has to say goes to a file, so that nobody takes it for the command's.
import type { Child, Exit, OutputPipe } from '../kernel/index.ts';
import type { Channel } from './channel.ts';
import { ConnectionError, failureOf, retryAfter } from './failure.ts';
import { newToken, Trailer } from './trailer.ts';
import type { Claim, ConnectionParts } from './transport.ts';

/** What may wait here unread; twice as much where it is all of stderr, on which the end is told. */
const WINDOW = 1024 * 1024;
/** Written at once. */
const PIECE = 65_536;
/** How much of what is said before the command is kept. */
const SAID = 16_384;
/** Once ssh has ended, this long for who else holds its stderr: a ProxyCommand. */
const LAST_WORDS = 500; // ms

/** What a session is made of. */
export interface ClientParts extends ConnectionParts {
  /** The file for what ssh says. */
  readonly log: string;
  takeLog(): string;
  /** Nothing is left of it. */
  over(): void;
}

/** A session. */
export class ClientSession implements Channel {
  readonly token = newToken();
  readonly #claim: Claim;
  readonly #parts: ClientParts;
  /** Behind the words of ssh: options, and what is to be run. */
  #options: readonly string[] = [];
  #command = '';
  /** Whether the command says when it begins and ends. */
  #framed = false;
  #trailer: Trailer;
  #child: Child | undefined;
  #exit: Exit | undefined;
  /** Of its stdout and stderr. */
  #open = 0;
  #failures = 0;
  /** This ssh has been given up for another. */
  #anew = false;
  #timer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #handshakeOver: () => void = () => {};
  #reason: ConnectionError | undefined;
  /** What came before the command began. */
  #before = '';
  /** What was written to what has not yet begun or answered: a next try needs it too. */
  #early: Uint8Array[] | undefined;
  #eof = false;
  /** `replied` has been told. */
  #running = false;
  #closed = false;
  #over = false;
  /** Bytes told of and not yet taken. */
  #untaken = 0;

  constructor(claim: Claim, parts: ClientParts) {
    this.#claim = claim;
    this.#parts = parts;
    this.#trailer = new Trailer(this.token);
  }

  exec(script: string, input?: Uint8Array): void {
    this.#framed = script.includes(this.token);
    this.#command = script;
    if (input !== undefined) this.#early = [input];
    this.#start();
  }

  subsystem(name: string): void {
    this.#options = ['-s'];
    this.#command = name;
    this.#early = [];
    this.#start();
  }

  /** Nobody there would hear of it. */
  signal(): void {}

  write(bytes: Uint8Array): number {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || this.#eof || this.#exit !== undefined) return 0;
    let at = 0;
    while (at < bytes.length && !stdin.writableNeedDrain) {
      const piece = bytes.subarray(at, at + PIECE);
      this.#early?.push(piece);
      stdin.write(piece);
      at += piece.length;
    }
    return at;
  }

  eof(): void {
    this.#eof = true;
    this.#child?.stdin?.end();
  }

  taken(bytes: number): void {
    this.#untaken -= bytes;
    const { stdout, stderr } = this.#child ?? {};
    if (this.#untaken < WINDOW / 2 && stdout?.readableFlowing === false) stdout.resume();
    if (this.#untaken < WINDOW && stderr?.readableFlowing === false) stderr.resume();
  }

  close(): void {
    if (this.#closed || this.#over) return;
    this.#closed = true;
    if (this.#child === undefined) queueMicrotask(() => this.#end());
    else this.#stop();
  }

  renew(): void {
    if (this.#running || this.#closed || this.#over) return;
    if (this.#child !== undefined) {
      this.#anew = true;
      this.#child.signal('SIGTERM');
    } else if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#start();
    }
  }

  #stop(): void {
    const { stdout, stderr } = this.#child!;
    this.#child!.signal('SIGTERM');
    // What it still says nobody hears.
    stdout?.destroy();
    stderr?.destroy();
  }

  // --- ssh ----------------------------------------------------------------------------------------------------------------

  #start(): void {
    this.#parts.words().then(
      (words) => this.#parts.handshake((over) => this.#begin(words, over)),
      (error: ConnectionError) => {
        if (!this.#over) this.#fail(error);
      },
    );
  }

  #begin(words: readonly string[], over: () => void): void {
    if (this.#closed) {
      over();
      return;
    }
    let waits = true;
    this.#handshakeOver = () => {
      clearTimeout(this.#deadline);
      if (waits) over();
      waits = false;
    };
    const { limit, log, spawner } = this.#parts;
    const pipe = 'pipe' as const;
    const argv = ['ssh', '-S', 'none', '-E', log, ...this.#options, ...words, this.#command] as const;
    const child = spawner.spawn(
      { argv: [...argv], cwd: '/', env: undefined, ...{ stdin: pipe, stdout: pipe, stderr: pipe, session: true } },
      () => this.#begun(child),
      (exit) => this.#exited(exit),
    );
    this.#exit = undefined;
    this.#child = child;
    this.#deadline = setTimeout(() => {
      this.#reason = new ConnectionError('session', `it has not logged in within ${limit} ms`);
      child.signal('SIGTERM');
    }, limit);
  }

  #begun(child: Child): void {
    const { stdin, stderr } = child;
    this.#open = 1;
    stdin!.on('drain', () => this.#running && this.#claim.events.writable());
    for (const piece of this.#early ?? []) stdin!.write(piece);
    stderr!.on('data', (chunk) => this.#hear(chunk));
    stderr!.on('close', () => this.#ended());
    if (this.#closed) this.#stop();
    else if (!this.#framed) this.#runs();
  }

  /** The command has begun, or whatever else was asked for has been. */
  #runs(): void {
    if (this.#running) return;
    this.#running = true;
    if (this.#framed) {
      this.#handshakeOver();
      this.#early = undefined;
    }
    const stdout = this.#child!.stdout!;
    const { events } = this.#claim;
    events.replied(true);
    this.#open++;
    stdout.on('data', (chunk) => {
      this.#early = undefined;
      this.#handshakeOver();
      this.#give('stdout', stdout, chunk, WINDOW);
    });
    stdout.on('close', () => this.#ended());
    stdout.resume();
    events.writable();
  }

  #hear(chunk: Buffer): void {
    const stderr = this.#child!.stderr!;
    if (!this.#framed) {
      this.#before = (this.#before + chunk.toString()).slice(-SAID);
      return;
    }
    const told = this.#trailer.status !== undefined;
    const { before, own } = this.#trailer.push(chunk);
    this.#before = (this.#before + before.toString()).slice(-SAID);
    if (!this.#trailer.begun) return;
    if (!this.#running) {
      this.#tell(this.#before);
      this.#runs();
    }
    this.#give('stderr', stderr, own, 2 * WINDOW);
    const { status } = this.#trailer;
    if (status !== undefined && !told) this.#claim.events.exited(status, undefined);
  }

  #give(stream: 'stdout' | 'stderr', pipe: OutputPipe, chunk: Buffer, most: number): void {
    if (chunk.length === 0 || this.#closed) return;
    this.#untaken += chunk.length;
    this.#claim.events.data(stream, chunk);
    if (this.#untaken >= most) pipe.pause();
  }

  #tell(text: string): void {
    for (const line of text.split(/\r?\n/)) if (line !== '') this.#parts.said(line);
  }

  #exited(exit: Exit): void {
    this.#exit = exit;
    clearTimeout(this.#deadline);
    if (this.#open === 0) this.#conclude();
    else this.#leave();
  }

  #ended(): void {
    if (--this.#open === 0 && this.#exit !== undefined) this.#conclude();
  }

  /** Its stderr may be held by others; what is in it still comes. */
  #leave(): void {
    const stderr = this.#child!.stderr!;
    this.#timer = setTimeout(() => {
      if (stderr.readableFlowing === true) stderr.destroy();
      else this.#leave();
    }, LAST_WORDS);
  }

  // --- ends ---------------------------------------------------------------------------------------------------------------

  #conclude(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const exit = this.#exit!;
    this.#child!.release();
    this.#child!.stdin?.destroy();
    const log = this.#parts.takeLog();
    if (this.#closed) {
      this.#end();
      return;
    }
    const exitCode = exit.type === 'exit' ? exit.exitCode : undefined;
    if (exit.type !== 'exit') this.#reason ??= new ConnectionError('session', `ssh: ${exit.error.message}`);
    const { events } = this.#claim;
    const began = this.#framed ? this.#running : this.#early === undefined && exitCode !== 255;
    if (began) {
      if (this.#trailer.status !== undefined) this.#tell(log);
      else if (!this.#framed) {
        this.#give('stderr', this.#child!.stderr!, Buffer.from(this.#before), Infinity);
        events.exited(exitCode, undefined);
      } else if (exitCode === 255 && log.trim() !== '') {
        this.#end(() => events.lost(failureOf(log, exitCode)));
        return;
      }
      this.#end();
      return;
    }
    if (/subsystem request failed/.test(log)) {
      events.replied(false);
      this.#end();
      return;
    }
    if (this.#framed && exitCode !== undefined && exitCode !== 255 && this.#reason === undefined) {
      // The login shell has run something else than what it was given.
      this.#refusedByShell(exitCode);
      return;
    }
    const error = this.#reason ?? failureOf(this.#before + log, exitCode);
    const wait = this.#anew ? 0 : retryAfter(error, ++this.#failures);
    this.#anew = false;
    if (wait === undefined) this.#fail(error);
    else this.#again(wait);
  }

  #refusedByShell(exitCode: number): void {
    const { stderr } = this.#child!;
    const said = Buffer.concat([Buffer.from(this.#before), this.#trailer.rest()]);
    this.#runs();
    this.#give('stderr', stderr!, said, Infinity);
    this.#claim.events.exited(exitCode, undefined);
  }

  #again(wait: number): void {
    this.#handshakeOver();
    this.#child!.stdout?.destroy();
    this.#child = undefined;
    this.#before = '';
    this.#running = false;
    this.#trailer = new Trailer(this.token);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, wait);
  }

  /** Nothing was run. */
  #fail(error: ConnectionError): void {
    const { events } = this.#claim;
    if (!this.#running) this.#child?.stdout?.destroy();
    this.#end(() => (this.#running ? events.lost(error) : this.#claim.failed(error)));
  }

  #end(tell?: () => void): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#handshakeOver();
    const { events } = this.#claim;
    if (this.#running && !this.#closed) {
      const held = this.#trailer.rest();
      if (held.length > 0) events.data('stderr', held);
      events.ended();
    }
    if (tell === undefined) events.closed();
    else tell();
    this.#parts.over();
  }
}
