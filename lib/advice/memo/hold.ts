// The locks of a step while it is looked at and run: of each of its outputs, or, where it has none, of its key.
import type { Sink } from '../../kernel/index.ts';
import { sha256of } from '../../store/digest.ts';
import * as locks from '../../store/locks.ts';
import type { Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';
import { markIn, moveAside, stateOf, type Mark } from './partial.ts';
import type { Output } from './plan.ts';
import * as working from './working.ts';

/** Between two looks at a lock that another process holds, in milliseconds. */
const FIRST_LOOK = 5;
const LAST_LOOK = 100;

/** In milliseconds. */
const FOREIGN = 86_400_000;

/** A lock of another machine, whose owner can't be asked: it counts for nothing, and after a day its step is taken for dead. */
function isAnothers({ alive, age }: locks.Held): boolean {
  return alive === undefined && age < FOREIGN;
}

/** Holds the locks of a step. */
export class Hold {
  readonly #step: working.Step;
  readonly #store: Store;
  readonly #sink: Sink<any>;
  readonly #warn: Warn;
  readonly #partial: 'move' | 'keep';
  readonly #wanted: readonly { readonly path: string; readonly mark: () => Mark | { readonly label: string } }[];
  readonly key: string;
  /** Of its outputs, from `mark` on. */
  readonly marks: Mark[] = [];
  #turns: string[] = [];
  #waited = false;
  /** The files, and what they say. */
  readonly #files = new Map<string, string>();
  #giveUp: (() => void) | undefined;

  constructor(step: working.Step, key: string, store: Store, sink: Sink<any>, partial: 'move' | 'keep', warn: Warn) {
    this.key = key;
    this.#step = step;
    this.#store = store;
    this.#sink = sink;
    this.#warn = warn;
    this.#partial = partial;
    const { label } = step.run;
    // All in one order: then two never wait for each other.
    this.#wanted =
      step.plan.outputs.length === 0
        ? [{ path: store.path('locks', key), mark: () => ({ label }) }]
        : step.plan.outputs
            .map((output) => ({ path: this.#lockOf(output), mark: () => this.#markOf(output) }))
            .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Waits for all of them; gives whether it had to. What a dead owner left unfinished is moved aside. */
  *take(): Paced<boolean> {
    for (const { path } of this.#wanted) {
      const waiting = working.waitTurn(path, this.#step.run);
      if (waiting !== undefined) {
        this.#giveUp = waiting.giveUp;
        yield waiting.turn;
        this.#waited = true;
        this.#giveUp = undefined;
      }
      this.#turns.push(path);
    }
    for (const { path, mark } of this.#wanted) yield* this.#lock(path, mark());
    return this.#waited;
  }

  *#lock(path: string, mark: unknown): Paced<void> {
    let told = false;
    for (let wait = FIRST_LOOK; ; wait = Math.min(LAST_LOOK, wait * 1.5)) {
      let held: locks.Held | undefined;
      const written = this.#store.try(this.#warn, () => {
        this.#store.make();
        held = locks.take(path, mark);
      });
      if (!written) return;
      if (held === undefined) {
        this.#files.set(path, JSON.stringify(mark));
        return;
      }
      if (isAnothers(held)) return;
      if (held.alive !== true && locks.takeOver(path, held, mark)) {
        this.#files.set(path, JSON.stringify(mark));
        this.#recover(held);
        return;
      }
      if (held.alive === true && !told) {
        this.#sink.note(`waits for process ${held.owner?.pid ?? '(unknown)'}, which is at the same step`);
        told = true;
      }
      yield new Promise((resolve) => setTimeout(resolve, wait));
      this.#waited = true;
    }
  }

  /** The process that was at it has died. */
  #recover({ note, owner }: locks.Held): void {
    const mark = markIn(note);
    if (mark === undefined) return;
    this.#store.try(this.#warn, () => {
      const folder = moveAside([mark], this.#store);
      if (folder !== undefined)
        this.#sink.note(`process ${owner?.pid} died while it made ${mark.name}: what it left is in ${folder}`);
    });
  }

  /** Says in the marks what the outputs are now: the step begins. */
  mark(): void {
    for (const { path, mark } of this.#wanted) {
      const now = mark();
      if ('before' in now) this.marks.push(now);
      const says = this.#files.get(path);
      if (says !== undefined && says !== JSON.stringify(now))
        this.#store.try(this.#warn, () => locks.renote(path, now));
    }
  }

  /** Takes the lock of one more output. Throws where another step holds it: waiting for each other could last for ever. */
  takeNow(output: Output): void {
    const path = this.#lockOf(output);
    const mark = this.#markOf(output);
    const waiting = working.waitTurn(path, this.#step.run);
    waiting?.giveUp();
    if (waiting !== undefined) throw working.conflict(this.#step, `${output.name} is being made by another step too`);
    this.#turns.push(path);
    this.marks.push(mark);
    let held: locks.Held | undefined;
    const written = this.#store.try(this.#warn, () => {
      held = locks.take(path, mark);
    });
    if (!written) return;
    if (held?.alive === true)
      throw working.conflict(
        this.#step,
        `${output.name} is being made by process ${held.owner?.pid ?? '(unknown)'} too`,
      );
    if (held === undefined) this.#files.set(path, JSON.stringify(mark));
    else if (isAnothers(held)) return;
    else if (locks.takeOver(path, held, mark)) {
      this.#files.set(path, JSON.stringify(mark));
      this.#recover(held);
    }
  }

  #lockOf({ path }: Output): string {
    return this.#store.path('locks', sha256of(['output', path]));
  }

  #markOf(output: Output): Mark {
    return { label: this.#step.run.label, ...output, before: stateOf(output.path), partial: this.#partial };
  }

  /** Lets go of all. */
  release(): void {
    this.#giveUp?.();
    for (const path of this.#files.keys()) this.#store.try(this.#warn, () => locks.release(path));
    for (const path of this.#turns) working.nextTurn(path);
    this.#files.clear();
    this.#turns = [];
  }
}
