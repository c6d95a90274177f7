// A run of a memo: looks whether what is known is still true, and else runs what it is around and remembers what comes of it.
//
// The order of things, so that neither a crash nor another process can make a wrong entry:
//   1. look: the digests of the inputs give the key, the key an entry, the entry what its outputs have to be
//   2. take the locks and look again: somebody else may have done it meanwhile (at the inputs, if it had to wait). A lock is the mark of a step at work too: it says
//      what an output was before
//   3. keep what would be overwritten and is no run's
//   4. run; on failure what was changed since the mark goes out of the way
//   5. look at the inputs once more: an entry whose inputs changed meanwhile would be a lie
//   6. store the entry, then let go of the locks
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  RunError,
  toError,
  type Context,
  type Outcome,
  type Runner,
  type Running,
  type Sink,
} from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { sha256 } from '../../store/digest.ts';
import { MISSING } from '../../store/files.ts';
import type { Paced } from '../../store/paced.ts';
import { projectOf, storeAt, type Store, type Warn } from '../../store/store.ts';
import { differences, few, fileChange, foundDifferences, short } from './diff.ts';
import { drive } from './drive.ts';
import { Hold } from './hold.ts';
import { keep, putBack } from './kept.ts';
import { LastLines } from './lines.ts';
import { Look, type Fresh, type Seen } from './look.ts';
import type { Settings } from './options.ts';
import { moveAside } from './partial.ts';
import { coreOf, Plan, type Output } from './plan.ts';
import type { Entry, Found, Step } from './entry.ts';
import { entryOf, stepOfLabel, writeStep, type Memory } from './remember.ts';
import { scriptOf, type Script } from './script.ts';
import * as working from './working.ts';

/** Memos at work, for `amend`. */
const memos = new WeakMap<RunRecord, MemoRun>();

/** The nearest memo around a run. */
export function memoAround(context: Context): MemoRun | undefined {
  for (let run: RunRecord | undefined = context as unknown as RunRecord; run !== undefined; run = run.parent) {
    const memo = memos.get(run);
    if (memo !== undefined) return memo;
  }
  return undefined;
}

/** By loop and folder: a project doesn't move while a loop runs, and a thousand steps ask. */
const projects = new WeakMap<RunRecord, Map<string, string>>();

function projectAround(run: RunRecord): string {
  const root = working.rootOf(run);
  const folder = root.ambient.cwd ?? process.cwd();
  const known = projects.get(root) ?? new Map<string, string>();
  projects.set(root, known);
  let project = known.get(folder);
  if (project === undefined) known.set(folder, (project = projectOf(folder)));
  return project;
}

export class MemoRun implements Running {
  /** Lines of its own are replayed ones. */
  readonly deliver?: NonNullable<Running['deliver']>;
  readonly #settings: Settings;
  readonly #inner: Runner<any, any>;
  readonly #sink: Sink<any>;
  readonly #run: RunRecord;
  readonly #store: Store;
  readonly #plan: Plan;
  readonly #step: working.Step;
  readonly #look: Look;
  readonly #warn: Warn = (text) => this.#sink.note(text);
  readonly #found = new Map<string, string>();
  readonly #stop: () => void;
  #script: Script | undefined;
  #hold: Hold | undefined;
  #child: Running | undefined;
  #phase: 'before' | 'running' | 'after' = 'before';

  constructor(settings: Settings, inner: Runner<any, any>, sink: Sink<any>, context: Context) {
    this.#settings = settings;
    this.#inner = inner;
    this.#sink = sink;
    this.#run = context as unknown as RunRecord;
    const project = projectAround(this.#run);
    this.#store = storeAt(settings.store ?? `${project}/.sluice`);
    this.#plan = new Plan(settings, inner, context, project, this.#store.folder);
    this.#step = { run: this.#run, plan: this.#plan, identity: sha256(JSON.stringify(this.#plan.raw)) };
    const { callbacks } = coreOf(inner).traits;
    if (callbacks !== undefined)
      this.deliver = (stream, lines, returned) => {
        const call = callbacks[stream];
        if (call !== undefined) for (const line of lines) returned(call(line));
      };
    this.#look = new Look(this.#step, this.#store, this.#warn);
    memos.set(this.#run, this);
    this.#stop = drive(this.#run, this.#work(), (outcome) =>
      sink.settle(outcome.type === 'finished' ? outcome.value : outcome),
    );
  }

  *#work(): Paced<Outcome<any>> {
    const { ambient } = this.#run;
    const { scope } = ambient.memo;
    if (scope !== undefined) this.#script = scriptOf(scope, this.#store, this.#plan.project);
    this.#script?.declare(
      this.#plan.outputs.map(({ name }) => name),
      this.#look.stepName(''),
      this.#warn,
    );
    working.enter(this.#step);
    if (!ambient.dryRun) this.#store.files.keep();
    try {
      let seen = yield* this.#look.see();
      this.#script?.reads(seen.files.keys());
      // What is made from now on will do, also when it was asked for anew: it may be another's who was asked at the same time.
      let known = this.#look.known(seen.key);
      const refused = new Set(this.#refreshed ? known?.entries.map(({ id }) => id) : []);
      let fresh = yield* this.#look.fresh(seen, known, refused);
      const remade = ambient.dryRun ? working.remadeInputs(this.#step) : [];
      if (fresh?.restore.length === 0 && remade.length === 0) return this.#replay(fresh.memory);
      if (ambient.dryRun) return yield* this.#show(seen, fresh, remade);
      this.#hold = new Hold(this.#step, seen.key, this.#store, this.#sink, this.#settings.partial, this.#warn);
      // Inputs that change from now on are found out at the end.
      if (yield* this.#hold.take()) seen = yield* this.#look.see();
      known = this.#look.known(seen.key);
      fresh = yield* this.#look.fresh(seen, known, refused);
      if (fresh !== undefined && (yield* this.#restored(fresh, known))) return this.#replay(fresh.memory);
      return yield* this.#do(seen, known, this.#hold);
    } finally {
      this.#hold?.release();
      working.leave(this.#step);
    }
  }

  get #refreshed(): boolean {
    const { mode, refresh } = this.#run.ambient.memo;
    return mode === 'refresh' || refresh.includes(this.#run.label);
  }

  // --- what is known ------------------------------------------------------------------------------------------------------

  #replay({ entry, value, said }: Memory): Outcome<any> {
    // What it found while it ran is as good as declared.
    this.#script?.reads(entry.found.map(([what]) => what));
    this.#script?.declare(
      entry.outputs.map(([name]) => name),
      this.#look.stepName(entry.key),
      this.#warn,
    );
    this.#sink.note('unchanged', { at: new Date(entry.at).toISOString(), ms: entry.ms });
    if (entry.dropped > 0) this.#sink.note(`${entry.dropped} lines before these were not kept`);
    for (const [stream, lines] of said) this.#sink.lines(stream, lines);
    return { type: 'finished', value };
  }

  /** Puts back outputs from the store; false where that can't be done. */
  *#restored({ restore }: Fresh, known: Step | undefined): Paced<boolean> {
    if (restore.length === 0) return true;
    yield* this.#keepForeign(
      restore.map(([name]) => name),
      known,
    );
    const work = function* (this: MemoRun): Paced<boolean> {
      for (const [name, digest] of restore)
        if (!(yield* putBack(this.#store, this.#plan.pathOf(name), digest, this.#warn))) return false;
      return true;
    };
    if ((yield* this.#store.tryPaced(this.#warn, work.call(this))) !== true) return false;
    this.#sink.note(`put back: ${restore.map(([name]) => name).join(', ')}`);
    return true;
  }

  /** What is known of this step, under whatever key; `known`: under this one. */
  #latest(key: string, known: Step | undefined): Step | undefined {
    if (known !== undefined || this.#look.stepName(key) !== key) return known;
    return stepOfLabel(this.#store, this.#run.label, this.#warn);
  }

  /** What is at an output and was left there by no run is somebody's work: it is kept before it is overwritten. */
  *#keepForeign(names: readonly string[], known: Step | undefined): Paced<void> {
    for (const name of names) {
      const path = this.#plan.pathOf(name);
      const digest = yield* this.#look.output(path);
      const left = known?.left[name] ?? [];
      if (digest === MISSING || left.includes(digest)) continue;
      if ((yield* this.#store.tryPaced(this.#warn, keep(this.#store, path, digest))) === undefined) continue;
      const copy = this.#store.path('contents', digest.slice(1));
      const how = left.length === 0 ? 'was there before, and no run made it' : 'was changed by hand';
      this.#sink.note(`${name} ${how}: what it was (${short(digest)}) is kept as ${copy}`, {
        output: name,
        digest: digest.slice(1),
        copy,
      });
    }
  }

  /** Why it runs: what is not as it was the last time. */
  *#why(seen: Seen, known: Step | undefined, fresh: Fresh | undefined): Paced<readonly string[]> {
    if (this.#refreshed) return ['it was asked for'];
    if (fresh !== undefined) return fresh.restore.map(([name]) => `output ${name} can't be put back`);
    if (known === undefined) return [];
    const why = differences(known.parts, seen.parts);
    const found = yield* this.#look.found(known.found.map(([what]) => what));
    why.push(...foundDifferences(known.found, found));
    // Those too that were found the last time.
    const names = [...this.#plan.outputs, ...(known.entries[0]?.outputs ?? []).map(([name]) => ({ name }))];
    for (const name of new Set(names.map((output) => output.name))) {
      const [before] = known.left[name] ?? [];
      const now = yield* this.#look.output(this.#plan.pathOf(name));
      if (before !== undefined && before !== now) why.push(fileChange(`output ${name}`, before, now));
    }
    return why.length > 0 ? few(why) : ['its last run left no entry'];
  }

  *#show(seen: Seen, fresh: Fresh | undefined, remade: readonly string[]): Paced<Outcome<any>> {
    const why =
      remade.length > 0 ? remade : yield* this.#why(seen, this.#latest(seen.key, this.#look.known(seen.key)), fresh);
    if (fresh !== undefined && remade.length === 0) {
      this.#sink.note(`would put back: ${fresh.restore.map(([name]) => name).join(', ')}`);
      return { type: 'finished', value: fresh.memory.value };
    }
    working.wouldMake(this.#step);
    this.#sink.note(`would run: ${why.length === 0 ? 'for the first time' : why.join('; ')}`, { why });
    return yield* this.#inside(undefined);
  }

  // --- what is done -------------------------------------------------------------------------------------------------------

  *#do(seen: Seen, known: Step | undefined, hold: Hold): Paced<Outcome<any>> {
    const { outputs } = this.#plan;
    const why = yield* this.#why(seen, this.#latest(seen.key, known), undefined);
    if (why.length > 0) this.#sink.note(`runs: ${why.join('; ')}`, { why });
    yield* this.#keepForeign(
      outputs.map(({ name }) => name),
      known,
    );
    hold.mark();
    for (const output of outputs) this.#makeFolder(output);
    const lines = new LastLines(this.#settings.lines);
    const at = this.#run.now();
    let outcome = yield* this.#inside(lines);
    this.#phase = 'after';
    let left: readonly Found[] = [];
    if (outcome.type === 'finished' || this.#settings.partial === 'keep') {
      try {
        // Those too that were found while it ran.
        left = yield* this.#look.outputs(this.#plan.outputs);
        const missing = left.find(([, digest]) => digest === MISSING);
        if (outcome.type === 'finished' && missing !== undefined) outcome = this.#notMade(missing[0]);
      } catch (error) {
        if (outcome.type === 'finished') outcome = { type: 'failed', error: toError(error) };
      }
    }
    const latest = { label: this.#run.label, at, parts: seen.parts, found: [...this.#found], why };
    const write = (entry: Entry | undefined): void =>
      writeStep(this.#store, this.#look.stepName(seen.key), known, latest, left.filter(isThere), entry, this.#warn);
    if (outcome.type !== 'finished') {
      this.#putAside(hold);
      if (this.#settings.partial === 'keep' && left.length > 0) write(undefined);
      return outcome;
    }
    const changed = yield* this.#changedMeanwhile(seen);
    if (changed.length > 0) {
      this.#sink.note(`not remembered: while it ran, ${changed.join('; ')}`, { changed });
      write(undefined);
      return outcome;
    }
    const kept = this.#settings.keep && (yield* this.#kept(left));
    const { value } = outcome as { value: unknown };
    const ms = this.#run.now() - at;
    const given = { key: seen.key, at, ms, found: latest.found, outputs: left, kept, value, lines };
    write(entryOf(this.#run, this.#store, this.#warn, given));
    return outcome;
  }

  #makeFolder({ path, name }: Output): void {
    try {
      mkdirSync(dirname(path), { recursive: true });
    } catch (cause) {
      throw this.#error(path, `the folder for its output ${name} can't be made; nothing was started`, cause);
    }
  }

  /** Puts the contents of its outputs into the store; false, and told, where that can't be. */
  *#kept(left: readonly Found[]): Paced<boolean> {
    for (const [name, digest] of left)
      if ((yield* this.#store.tryPaced(this.#warn, keep(this.#store, this.#plan.pathOf(name), digest))) === undefined)
        return false;
    return true;
  }

  /** Runs what it is around. */
  *#inside(lines: LastLines | undefined): Paced<Outcome<any>> {
    this.#phase = 'running';
    const outcome = new Promise((resolve) => {
      const hear = lines === undefined || this.#settings.lines === 0 ? {} : { lines: lines.add.bind(lines) };
      this.#child = this.#run.start(this.#inner, { ...hear, settle: resolve });
    });
    return (yield outcome) as Outcome<any>;
  }

  #notMade(name: string): Outcome<never> {
    const hint = `${name} was declared as an output, and is not there`;
    return { type: 'failed', error: this.#error(this.#plan.pathOf(name), hint) };
  }

  #error(path: string, hint: string, cause?: unknown): RunError {
    const { id: run, spec, label } = this.#run;
    return new RunError({ reason: { type: 'file', path }, run, spec, label, hint, cause });
  }

  #putAside({ marks }: Hold): void {
    this.#store.try(this.#warn, () => {
      const folder = moveAside(marks, this.#store);
      if (folder !== undefined) this.#sink.note(`failed: what it left of its outputs is in ${folder}`, { folder });
    });
  }

  *#changedMeanwhile(seen: Seen): Paced<string[]> {
    const changed = [...(yield* this.#look.newCode())];
    try {
      const now = yield* this.#look.files();
      for (const [name, digest] of seen.files)
        if (now.get(name) !== digest) changed.push(fileChange(name, digest, now.get(name) ?? MISSING));
      const found = [...this.#found];
      changed.push(...foundDifferences(found, yield* this.#look.found(found.map(([what]) => what))));
    } catch (error) {
      // Gone, or cut short: that doesn't undo what it has done.
      changed.push(toError(error).message.split('\n', 1)[0]!);
    }
    return changed;
  }

  // --- what is asked of it ------------------------------------------------------------------------------------------------

  /** Inputs, outputs and variables that are found while it runs: they decide from now on whether the entry holds. */
  *amend(inputs: readonly string[], outputs: readonly string[], env: readonly string[]): Paced<void> {
    if (this.#phase !== 'running') throw new TypeError('amend: the memo around it is not at work any more');
    for (const path of inputs) {
      const input = this.#plan.inputAt(path);
      working.check(this.#step, input);
      this.#script?.reads([input.name]);
      if (!this.#found.has(input.name)) this.#found.set(input.name, yield* this.#look.foundNow(input.name));
    }
    for (const name of env) this.#found.set(`$${name}`, yield* this.#look.foundNow(`$${name}`));
    for (const path of outputs) {
      const output = this.#plan.outputAt(path, this.#store.folder);
      if (output === undefined) continue;
      working.enterOutput(this.#step, output);
      this.#script?.declare([output.name], this.#look.stepName(this.#hold?.key ?? ''), this.#warn);
      if (this.#hold === undefined) continue; // a dry run
      yield* this.#keepForeign([output.name], this.#look.known(this.#hold.key));
      this.#hold.takeNow(output);
    }
  }

  pause(): void {}
  play(): void {}
  kill(by: string): void {
    // What has ended is looked at and written down all the same: else its outputs would be nobody's.
    if (this.#phase === 'running') this.#child?.kill(by);
    else if (this.#phase === 'before') {
      this.#stop();
      this.#sink.settle({ type: 'killed', by });
    }
  }
  describe(): string {
    return this.#phase === 'running'
      ? ''
      : `${this.#phase === 'before' ? 'looks at' : 'remembers'} its inputs and outputs`;
  }
}

function isThere([, digest]: Found): boolean {
  return digest !== MISSING;
}
