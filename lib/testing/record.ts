// What the contract suites share: looking at a loop from outside, and waiting for it without sleeping.
import assert from 'node:assert/strict';
import type { Event, RunId } from '../kernel/index.ts';

/** The least that a test framework has: node:test's `test`, tap's `t`, vitest's or jest's `test`. */
export type Suite = TestFunction | { test: TestFunction };
type TestFunction = (name: string, body: () => Promise<void>) => unknown;

/** Declares a test with whatever framework there is. */
export function declare(suite: Suite, name: string, body: () => Promise<void>): void {
  const given = typeof suite === 'function' ? suite(name, body) : suite.test(name, body);
  // Frameworks that give a promise tell of a failure themselves.
  if (given instanceof Promise) given.catch(() => {});
}

/** Lets Node's event loop come around. */
export async function rounds(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Lets it come around until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await rounds(1);
}

/** The events of a loop: `onEvent: record.see`. */
export class Record {
  readonly events: Event[] = [];
  readonly #paused = new Set<RunId>();
  /** What was delivered while its run was paused: should stay empty. */
  readonly delivered: Event[] = [];
  /** Called after each event. */
  heard: ((event: Event) => void) | undefined;

  readonly see = (event: Event): void => {
    this.events.push(event);
    if (event.type === 'pause') this.#paused.add(event.run);
    else if (event.type === 'play') this.#paused.delete(event.run);
    else if (this.#paused.has(event.run) && event.type !== 'note' && !killed(event)) this.delivered.push(event);
    this.heard?.(event);
  };
  types(run: RunId): string[] {
    return this.events.filter((event) => event.run === run).map((event) => event.type);
  }
  began(run: RunId): boolean {
    return this.events.some((event) => event.run === run && event.type === 'start');
  }
  /** What was said, in order; not when, and not by which of the runs. */
  said(): unknown[] {
    return this.events.flatMap((event): unknown[] =>
      event.type === 'line' && event.partial !== true
        ? [[event.stream, event.line]]
        : event.type === 'item'
          ? [event.item]
          : [],
    );
  }

  /** Every run settles once, last, after what is below it; it starts first, and once. */
  wellFormed(): void {
    const { events } = this;
    const runs = new Set(events.map((event) => event.run));
    for (const run of runs) {
      const types = this.types(run);
      assert.equal(types.filter((type) => type === 'settle').length, 1, `one settle of ${run}: ${types.join(' ')}`);
      assert.equal(types.at(-1), 'settle', `nothing of ${run} after its settle: ${types.join(' ')}`);
      const starts = types.filter((type) => type === 'start').length;
      assert.ok(starts <= 1, `one start of ${run}: ${types.join(' ')}`);
      if (starts === 1) assert.equal(types[0], 'start', `nothing of ${run} before its start: ${types.join(' ')}`);
      const end = events.findIndex((event) => event.run === run && event.type === 'settle');
      const late = events.slice(end + 1).find((event) => event.run.startsWith(`${run}.`));
      assert.equal(
        late,
        undefined,
        `${run} settled before all that it started: ${JSON.stringify(late?.run)} came later`,
      );
    }
  }
}

/** A kill goes through a pause. */
function killed(event: Event): boolean {
  return event.type === 'settle' && event.outcome.type === 'killed';
}

/** Nothing keeps Node alive that did not before; what closes does so in later rounds of the event loop. */
export async function noMoreThan(before: readonly string[]): Promise<void> {
  const added = (): string[] => {
    const known = [...before];
    return process.getActiveResourcesInfo().filter((kind) => {
      const index = known.indexOf(kind);
      if (index >= 0) known.splice(index, 1);
      return index < 0 && kind !== 'Immediate';
    });
  };
  for (let i = 0; i < 1000 && added().length > 0; i++) await rounds(1);
  assert.deepEqual(added(), [], 'something was left behind that keeps Node alive');
}

/** Awaits while letting the runners come to their ends. */
export async function through<T>(finish: (() => unknown) | undefined, promise: PromiseLike<T>): Promise<T> {
  if (finish === undefined) return promise;
  let over = false;
  const settled = Promise.resolve(promise).finally(() => (over = true));
  settled.catch(() => {});
  while (!over) {
    await finish();
    await rounds(1);
  }
  return settled;
}
