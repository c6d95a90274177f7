// Where reports are written: whole lines, many in one write, in the order in which they came, over both streams.
//
// Writes to the terminal, to files and (as made so here) to pipes are synchronous: a reader that is slow (`| less`) makes the
// loop wait, and memory stays bounded (L5); process.exit() and death by a signal lose nothing. A Writable of the user's own
// buffers by its own rules. What a turn reports is written in the microtask behind it.
import type { Writable } from 'node:stream';
import { onTerminalFree, terminalTaken } from '../kernel/terminal.ts';

/** Where a report goes. */
export interface ReportOptions {
  /** Where the lines of stdout go. Default: `process.stdout`. */
  readonly out?: Writable | undefined;
  /** Where everything else goes: the lines of stderr, failures, notes. Default: `process.stderr`. */
  readonly err?: Writable | undefined;
  /**
   * Called once when one of them takes no more; EPIPE: its reader has gone, as in `sluice … | head`. Without it the run
   * that reports next fails.
   */
  readonly closed?: ((error: NodeJS.ErrnoException) => void) | undefined;
}

type Place = 'out' | 'err';
type Text = { readonly place: Place; text: string };

const WRITE = 64 * 1024;
/** What is kept while a program has the terminal, in characters; the latest stay. */
const HELD = 4 * 1024 * 1024;

/** What went wrong with a stream. One listener a stream, however many loops report to it. */
interface Health {
  error: NodeJS.ErrnoException | undefined;
  readonly told: Set<(error: NodeJS.ErrnoException) => void>;
}
const healths = new WeakMap<Writable, Health>();

function healthOf(stream: Writable): Health {
  const known = healths.get(stream);
  if (known !== undefined) return known;
  const health: Health = { error: undefined, told: new Set() };
  healths.set(stream, health);
  if (stream === process.stdout || stream === process.stderr) makeBlocking(stream);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (health.error !== undefined) return;
    health.error = error;
    for (const tell of health.told) tell(error);
  });
  return health;
}

/**
 * Node reads and writes its own standard streams without blocking where they are pipes, and buffers without a limit what
 * nobody reads. There is no public way to change that; this one is as old as the package `set-blocking`.
 */
function makeBlocking(stream: Writable): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocking: boolean): unknown } };
  handle?.setBlocking?.(true);
}

/** Screens with something yet to be written. */
const unwritten = new Set<Screen>();
let atExit = false;

/** A stream that may be a terminal. */
export type Sheet = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Two streams of lines. */
export class Screen {
  readonly out: Sheet;
  readonly err: Sheet;
  readonly #closed: boolean;
  #texts: Text[] = [];
  #size = 0;
  #held: Text[] = [];
  #heldSize = 0;
  #lost = 0;
  #cancelHold: (() => void) | undefined;

  constructor({ out = process.stdout, err = process.stderr, closed }: ReportOptions) {
    this.out = out;
    this.err = err;
    this.#closed = closed !== undefined;
    const healths = new Set([healthOf(out), healthOf(err)]);
    if (closed === undefined) return;
    const broken = [...healths].find(({ error }) => error !== undefined);
    let told = false;
    const tell = (error: NodeJS.ErrnoException): void => {
      if (!told) closed(error);
      told = true;
    };
    if (broken !== undefined) tell(broken.error!);
    else for (const health of healths) health.told.add(tell);
  }

  /** Writes whole lines, each with its newline. */
  write(place: Place, text: string): void {
    const error = healths.get(this.out)!.error ?? healths.get(this.err)!.error;
    if (error !== undefined) {
      // Whoever was told ends the loop; nobody reads what it has to say.
      if (this.#closed) return;
      throw error;
    }
    if ((this.#heldSize > 0 || terminalTaken()) && this[place].isTTY === true) {
      this.#hold(place, text);
      return;
    }
    append(this.#texts, place, text);
    if (this.#size === 0) {
      this.#owe();
      queueMicrotask(() => this.flush());
    }
    this.#size += text.length;
    if (this.#size >= WRITE) this.flush();
  }

  #owe(): void {
    unwritten.add(this);
    if (atExit) return;
    atExit = true;
    process.on('exit', () => {
      for (const screen of unwritten) screen.#release();
    });
  }

  /** Writes what has come so far. */
  flush(): void {
    const texts = this.#texts;
    if (texts.length === 0) return;
    this.#texts = [];
    this.#size = 0;
    if (this.#heldSize === 0) unwritten.delete(this);
    for (const { place, text } of texts) if (healths.get(this[place])!.error === undefined) this[place].write(text);
  }

  /** A program has the terminal: nothing is printed over its screen. */
  #hold(place: Place, text: string): void {
    if (this.#heldSize === 0) {
      this.#cancelHold = onTerminalFree(() => this.#release());
      this.#owe();
    }
    append(this.#held, place, text);
    this.#heldSize += text.length;
    while (this.#heldSize > HELD && this.#held.length > 1) {
      const { text: gone } = this.#held.shift()!;
      this.#heldSize -= gone.length;
      for (let at = gone.indexOf('\n'); at >= 0; at = gone.indexOf('\n', at + 1)) this.#lost++;
    }
  }

  #release(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.flush();
    const lost = this.#lost;
    const held = this.#held;
    this.#held = [];
    this.#heldSize = 0;
    this.#lost = 0;
    if (lost > 0) this.err.write(`… ${lost} lines were dropped while a program had the terminal\n`);
    this.#texts = held;
    this.flush();
    unwritten.delete(this);
  }
}

/** Joins what goes to the same place, up to the size of a write. */
function append(texts: Text[], place: Place, text: string): void {
  const last = texts[texts.length - 1];
  if (last !== undefined && last.place === place && last.text.length < WRITE) last.text += text;
  else texts.push({ place, text });
}
