// Resources that runs hold while they run.
//
// Who waits, waits in line, and takes all that it wants at once. Three rules:
//   1. What an earlier one in the line wants is kept for it as far as it is free: a later one overtakes with what is left
//      over. So nobody waits for ever, and what nobody can use yet isn't idle for long.
//   2. Those below a run that holds some go first: it can't end before they have.
//   3. One that could never be served, because those that it waits for wait for it, fails at once.
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { isEnding } from './wrap.ts';

/** How much of each. */
export type Amounts = ReadonlyMap<string, number>;

/** A run in the line. */
interface Waiting {
  readonly run: RunRecord;
  readonly wants: Amounts;
  /** Its place among all. */
  readonly number: number;
  /** The holders around it: they can't end before it. */
  readonly above: readonly RunRecord[];
  begin(): void;
}

/** What is shared, who holds it and who waits for it. */
export class Pool {
  readonly limits: Amounts;
  readonly #free: Map<string, number>;
  readonly #holders = new Map<RunRecord, Amounts>();
  /** Those below holders, in order. */
  readonly #below = new Set<Waiting>();
  /** The others: those that want the same are in one line, of which only the head needs a look. */
  readonly #lines = new Map<string, Set<Waiting>>();
  readonly #waiting = new Map<RunRecord, Waiting>();
  /** Holders that can't end before others, and how many. */
  readonly #stuck = new Map<RunRecord, number>();
  #number = 0;
  #serving = false;

  constructor(limits: Amounts) {
    this.limits = limits;
    this.#free = new Map(limits);
  }

  /** How much of each is free. */
  get free(): Amounts {
    return this.#free;
  }

  /** Calls `begin` when the run holds what it wants, maybe at once. @throws Error where that can never be */
  enter(run: RunRecord, wants: Amounts, begin: () => void): void {
    const above = this.#holdersAbove(run);
    if (above.length > 0) this.#check(run, wants, above);
    const waiting = { run, wants, number: this.#number++, above, begin };
    this.#waiting.set(run, waiting);
    for (const holder of above) this.#stuck.set(holder, (this.#stuck.get(holder) ?? 0) + 1);
    if (above.length > 0) this.#below.add(waiting);
    else {
      const kind = JSON.stringify([...wants]);
      const line = this.#lines.get(kind);
      if (line === undefined) this.#lines.set(kind, new Set([waiting]));
      else line.add(waiting);
    }
    this.serve();
    if (above.length === 0 || !this.#waiting.has(run) || this.#canEnd(waiting)) return;
    this.#leave(waiting);
    const holders = [...this.#holders.keys()].filter((holder) => !above.includes(holder));
    throw new Error(
      `slots: ${nameOf(run)} wants ${told(wants)} while ${above.map(nameOf).join(', ')} around it holds some; ` +
        `${holders.map(nameOf).join(', ')} wait${holders.length === 1 ? 's' : ''} for that likewise, so none of them could go on. ` +
        `Take all that is needed at once, at the outermost`,
    );
  }

  /** Gives back what it holds, or leaves the line. */
  leave(run: RunRecord): void {
    const waiting = this.#waiting.get(run);
    if (waiting !== undefined) this.#leave(waiting);
    for (const [name, count] of this.#holders.get(run) ?? []) this.#free.set(name, this.#free.get(name)! + count);
    this.#holders.delete(run);
    this.serve();
  }

  /** Begins those who may. Runs that end at once come back here, so it doesn't call itself. */
  serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) {
        this.#leave(next);
        for (const [name, count] of next.wants) this.#free.set(name, this.#free.get(name)! - count);
        this.#holders.set(next.run, next.wants);
        next.begin();
      }
    } finally {
      this.#serving = false;
    }
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting.run);
    for (const holder of waiting.above) {
      const count = this.#stuck.get(holder)! - 1;
      if (count === 0) this.#stuck.delete(holder);
      else this.#stuck.set(holder, count);
    }
    if (this.#below.delete(waiting)) return;
    for (const [kind, line] of this.#lines) {
      if (!line.delete(waiting)) continue;
      if (line.size === 0) this.#lines.delete(kind);
      return;
    }
  }

  #next(): Waiting | undefined {
    for (const waiting of this.#below) if (mayBegin(waiting.run) && fits(waiting.wants, this.#free)) return waiting;
    const heads: Waiting[] = [];
    for (const line of this.#lines.values()) {
      for (const waiting of line) {
        if (!mayBegin(waiting.run)) continue;
        heads.push(waiting);
        break;
      }
    }
    if (heads.length === 1) return fits(heads[0]!.wants, this.#free) ? heads[0] : undefined;
    const left = new Map(this.#free);
    for (const head of heads.sort((a, b) => a.number - b.number)) {
      if (fits(head.wants, left)) return head;
      for (const [name, count] of head.wants) left.set(name, Math.max(0, left.get(name)! - count));
    }
    return undefined;
  }

  #holdersAbove(run: RunRecord): RunRecord[] {
    const found: RunRecord[] = [];
    if (this.#holders.size === 0) return found;
    for (let at = run.parent; at !== undefined; at = at.parent) if (this.#holders.has(at)) found.push(at);
    return found;
  }

  /** Those around it hold what they have until it has ended. */
  #check(run: RunRecord, wants: Amounts, above: readonly RunRecord[]): void {
    for (const [name, count] of wants) {
      let held = 0;
      for (const holder of above) held += this.#holders.get(holder)!.get(name) ?? 0;
      const limit = this.limits.get(name)!;
      if (held === 0 || count <= limit - held) continue;
      throw new Error(
        `slots: ${nameOf(run)} would wait for itself: it wants ${told(wants)}, and ${above.map(nameOf).join(', ')} around it ` +
          `holds ${held} of ${limit}${name === '' ? '' : ` ${name}`} until it has ended. Give the advice to one of them only`,
      );
    }
  }

  /** Whether it can be served some time, if every run ends that isn't kept from it by a wait for this pool. */
  #canEnd(newcomer: Waiting): boolean {
    const holders = new Set(this.#stuck.keys());
    const free = new Map(this.limits);
    for (const holder of holders)
      for (const [name, count] of this.#holders.get(holder)!) free.set(name, free.get(name)! - count);
    if (fits(newcomer.wants, free)) return true;
    const waiting = new Set(this.#waiting.values());
    for (let changed = true; changed;) {
      changed = false;
      for (const one of waiting) {
        if (!fits(one.wants, free)) continue;
        if (one === newcomer) return true;
        waiting.delete(one);
        changed = true;
      }
      const stuck = new Set([...waiting].flatMap(({ above }) => above));
      for (const holder of holders) {
        if (stuck.has(holder)) continue;
        holders.delete(holder);
        for (const [name, count] of this.#holders.get(holder)!) free.set(name, free.get(name)! + count);
        changed = true;
      }
    }
    return false;
  }
}

/** One that is paused could not begin what it is given; it keeps its place. */
function mayBegin(run: RunRecord): boolean {
  return !run.paused && !isEnding(run);
}

function fits(wants: Amounts, free: Amounts): boolean {
  for (const [name, count] of wants) if (count > free.get(name)!) return false;
  return true;
}

function nameOf(run: RunRecord): string {
  return `${run.label} (${run.id})`;
}

/** Amounts in words: 'gpu: 1, disk: 2'; of what has no name, 'one'. */
export function told(amounts: Amounts): string {
  return [...amounts].map(([name, count]) => (name === '' ? 'one' : `${name}: ${count}`)).join(', ');
}

/** Reads an object of whole numbers. @throws TypeError, RangeError */
export function amountsOf(what: string, given: unknown): Amounts {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${what}: expected amounts by name, as { gpu: 1 }, got ${show(given)}`);
  const entries = Object.entries(given) as [string, unknown][];
  for (const [name, count] of entries) {
    if (name === '') throw new TypeError(`${what}: the name of a resource is empty`);
    if (typeof count !== 'number') throw new TypeError(`${what}: ${name} is a whole number, not ${show(count)}`);
    if (!(count >= 0) || !(Number.isInteger(count) || count === Infinity))
      throw new RangeError(`${what}: ${name}: ${count} is no whole number of 0 or more`);
  }
  return new Map(entries as [string, number][]);
}
