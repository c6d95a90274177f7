// How far a copy is, as items: a few a second, for people.
import type { Clock } from '../../kernel/index.ts';
import type { Step } from './plan.ts';

/** How far one file is. */
export interface CopyProgress {
  /** What is copied, as it was named. */
  readonly file: string;
  readonly bytes: number;
  readonly total: number;
}

const EVERY = 250; // ms

export class Progress {
  files = 0;
  bytes = 0;
  readonly #clock: Clock;
  readonly #item: (item: CopyProgress) => void;
  readonly #began: number;
  #told: number;
  #last: CopyProgress | undefined;

  constructor(clock: Clock, item: (item: CopyProgress) => void) {
    this.#clock = clock;
    this.#item = item;
    this.#began = this.#told = clock.now();
  }

  get ms(): number {
    return this.#clock.now() - this.#began;
  }

  /** A file begins; the result is told how many more bytes of it are there. */
  file({ files, from }: Pick<Step, 'files' | 'from'>, total: number): (more: number) => void {
    let bytes = 0;
    return (more) => {
      bytes += more;
      this.bytes += more;
      this.#last = { file: files.shown(from), bytes, total: Math.max(total, bytes) };
      const now = this.#clock.now();
      if (now - this.#told < EVERY) return;
      this.#told = now;
      this.#tell();
    };
  }

  done(_step: unknown): void {
    this.files++;
  }

  /** All is there: the last is told in any case. */
  end(): void {
    this.#tell();
  }

  #tell(): void {
    if (this.#last !== undefined) this.#item(this.#last);
    this.#last = undefined;
  }
}
