// What is, beside what was: the digests of the inputs now, the key that they make, and whether an entry of that key still holds.
import { statSync } from 'node:fs';
import type { Context } from '../../kernel/index.ts';
import { coreOf } from '../../kernel/create.ts';
import { overdue } from '../../kernel/engine.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { sha256, sha256of } from '../../store/digest.ts';
import { MISSING } from '../../store/files.ts';
import type { Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';
import type { Found, Part, Step } from './entry.ts';
import { fileError } from './fileError.ts';
import type { Input, Output, Plan } from './plan.ts';
import { readable, stepAt, type Memory } from './remember.ts';
import { variableText } from './surroundings.ts';
import * as working from './working.ts';

/** What was seen. */
export interface Seen {
  /** Of the files among the inputs, by name. */
  readonly files: ReadonlyMap<string, string>;
  /** All that decides what is done. */
  readonly parts: readonly Part[];
  readonly key: string;
}

/** An entry that holds. */
export interface Fresh {
  readonly memory: Memory;
  /** Outputs that are not as it left them, with the digests that they had: they can be put back. */
  readonly restore: readonly Found[];
}

/** What the names of files begin with that are code of the user's. */
const CODE = 'code ';

/** Looks at what surrounds a step. */
export class Look {
  readonly #plan: Plan;
  readonly #store: Store;
  readonly #run: RunRecord;
  readonly #warn: Warn;
  /** Of what doesn't come from files. */
  #constant: readonly Part[] | undefined;

  constructor(step: working.Step, store: Store, warn: Warn) {
    this.#plan = step.plan;
    this.#store = store;
    this.#run = step.run;
    this.#warn = warn;
  }

  /** What decides what is done, now. Throws where an input isn't there. */
  *see(): Paced<Seen> {
    const files = yield* this.files();
    this.#constant ??= this.#plan.raw.map(({ name, text, show }) =>
      show === undefined ? [name, sha256(text)] : [name, sha256(text), this.#run.mask(show)],
    );
    const parts = [...files, ...this.#constant];
    return { files, parts, key: sha256of(parts.map(([name, digest]) => `${name}=${digest}`)) };
  }

  /** The digests of the files among the inputs, by name. */
  *files(): Paced<ReadonlyMap<string, string>> {
    if (overdue()) yield undefined;
    const files = new Map<string, string>();
    for (const input of yield* this.#inputs()) files.set(input.name, yield* this.#input(input));
    return files;
  }

  *#inputs(): Paced<readonly Input[]> {
    const { code, inputs } = this.#plan;
    if (code === undefined) return inputs;
    const { moduleCode } = (yield import('../../store/modules.ts')) as typeof import('../../store/modules.ts');
    const { moduleFunction } =
      (yield import('../../store/moduleFunction.ts')) as typeof import('../../store/moduleFunction.ts');
    const found = moduleFunction(code.module, code.fn);
    if (found !== 'found') {
      if (code.keyed) return inputs;
      throw new TypeError(`memo: ${code.name} can't be told from others: it ${found.problem}; give memo a key`);
    }
    const { files, absent } = moduleCode(code.module);
    const input = (path: string, required: boolean): Input => ({
      name: `${CODE}${this.#plan.nameOf(path)}`,
      path,
      required,
    });
    return [...inputs, ...files.map((path) => input(path, true)), ...absent.map((path) => input(path, false))];
  }

  *#input(input: Input): Paced<string> {
    const { name, path, required } = input;
    let digest: string;
    try {
      digest = yield* this.#plan.look(input, this.#store.files, this.#store.folder);
    } catch (error) {
      throw this.#told(error, path, `its ${name} can't be read`);
    }
    if (digest === MISSING && required && !this.#run.ambient.dryRun)
      throw fileError(this.#run, path, `its ${name} does not exist; nothing was started`);
    return digest;
  }

  /** What the system says of a file, as an error of this run. */
  #told(error: unknown, path: string, hint: string): unknown {
    return typeof (error as NodeJS.ErrnoException).code === 'string' ? fileError(this.#run, path, hint, error) : error;
  }

  /** The file that a step has in the store. */
  stepName(key: string): string {
    const [first] = this.#plan.declared;
    return first === undefined ? key : stepNameOf(first.name);
  }

  /** What is known of the step. */
  known(key: string): Step | undefined {
    return stepAt(this.#store, this.stepName(key), this.#warn, !this.#run.ambient.dryRun);
  }

  /** The entry that holds, of those that are not refused. */
  *fresh({ key }: Seen, known: Step | undefined, refused: ReadonlySet<string>): Paced<Fresh | undefined> {
    for (const entry of known?.entries ?? []) {
      if (entry.key !== key || refused.has(entry.id)) continue;
      // Functions that want all of its lines can't have them.
      if (entry.dropped > 0 && coreOf(this.#run.runner).traits.callbacks !== undefined) continue;
      const found = yield* this.found(entry.found.map(([what]) => what));
      if (entry.found.some(([what, digest]) => found.get(what) !== digest)) continue;
      const restore: Found[] = [];
      for (const [name, digest] of entry.outputs)
        if ((yield* this.output(this.#plan.pathOf(name))) !== digest) restore.push([name, digest]);
      if (restore.length > 0 && !entry.kept) continue;
      const memory = readable(entry, known!.label, this.#store, this.#warn);
      if (memory !== undefined) return { memory, restore };
    }
    return undefined;
  }

  /** Code that was written after this process began, which may have loaded what it was before. */
  newCode({ files }: Seen): readonly string[] {
    return [...files.keys()]
      .filter((name) => name.startsWith(CODE) && wasWritten(this.#plan.pathOf(name.slice(CODE.length))))
      .map((name) => `${name} was written after this process began`);
  }

  /** What was found while an earlier run was at work, as it is now. */
  *found(whats: readonly string[]): Paced<ReadonlyMap<string, string>> {
    const now = new Map<string, string>();
    for (const what of whats) now.set(what, yield* this.foundNow(what));
    return now;
  }

  /** The digest of one of them: '$NAME' or 'input PATH'. */
  *foundNow(what: string): Paced<string> {
    if (what.startsWith('$')) return sha256(variableText(variable(this.#run, what.slice(1))));
    const path = this.#plan.pathOf(what.replace(/^input /, ''));
    try {
      return yield* this.#store.files.digest(path, { follow: true, skip: this.#store.folder });
    } catch (error) {
      throw this.#told(error, path, `its ${what} can't be read`);
    }
  }

  /** The digest of an output. */
  *output(path: string): Paced<string> {
    try {
      return yield* this.#store.files.digest(path, { skip: this.#store.folder });
    } catch (error) {
      throw this.#told(error, path, `its output ${this.#plan.nameOf(path)} can't be read`);
    }
  }

  /** Those of all of them. */
  *outputs(outputs: readonly Output[]): Paced<readonly Found[]> {
    const all: Found[] = [];
    for (const { name, path } of outputs) all.push([name, yield* this.output(path)]);
    return all;
  }
}

/** The name of the step whose first output this is. */
export function stepNameOf(output: string): string {
  return sha256of(['output', output]);
}

/** A variable as programs of this run see it. */
export function variable(context: Context, name: string): string | undefined {
  return context.remote === undefined ? context.env[name] : context.ownEnv?.[name];
}

function wasWritten(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  // Not mtime, which may be anything: `cp -p` brings that of the copied, and an archive may tell of tomorrow.
  return stats !== undefined && stats.ctimeMs > performance.timeOrigin;
}
