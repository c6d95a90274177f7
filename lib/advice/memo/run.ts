// A run of a memo: looks whether what is known is still true, and else runs what it is around and remembers what comes of it.
//
// The order of things, so that neither a crash nor another process can make a wrong entry:
//   1. look: the digests of the inputs give the key, the key an entry, the entry what its outputs have to be
//   2. take the locks and look again: somebody else may have done it meanwhile (at the inputs, if it had to wait). A
//      lock is the mark of a step at work too: it says what an output was before
//   3. keep what would be overwritten and is no run's
//   4. run; on failure what was changed since the mark goes out of the way
//   5. look at the inputs once more: an entry whose inputs changed meanwhile would be a lie
//   6. store the entry, then let go of the locks
import { toError, type Context, type Outcome, type Runner, type Running, type Sink } from '../../kernel/index.ts';
import { coreOf } from '../../kernel/create.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { sha256 } from '../../store/digest.ts';
import { MISSING } from '../../store/files.ts';
import type { Paced } from '../../store/paced.ts';
import { storeAt, type Store, type Warn } from '../../store/store.ts';
import { few, fileChange, foundDifferences } from './diff.ts';
import { drive } from './drive.ts';
import type { Entry, Found, Step } from './entry.ts';
import { Hold } from './hold.ts';
import { LastLines } from './lines.ts';
import { Look, type Fresh, type Seen } from './look.ts';
import type { Settings } from './options.ts';
import { Outputs } from './outputs.ts';
import { Plan } from './plan.ts';
import { projectAround } from './project.ts';
import { reasons } from './reasons.ts';
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

/** A run of a memo. */
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
  readonly #outputs: Outputs;
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
    this.#outputs = new Outputs(this.#plan, this.#store, this.#look, this.#run, sink, this.#warn);
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
      if (fresh !== undefined && (yield* this.#outputs.putBack(fresh.restore, known)))
        return this.#replay(fresh.memory);
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

  /** What is known of this step, under whatever key; `known`: under this one. */
  #latest(key: string, known: Step | undefined): Step | undefined {
    if (known !== undefined || this.#look.stepName(key) !== key) return known;
    return stepOfLabel(this.#store, this.#run.label, this.#warn);
  }

  /** Why it runs: what is not as it was the last time. */
  *#why(seen: Seen, known: Step | undefined, fresh: Fresh | undefined): Paced<readonly string[]> {
    if (this.#refreshed) return ['it was asked for'];
    if (fresh !== undefined) return fresh.restore.map(([name]) => `output ${name} can't be put back`);
    if (known === undefined) return [];
    return yield* reasons(this.#look, this.#plan, seen, known);
  }

  *#show(seen: Seen, fresh: Fresh | undefined, remade: readonly string[]): Paced<Outcome<any>> {
    const why =
      remade.length > 0 ? remade : yield* this.#why(seen, this.#latest(seen.key, this.#look.known(seen.key)), fresh);
    if (fresh !== undefined && remade.length === 0) {
      this.#sink.note(`would put back: ${few(fresh.restore.map(([name]) => name)).join(', ')}`);
      return { type: 'finished', value: fresh.memory.value };
    }
    working.wouldMake(this.#step);
    this.#sink.note(`would run: ${why.length === 0 ? 'for the first time' : why.join('; ')}`, { why });
    return yield* this.#inside(undefined);
  }

  // --- what is done -------------------------------------------------------------------------------------------------------

  *#do(seen: Seen, known: Step | undefined, hold: Hold): Paced<Outcome<any>> {
    const why = yield* this.#why(seen, this.#latest(seen.key, known), undefined);
    if (why.length > 0) this.#sink.note(`runs: ${why.join('; ')}`, { why });
    const names = this.#plan.outputs.map(({ name }) => name);
    yield* this.#outputs.keepForeign(names, known);
    hold.mark();
    this.#outputs.makeFolders();
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
        if (outcome.type === 'finished' && missing !== undefined) outcome = this.#outputs.notMade(missing[0]);
      } catch (error) {
        if (outcome.type === 'finished') outcome = { type: 'failed', error: toError(error) };
      }
    }
    const latest = { label: this.#run.label, at, parts: seen.parts, found: [...this.#found], why };
    const write = (entry: Entry | undefined): void =>
      writeStep(this.#store, this.#look.stepName(seen.key), known, latest, left.filter(isThere), entry, this.#warn);
    if (outcome.type !== 'finished') {
      this.#outputs.putAside(hold);
      if (this.#settings.partial === 'keep' && left.length > 0) write(undefined);
      return outcome;
    }
    const changed = yield* this.#changedMeanwhile(seen);
    if (changed.length > 0) {
      this.#sink.note(`not remembered: while it ran, ${changed.join('; ')}`, { changed });
      write(undefined);
      return outcome;
    }
    const kept = this.#settings.keep && (yield* this.#outputs.keep(left));
    const { value } = outcome as { value: unknown };
    const ms = this.#run.now() - at;
    const given = { key: seen.key, at, ms, found: latest.found, outputs: left, kept, value, lines };
    write(entryOf(this.#run, this.#store, this.#warn, given));
    return outcome;
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

  *#changedMeanwhile(seen: Seen): Paced<string[]> {
    const changed = [...this.#look.newCode(seen)];
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
      this.#hold.takeNow(output);
      this.#outputs.makeFolder(output);
      yield* this.#outputs.keepForeign([output.name], this.#look.known(this.#hold.key));
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
