import type { Clock } from '../kernel/index.ts';

/** Time that can be paused: calls `then` once so many milliseconds have passed, pauses not counted. */
export class Countdown {
  readonly #clock: Clock;
  readonly #then: () => void;
  #rest: number;
  #since = 0;
  #cancel: (() => void) | undefined;

  constructor(ms: number, clock: Clock, then: () => void) {
    this.#rest = ms;
    this.#clock = clock;
    this.#then = then;
  }

  play(): void {
    if (this.#cancel !== undefined || this.#rest === Infinity) return;
    this.#since = this.#clock.now();
    this.#cancel = this.#clock.after(Math.max(0, this.#rest), this.#then);
  }

  pause(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#rest -= this.#clock.now() - this.#since;
  }
}
