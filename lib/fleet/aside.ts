// Steps beside those of an errand, which end with what they stand beside.
import type { Clock } from '../kernel/index.ts';

/** What takes several steps, each of which can be called off. */
export interface Steps {
  /** Waits for something that ends soon after `stop` was called. */
  step<V>(promise: Promise<V>, stop: () => void): Promise<V>;
  wait(ms: number): Promise<void>;
}

/** Time as a step. */
export function waiting(clock: Clock, ms: number): { readonly time: Promise<void>; stop(): void } {
  let stop!: () => void;
  const time = new Promise<void>((resolve) => {
    const cancel = clock.after(ms, resolve);
    stop = () => {
      cancel();
      resolve();
    };
  });
  return { time, stop };
}

const ENDED = Symbol('ended');

/** Steps that nobody waits for: what fails in them is for the errand itself to find out. */
export class Aside implements Steps {
  readonly #clock: Clock;
  #stop: (() => void) | undefined;
  #ended = false;

  constructor(clock: Clock, body: (steps: Steps) => Promise<void>) {
    this.#clock = clock;
    body(this).catch(() => {});
  }

  async step<V>(promise: Promise<V>, stop: () => void): Promise<V> {
    this.#stop = stop;
    if (this.#ended) stop();
    const value = await promise;
    this.#stop = undefined;
    if (this.#ended) throw ENDED;
    return value;
  }

  wait(ms: number): Promise<void> {
    const { time, stop } = waiting(this.#clock, ms);
    return this.step(time, stop);
  }

  /** The step that is under way is called off, and none follows. */
  end(): void {
    this.#ended = true;
    this.#stop?.();
  }
}
