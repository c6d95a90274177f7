import type { Outcome } from '../kernel/index.ts';
import { show } from '../kernel/runnable.ts';
import { RunSession, type Session } from './session.ts';

export type Phase = 'before' | 'after';

/** What `before` and `after` know, and say. */
export interface BeforeAfterSession extends Session {
  /** How the runner has ended, or what the advice further in made of it; undefined in `before`. */
  readonly outcome: Outcome<any> | undefined;
  /** Go on: with the runner, or outwards with the outcome as it is. Throws an Error for a second decision, and behind the end of the phase. */
  proceed(): void;
  /**
   * Take this for the outcome: `{ type: 'finished', value }` or `{ type: 'failed', error }`. Throws a TypeError for anything else,
   * and as `proceed` does.
   */
  conclude(outcome: Outcome<any>): void;
}

/** What a phase has come to. */
interface Ended {
  readonly decision: 'proceed' | Outcome<any> | undefined;
  /** What it did wrong, also when it caught the error. */
  readonly misuse: string | undefined;
}

/** The session of both phases of a run. */
export class PhaseSession extends RunSession implements BeforeAfterSession {
  outcome: Outcome<any> | undefined = undefined;
  phase: Phase | undefined = undefined;
  #decision: Ended['decision'] = undefined;
  #misuse: string | undefined = undefined;

  proceed(): void {
    this.#decide('proceed()', 'proceed');
  }
  conclude(outcome: Outcome<any>): void {
    checkOutcome(outcome);
    this.#decide('conclude()', outcome);
  }

  #decide(call: string, decision: 'proceed' | Outcome<any>): void {
    if (this.phase === undefined)
      throw new Error(`session.${call}: the phase has ended; what it waits for has to be awaited in the function`);
    if (this.#decision !== undefined) {
      const before = this.#decision === 'proceed' ? 'session.proceed()' : 'session.conclude()';
      this.#misuse ??= `it called session.${call} after ${before}; a phase decides once`;
      throw new Error(`session.${call} came after ${before} in ${this.phase}; a phase decides once`);
    }
    this.#decision = decision;
  }

  enter(phase: Phase): void {
    this.phase = phase;
    this.#decision = undefined;
    this.#misuse = undefined;
  }
  leave(): Ended {
    this.phase = undefined;
    return { decision: this.#decision, misuse: this.#misuse };
  }
}

function checkOutcome(given: unknown): void {
  const { type, error } = (given ?? {}) as { type?: unknown; error?: unknown };
  if (type === 'finished') return;
  if (type !== 'failed')
    throw new TypeError(
      `session.conclude: expected { type: 'finished', value } or { type: 'failed', error }, got ${type === 'killed' ? "{ type: 'killed' }; a run is killed from outside" : show(given)}`,
    );
  if (!(error instanceof Error)) throw new TypeError(`session.conclude: error is an Error, not ${show(error)}`);
}
