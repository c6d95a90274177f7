// Counts of numbers by their order of magnitude, a hundred and more to a power of ten: any of their quantiles within 1 %, in
// memory that doesn't grow with how many there are. (Idea: DDSketch.)

const GAMMA = 1.02;
const LOG = Math.log(GAMMA);
/** Less is nothing. */
const LEAST = 0.001;

/** Numbers that are not kept. */
export class Sketch {
  count = 0;
  sum = 0;
  min = Infinity;
  max = -Infinity;
  readonly #counts = new Map<number, number>();

  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    const index = value < LEAST ? -Infinity : Math.ceil(Math.log(value) / LOG);
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
  }

  merge(other: Sketch): void {
    this.count += other.count;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    for (const [index, count] of other.#counts) this.#counts.set(index, (this.#counts.get(index) ?? 0) + count);
  }

  /** The number that this part of all, 0 to 1, is not above; undefined where there is none. */
  quantile(part: number): number | undefined {
    if (this.count === 0) return undefined;
    let rank = Math.max(1, Math.ceil(part * this.count));
    for (const [index, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      rank -= count;
      if (rank > 0) continue;
      const value = index === -Infinity ? 0 : (2 * GAMMA ** index) / (GAMMA + 1);
      return Math.min(this.max, Math.max(this.min, value));
    }
    return this.max;
  }
}
