// What becomes of a step's outputs: kept before they are overwritten, put back, put aside, and into the store.
import { dirname } from 'node:path';
import type { Outcome, Sink } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { MISSING } from '../../store/files.ts';
import { makeFolders } from '../../store/folders.ts';
import type { Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';
import { few, short } from './diff.ts';
import type { Found, Step } from './entry.ts';
import { fileError } from './fileError.ts';
import type { Hold } from './hold.ts';
import { keep, putBack } from './kept.ts';
import type { Look } from './look.ts';
import { moveAside } from './partial.ts';
import type { Output, Plan } from './plan.ts';
import { wasMade } from './remember.ts';

/** The outputs of a step, in one run. */
export class Outputs {
  readonly #plan: Plan;
  readonly #store: Store;
  readonly #look: Look;
  readonly #run: RunRecord;
  readonly #sink: Sink<any>;
  readonly #warn: Warn;

  constructor(plan: Plan, store: Store, look: Look, run: RunRecord, sink: Sink<any>, warn: Warn) {
    this.#plan = plan;
    this.#store = store;
    this.#look = look;
    this.#run = run;
    this.#sink = sink;
    this.#warn = warn;
  }

  /** What is at an output and was left there by no run is somebody's work: it is kept before it is overwritten. */
  *keepForeign(names: readonly string[], known: Step | undefined): Paced<void> {
    for (const name of names) {
      const path = this.#plan.pathOf(name);
      const digest = yield* this.#look.output(path);
      const left = known?.left[name] ?? [];
      if (digest === MISSING || left.includes(digest)) continue;
      if (yield* wasMade(this.#store, name, digest, this.#warn)) continue;
      if ((yield* this.#store.tryPaced(this.#warn, keep(this.#store, path, digest))) === undefined) continue;
      const copy = this.#store.contents.path(digest.slice(1));
      const how = left.length === 0 ? 'was there before, and no run made it' : 'was changed by hand';
      this.#sink.note(`${name} ${how}: what it was (${short(digest)}) is kept as ${copy}`, {
        output: name,
        digest: digest.slice(1),
        copy,
      });
    }
  }

  /** Puts back those that are not as they were; false where that can't be done. */
  *putBack(restore: readonly Found[], known: Step | undefined): Paced<boolean> {
    if (restore.length === 0) return true;
    const names = restore.map(([name]) => name);
    yield* this.keepForeign(names, known);
    if ((yield* this.#store.tryPaced(this.#warn, this.#putBack(restore))) !== true) return false;
    this.#sink.note(`put back: ${few(names).join(', ')}`);
    return true;
  }

  *#putBack(restore: readonly Found[]): Paced<boolean> {
    for (const [name, digest] of restore)
      if (!(yield* putBack(this.#store, this.#plan.pathOf(name), digest, this.#warn))) return false;
    return true;
  }

  /** Puts their contents into the store; false, and told, where that can't be. */
  *keep(left: readonly Found[]): Paced<boolean> {
    for (const [name, digest] of left)
      if ((yield* this.#store.tryPaced(this.#warn, keep(this.#store, this.#plan.pathOf(name), digest))) === undefined)
        return false;
    return true;
  }

  /** Makes the folders that they will be in. Throws where that can't be. */
  makeFolders(): void {
    for (const output of this.#plan.outputs) this.makeFolder(output, '; nothing was started');
  }

  /** Makes the folder of one. `hint` is told where that can't be. */
  makeFolder({ path, name }: Output, hint = ''): void {
    try {
      makeFolders(dirname(path));
    } catch (cause) {
      throw fileError(this.#run, path, `the folder for its output ${name} can't be made${hint}`, cause);
    }
  }

  /** How a run ends that has not made one of them. */
  notMade(name: string): Outcome<never> {
    const hint = `${name} was declared as an output, and is not there`;
    return { type: 'failed', error: fileError(this.#run, this.#plan.pathOf(name), hint) };
  }

  /** What was changed by a run that failed goes out of the way. */
  putAside({ marks }: Hold): void {
    this.#store.try(this.#warn, () => {
      const folder = moveAside(marks, this.#store);
      if (folder !== undefined) this.#sink.note(`failed: what it left of its outputs is in ${folder}`, { folder });
    });
  }
}
