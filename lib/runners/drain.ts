// After a program's exit: when has all been read that it wrote? Its own part is in the pipes by then, but others may hold
// them open, write on, or just never close them. (Cutting by time alone loses output: a loop that was busy for longer than
// the quiet time has not read yet what was there all along.)
import type { Clock } from '../kernel/index.ts';

/** No pipe holds more: so much was read since the exit, and the program's own part is among it. */
const PIPE = 1024 * 1024;

/** How to wait; times in milliseconds. */
export interface DrainOptions {
  /** Silence for so long is the end. */
  readonly quiet: number;
  /** So much time in all. */
  readonly cap: number;
  readonly clock: Clock;
  /** Whether nobody reads just now: that time doesn't count. */
  stopped(): boolean;
  /** It took too long. */
  leaked(): void;
}

/** Waits for the pipes of a program that has exited. */
export class Drain {
  readonly #options: DrainOptions;
  /** When something was read last. */
  #active: number;
  /** Of the cap, at `#since`. */
  #left: number;
  /** When the time began to count; undefined while nobody reads. */
  #since: number | undefined;
  #reads = 0;
  #bytes = 0;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(options: DrainOptions) {
    this.#options = options;
    this.#left = options.cap;
    this.#active = options.clock.now();
    this.flows(true);
  }

  read(bytes: number): void {
    this.#active = this.#options.clock.now();
    this.#reads++;
    this.#bytes += bytes;
  }

  /** Reading was stopped, or goes on. */
  flows(open: boolean): void {
    if (this.#over) return;
    const now = this.#options.clock.now();
    if (!open) {
      this.#cancel?.();
      if (this.#since !== undefined) this.#left -= now - this.#since;
      this.#since = undefined;
    } else if (this.#since === undefined && !this.#options.stopped()) {
      this.#since = this.#active = now;
      this.#wait();
    }
  }

  /** Waits no more. */
  end(): void {
    this.#over = true;
    this.#cancel?.();
  }

  /** One timer that looks when it fires whether something was read since: chunks don't each pay for one. */
  #wait(): void {
    const { clock } = this.#options;
    const rest = this.#rest();
    if (rest === Infinity) return;
    this.#cancel = clock.after(rest, () => (this.#rest() > 0 ? this.#wait() : this.#look()));
  }

  #rest(): number {
    const { clock, quiet } = this.#options;
    return Math.max(0, Math.min(quiet - (clock.now() - this.#active), this.#capRest()));
  }

  #capRest(): number {
    return this.#left - (this.#options.clock.now() - this.#since!);
  }

  /** What is in the pipes now comes with the next round of the event loop; an empty round tells that there is nothing. */
  #look(): void {
    const reads = this.#reads;
    const immediate = setImmediate(() => {
      const late = this.#capRest() <= 0;
      if (reads === this.#reads || (late && this.#bytes > PIPE)) {
        this.#over = true;
        this.#options.leaked();
      } else if (late) this.#look();
      else this.#wait();
    });
    this.#cancel = () => clearImmediate(immediate);
  }
}
