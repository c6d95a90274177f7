import { systemClock } from '../kernel/clock.ts';
import { toldNumber } from '../kernel/options.ts';
import {
  BaseRunner,
  milliseconds,
  type Clock,
  type Context,
  type Duration,
  type Runner,
  type Running,
  type Sink,
  type Spec,
  type Traits,
} from '../kernel/index.ts';

/**
 * Waits. `sleep('1500ms')`, `sleep('3s')`, `sleep('5m')`, `sleep(250)` (milliseconds).
 *
 * A pause keeps the remainder; in a dry run it takes no time. Throws a TypeError for what is no duration.
 */
export function sleep(duration: Duration): Runner<void> {
  return new SleepRunner(milliseconds(duration, 'sleep'), duration);
}

const TRAITS: Traits<void> = { leaf: true, exact: true };

class SleepRunner extends BaseRunner<void> {
  readonly #ms: number;
  readonly #said: Duration;
  constructor(ms: number, said: Duration) {
    super();
    this.#ms = ms;
    this.#said = said;
  }
  get spec(): Spec {
    return { type: 'sleep', ms: toldNumber(this.#ms) };
  }
  get label(): string {
    return `sleep ${this.#said}`;
  }
  get traits(): Traits<void> {
    return TRAITS;
  }
  start(sink: Sink<void>, context: Context): Running {
    return new Sleeping(this.#ms, sink, context.clock);
  }
}

/** Whoever sleeps until it is killed keeps the process alive, as any sleep does; a timer without end would not. */
function stayAlive(): () => void {
  const timer = setInterval(() => {}, 2 ** 31 - 1);
  return () => clearInterval(timer);
}

class Sleeping implements Running {
  readonly #sink: Sink<void>;
  readonly #clock: Clock;
  #rest: number;
  #since = 0;
  #cancel: () => void;

  constructor(ms: number, sink: Sink<void>, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
    this.#rest = ms;
    this.#cancel = this.#sleep();
  }
  #sleep(): () => void {
    this.#since = this.#clock.now();
    if (this.#rest === Infinity && this.#clock === systemClock) return stayAlive();
    return this.#clock.after(this.#rest, () => this.#sink.settle({ type: 'finished', value: undefined }));
  }
  get #remainder(): number {
    return Math.max(0, this.#rest - (this.#clock.now() - this.#since));
  }
  pause(): void {
    this.#cancel();
    this.#rest = this.#remainder;
  }
  play(): void {
    this.#cancel = this.#sleep();
  }
  kill(by: string): void {
    this.#cancel();
    this.#sink.settle({ type: 'killed', by });
  }
  describe(): string {
    return `sleeps for ${Math.round(this.#remainder)} ms more`;
  }
}
