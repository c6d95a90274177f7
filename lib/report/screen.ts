// Where reports are written: whole lines, many in one write, in the order in which they came, over both streams.
//
// Node writes to terminals, files and pipes synchronously, so a reader that is slow (`| less`) makes the loop wait, and memory
// stays bounded (L5); a Writable of the user's own buffers by its own rules. What a turn reports is written in the microtask
// behind it, so nothing waits when a signal comes; process.exit() in the middle of a turn writes it too.
import type { Writable } from 'node:stream';
import { onTerminalFree, terminalTaken } from '../kernel/terminal.ts';

/** Where a report goes. */
export interface ReportOptions {
  /** Where the lines of stdout go. Default: `process.stdout`. */
  readonly out?: Writable | undefined;
  /** Where everything else goes: the lines of stderr, failures, notes. Default: `process.stderr`. */
  readonly err?: Writable | undefined;
  /**
   * Called once when `out` takes no more; EPIPE: its reader has gone, as in `sluice … | head`. Without it the run that
   * reports next fails.
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
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (health.error !== undefined) return;
    health.error = error;
    for (const tell of health.told) tell(error);
  });
  return health;
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
    healthOf(err);
    const health = healthOf(out);
    if (closed !== undefined) {
      if (health.error !== undefined) closed(health.error);
      else health.told.add(closed);
    }
  }

  /** Writes whole lines, each with its newline. */
  write(place: Place, text: string): void {
    const { error } = healths.get(this.out)!;
    if (error !== undefined) {
      // Whoever was told ends the loop; nobody reads what it has to say.
      if (this.#closed) return;
      if (place === 'out') throw error;
    }
    if (healths.get(this.err)!.error !== undefined && place === 'err') return;
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
