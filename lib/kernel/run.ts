// The record of a run: what its runner reports to, what it asks of its surroundings, and what others see of it, in one
// object, because there may be hundreds of thousands.
//
// L1  Reports and orders go through the queue to `handle`. What a runner says inside its own `start` is handled in place.
// L3  A run settles once, and only after everything it started has settled: a run whose runner is done kills what is
//     left of its children ("parent ended") and waits for them.
// L5  A stream is held while its undelivered reports exceed 256 KiB.
// L7  Every run that was started ends in one settle event; see task.ts for spawned runs.
import { callAsyncAs } from './current.ts';
import { enqueue, turning } from './engine.ts';
import { isRunError, killedError, RunError, toError } from './error.ts';
import type { Json, Outcome, RunId, Spec, State, StreamName } from './event.ts';
import { lineEvent, LinesEntry, toEvent, type Entry } from './entry.ts';
import { Feed } from './feed.ts';
import { isThenable, MANY, type Late } from './late.ts';
import { RunIterator } from './iterate.ts';
import { toRunner, UNNAMED } from './runnable.ts';
import type {
  Ambient,
  ChildOptions,
  ChildSink,
  Context,
  Lines,
  Run,
  Runnable,
  Runner,
  Running,
  Sink,
} from './runner.ts';
import { advise, createRunner } from './runner.ts';
import { joinRunner, nextRunner } from './handle.ts';
import { defaultSpawner, type Scope } from './scope.ts';
import { pump, release, take, type Slot } from './slots.ts';
import type { Command, Spawner } from './spawner.ts';
import type { Task } from './task.ts';

// The operations of the queue. Reports wait while the run is paused; orders don't.
export const DRIVE = 0;
const LINES = 1;
const PARTIAL = 2;
const ITEM = 3;
const NOTE = 4;
const SETTLE = 5;
const ANSWER = 6;
const BEGIN = 7;
const LAST_REPORT = BEGIN;
const KILL = 8;
const PAUSE = 9;
const PLAY = 10;
const SEND = 11;
const END = 12;
const FINALIZE = 13;
const CALL = 14;

const CREATED = 0;
const QUEUED = 1;
const RUNNING = 2;
const ENDING = 3;
const SETTLED = 4;

const UNDELIVERED = 256 * 1024; // bytes
/** Nested starts and ends that are handled in place; deeper ones go through the queue and use no stack. */
const DEEPEST = 40;
let depth = 0;

/** How a run is started, besides what users may say. */
export interface RunOptions extends ChildOptions {
  readonly sink?: ChildSink<any, any> | undefined;
  /** Started by `spawn`: its failure is its parent's unless somebody joins it. */
  readonly spawned?: boolean;
  /** Read by `for await` from its start. */
  readonly iterated?: boolean;
  /** Awaited by the user's own code: `runner.run()` in a task. */
  readonly promised?: boolean;
  /** Called before it begins. */
  readonly prepared?: ((run: RunRecord) => void) | undefined;
}

export class RunRecord<T = any> implements Sink<T>, Context, Run<T> {
  readonly parent: RunRecord | undefined;
  readonly #key: string | number;
  #id: RunId | undefined;
  readonly runner: Runner<T>;
  readonly scope: Scope;
  readonly ambient: Ambient;
  readonly sink: ChildSink<any, any> | undefined;

  #firstChild: RunRecord | undefined;
  #nextSibling: RunRecord | undefined;
  #previousSibling: RunRecord | undefined;
  #count = 0;

  #phase = CREATED;
  #starting = false;
  #reported = false;
  #told = false;
  #early: Outcome<T> | undefined;
  #running: Running | undefined;
  outcome: Outcome<T> | undefined;
  /** How it will have ended, whatever its runner says: it was killed, or a callback of its threw. */
  #doom: Outcome<T> | undefined;
  task: Task | undefined;
  #startedAt = 0;
  #feed: Feed | undefined;
  /** The nearest run above that hears what is announced: events skip those between. */
  #listening: RunRecord | undefined;
  #last: LinesEntry | undefined;
  #settleCalls: Array<() => void> | undefined;
  #controller: AbortController | undefined;

  /** Waits in the line for a slot. */
  queued = false;
  slot: Slot | undefined;
  readonly spawned: boolean;
  /** Begun by an iterator: `for await`, or `yield*` in an async generator. */
  readonly #byIterator: boolean;
  iterated: boolean;
  readonly promised: boolean;
  /** It, or a run above it, may be one that its task doesn't wait for. */
  readonly loose: boolean;
  readonly #shielded: boolean;
  /** Joins that wait for it. */
  joining = 0;
  #reading = false;

  #pausedItself = false;
  #pausedAbove = false;
  #deferred: unknown[] | undefined;
  /** What was sent before it began. */
  #mail: unknown[] | undefined;
  #holds = 0;
  #keptUp: (() => void)[] | undefined;
  #full = false;
  #undelivered = 0;
  /** Reports on the queue. */
  #pending = 0;
  #late: Late | undefined;

  constructor(
    parent: RunRecord | undefined,
    key: string | number,
    runner: Runner<T>,
    scope: Scope,
    ambient: Ambient,
    options: RunOptions,
  ) {
    this.parent = parent;
    this.#key = key;
    this.runner = runner;
    this.scope = scope;
    this.ambient = ambient;
    this.sink = options.sink;
    this.spawned = options.spawned === true;
    this.#byIterator = options.iterated === true;
    // In a task it is known with the second event only: `yield*` asks for no more than one.
    this.iterated = this.#byIterator && parent === undefined;
    this.promised = options.promised === true;
    this.loose = parent !== undefined && (this.spawned || this.#byIterator || this.promised || parent.loose);
    this.#shielded = runner.traits.shield === true || (parent !== undefined && parent.#shielded);
    if (parent !== undefined) {
      this.#pausedAbove = parent.paused;
      this.#listening = parent.#hasEars ? parent : parent.#listening;
      const first = parent.#firstChild;
      if (first !== undefined) first.#previousSibling = this;
      this.#nextSibling = first;
      parent.#firstChild = this;
    }
  }

  // --- what it is ---------------------------------------------------------------------------------------------------

  get id(): RunId {
    if (this.#id !== undefined) return this.#id;
    // From the nearest known one down, without recursion: tasks may be nested ten thousand deep.
    const unknown: RunRecord[] = [this];
    let run = this.parent;
    for (; run !== undefined && run.#id === undefined; run = run.parent) unknown.push(run);
    let id = run === undefined ? '' : run.#id!;
    for (let i = unknown.length - 1; i >= 0; i--) {
      const below = unknown[i]!;
      if (id === '') id = String(below.#key);
      else if (below.#key !== '') id = `${id}.${below.#key}`;
      below.#id = id;
    }
    return id;
  }
  get spec(): Spec {
    return this.scope.masking ? this.scope.masker.value(this.runner.spec) : this.runner.spec;
  }
  /** A generator object has no name of its own: the key it was started with says more. */
  get label(): string {
    const { label } = this.runner;
    return this.mask(label === UNNAMED && typeof this.#key === 'string' && this.#key !== '' ? this.#key : label);
  }
  get state(): State<T> {
    if (this.#phase === SETTLED) return this.outcome!;
    const waiting = this.task?.waiting;
    const from = this.#phase <= QUEUED ? 'created' : waiting === undefined ? 'running' : 'waiting';
    if (this.paused) return { type: 'paused', from };
    return waiting !== undefined && from === 'waiting'
      ? { type: 'waiting', on: waiting.id }
      : { type: from as 'created' | 'running' };
  }
  get since(): number | undefined {
    return this.#startedAt === 0 ? undefined : this.#startedAt;
  }
  get lastLine(): string | undefined {
    const line = this.#last?.take().at(-1);
    return line === undefined ? undefined : this.mask(line);
  }
  get detail(): string {
    if (this.#phase === QUEUED) return 'waits for a slot';
    if (this.#phase === CREATED) return 'has not begun';
    if (this.#phase === ENDING) return 'is done; waits for the runs that it started';
    if (this.#late?.outcome !== undefined) return `is done; waits for ${this.#late.count} callbacks of its lines`;
    return this.#running?.describe?.() ?? '';
  }
  get #hasEars(): boolean {
    if (this.#feed !== undefined) return true;
    const sink = this.sink;
    return sink !== undefined && (sink.lines ?? sink.item ?? sink.note ?? sink.partial) !== undefined;
  }
  get settled(): boolean {
    return this.#phase === SETTLED;
  }
  /** Whether it can still report and have children. */
  get open(): boolean {
    return this.#phase < ENDING;
  }
  get paused(): boolean {
    return this.#pausedItself || this.#pausedAbove;
  }
  now(): number {
    return this.ambient.clock.now();
  }

  // --- Context: what its runner asks ----------------------------------------------------------------------------------

  get cwd(): string {
    return this.ambient.cwd ?? process.cwd();
  }
  get env(): Readonly<Record<string, string>> {
    return this.ambient.env ?? (process.env as Record<string, string>);
  }
  get ownEnv(): Readonly<Record<string, string>> | undefined {
    return this.ambient.env;
  }
  get clock() {
    return this.ambient.clock;
  }
  get spawner(): Spawner {
    return this.ambient.spawner ?? defaultSpawner();
  }
  get via(): ((command: Command) => Command) | undefined {
    return this.ambient.via;
  }
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#doom !== undefined) this.#controller.abort(this.#abortReason());
    return this.#controller.signal;
  }
  mask(text: string): string {
    return this.scope.masking ? this.scope.masker.text(text) : text;
  }
  start<U>(what: Runnable<U>, sink: ChildSink<U>, options: ChildOptions = {}): Running {
    // A sink that is a run's own hears of the outcome only: the child's lines reach it by themselves.
    const ears = sink instanceof RunRecord ? { settle: (outcome: Outcome<U>) => sink.settle(outcome) } : sink;
    return this.startChild(toRunner(what, this, this.runner.spec.type), { ...options, sink: ears });
  }

  /** Starts a child run. It may have settled when this returns. */
  startChild<U>(runner: Runner<U>, options: RunOptions): RunRecord<U> {
    const { key, within } = options;
    let ambient = within === undefined ? this.ambient : { ...this.ambient, ...within };
    if (ambient.advice.length > 0 && runner.traits.leaf === true) {
      runner = advised(runner, ambient.advice);
      ambient = { ...ambient, advice: [] };
    }
    this.#count++;
    const child = new RunRecord<U>(this, key ?? this.#count, runner, this.scope, ambient, options);
    options.prepared?.(child);
    if (child.paused || depth >= DEEPEST || !turning()) {
      enqueue(child, BEGIN);
    } else {
      child.begin();
      // Who yielded it sees that it has settled; others have to be told.
      if (child.settled && (child.sink !== undefined || child.spawned)) child.#tellParent();
    }
    return child;
  }

  /** A run that the user's own code awaits: the root of a tree, or a branch of a task. `enqueueBegin` starts it. */
  static root<U>(
    owner: RunRecord | undefined,
    key: string | undefined,
    runner: Runner<U>,
    scope: Scope,
    ambient: Ambient,
    options: RunOptions,
  ): RunRecord<U> {
    return new RunRecord<U>(owner, key ?? (owner === undefined ? 1 : ++owner.#count), runner, scope, ambient, options);
  }
  enqueueBegin(): void {
    enqueue(this, BEGIN);
  }

  // --- Sink: what its runner reports ------------------------------------------------------------------------------------

  lines(stream: StreamName, lines: Lines, size?: number): void {
    if (this.#reported || this.#phase >= ENDING || (typeof lines !== 'function' && lines.length === 0)) return;
    let bytes = size ?? 0;
    if (size === undefined && typeof lines !== 'function') for (const line of lines) bytes += line.length + 1;
    this.#undelivered += bytes;
    if (this.#undelivered > UNDELIVERED && !this.#full) {
      this.#full = true;
      this.hold();
    }
    this.#report(LINES, stream, lines, bytes);
  }
  partial(stream: StreamName, text: string): void {
    if (!this.#reported && this.#phase < ENDING) this.#report(PARTIAL, stream, text);
  }
  item(item: unknown): void {
    if (!this.#reported && this.#phase < ENDING) this.#report(ITEM, item);
  }
  note(text: string, data?: Json): void {
    if (this.#phase < SETTLED) this.#report(NOTE, text, data);
  }
  settle(outcome: Outcome<T>): void {
    if (this.#reported) return;
    this.#reported = true;
    if (this.#starting && this.#pending === 0 && turning() && !this.paused) this.#early = outcome;
    else this.#report(SETTLE, outcome);
  }

  #report(operation: number, a: unknown, b?: unknown, c?: unknown): void {
    // Lines and items wait until `start` has returned what they are delivered to.
    if (this.#starting && this.#pending === 0 && operation === NOTE && turning() && !this.paused) {
      this.#handleReport(operation, a, b, c);
    } else {
      this.#pending++;
      enqueue(this, operation, a, b, c);
    }
  }

  // --- Run: what others tell it -----------------------------------------------------------------------------------------

  kill(by = 'kill()'): void {
    enqueue(this, KILL, by);
  }
  pause(): void {
    enqueue(this, PAUSE);
  }
  play(): void {
    enqueue(this, PLAY);
  }
  send(item: unknown): void {
    enqueue(this, SEND, item);
  }
  end(): void {
    enqueue(this, END);
  }
  next() {
    return nextRunner(this);
  }
  join(): Runner<T> {
    return joinRunner(this);
  }
  [Symbol.asyncIterator]() {
    return new RunIterator((started) => this.call(() => started(this)), false) as never;
  }
  /** Calls something inside a turn, now if this is one. */
  call(action: () => void): void {
    if (turning()) action();
    else enqueue(this, CALL, action);
  }
  /** Calls back, inside a turn, when it has settled; at once if it has. The result takes that back. */
  whenSettled(action: () => void): () => void {
    if (this.#phase === SETTLED) {
      action();
      return () => {};
    }
    (this.#settleCalls ??= []).push(action);
    return () => {
      const calls = this.#settleCalls;
      const index = calls?.indexOf(action) ?? -1;
      if (index >= 0) calls!.splice(index, 1);
    };
  }
  ensureFeed(): Feed {
    if (this.#feed === undefined) {
      if (!this.#hasEars) {
        const above = this.#listening;
        for (const run of this.descendants()) if (run.#listening === above) run.#listening = this;
      }
      this.#feed = new Feed(this);
      if (this.#startedAt !== 0 && this.scope.silent !== this)
        this.#feed.push({ type: 'start', run: this, at: this.#startedAt });
      if (this.#phase === SETTLED) this.#feed.end();
    }
    return this.#feed;
  }
  /** The live runs below it, parents before children, in the order of their start. */
  descendants(): RunRecord[] {
    const found: RunRecord[] = [];
    const stack = [...this.#children()];
    for (let run = stack.pop(); run !== undefined; run = stack.pop()) {
      found.push(run);
      stack.push(...run.#children());
    }
    return found;
  }

  // --- the queue's end --------------------------------------------------------------------------------------------------

  handle(operation: number, a: any, b: any, c: any): void {
    if (operation <= LAST_REPORT) {
      if (this.paused && this.#phase < ENDING) {
        (this.#deferred ??= []).push(operation, a, b, c);
        return;
      }
      if (operation !== DRIVE && operation !== ANSWER && operation !== BEGIN) this.#pending--;
      this.#handleReport(operation, a, b, c);
      return;
    }
    switch (operation) {
      case KILL:
        this.#kill(a as string);
        break;
      case PAUSE:
        this.#setPaused(true);
        break;
      case PLAY:
        this.#setPaused(false);
        break;
      case SEND:
        this.#send(a);
        break;
      case END:
        if (this.#phase <= QUEUED) (this.#mail ??= []).push(END, undefined);
        else if (this.#phase === RUNNING) {
          if (this.#running?.end === undefined) this.#onlyChild?.handle(END, 0, 0, 0);
          else this.#running.end();
        }
        break;
      case FINALIZE:
        if (this.#phase === ENDING && this.#firstChild === undefined) this.#finalize();
        break;
      case CALL:
        (a as () => void)();
        break;
    }
  }

  #handleReport(operation: number, a: any, b: any, c: any): void {
    switch (operation) {
      case DRIVE:
        this.task?.drive(a as number, b);
        break;
      case ANSWER:
        this.task?.answered(a as RunRecord);
        break;
      case BEGIN:
        if (this.#phase === CREATED) {
          this.begin();
          if (this.settled) this.#tellParent();
        }
        break;
      case LINES:
        this.#deliver(a as string, b as Lines, c as number);
        break;
      case PARTIAL:
        if (this.#phase < ENDING)
          this.#announce({ type: 'partial', run: this, at: this.now(), stream: a as string, text: b as string });
        break;
      case ITEM:
        if (this.#phase < ENDING) this.#deliverItem(a);
        break;
      case NOTE:
        if (this.#phase < SETTLED)
          this.#announce({ type: 'note', run: this, at: this.now(), text: a as string, data: b as Json | undefined });
        break;
      case SETTLE:
        if (this.#conclude(a as Outcome<T>)) this.#tellParent();
        break;
    }
  }

  // --- beginning ----------------------------------------------------------------------------------------------------------

  /** Starts it, when it has its slot. Afterwards it may have settled; then nobody has been told yet. */
  begin(): void {
    if (this.#phase !== CREATED) return;
    if (
      this.runner.traits.slot === true &&
      !this.#shielded &&
      !this.ambient.dryRun &&
      this.slot === undefined &&
      !take(this)
    ) {
      this.#phase = QUEUED;
      this.queued = true;
      return;
    }
    this.#launch();
  }

  /** It has come to the head of the line. */
  granted(): void {
    this.#phase = CREATED;
    if (this.paused) {
      enqueue(this, BEGIN);
      return;
    }
    this.#launch();
    if (this.settled) this.#tellParent();
  }

  room(): number {
    return this.spawner.room();
  }

  #launch(): void {
    this.#phase = RUNNING;
    this.#startedAt = this.ambient.clock.now();
    if (this.scope.silent !== this) this.#announce({ type: 'start', run: this, at: this.#startedAt });
    if (this.#doom !== undefined) {
      this.#reported = true;
      this.#conclude(this.#doom);
      return;
    }
    if (this.ambient.dryRun && this.runner.traits.leaf === true) {
      this.#reported = true;
      this.#conclude({ type: 'finished', value: this.runner.traits.dry?.() as T });
      return;
    }
    this.#starting = true;
    depth++;
    try {
      this.#running = this.runner.start(this, this);
    } catch (error) {
      this.#reported = true;
      this.#early = { type: 'failed', error: toError(error) };
    }
    depth--;
    this.#starting = false;
    const early = this.#early;
    if (early !== undefined) {
      this.#early = undefined;
      this.#conclude(early);
    } else {
      if (this.#holds > 0) this.#running?.flow?.(false);
      if (this.#doom !== undefined) this.#stop('callback');
      const mail = this.#mail;
      this.#mail = undefined;
      if (mail !== undefined)
        for (let i = 0; i < mail.length; i += 2) this.handle(mail[i] as number, mail[i + 1], 0, 0);
    }
  }

  // --- what takes effect ----------------------------------------------------------------------------------------------------

  #deliver(stream: StreamName, lines: Lines, size: number): void {
    this.#undelivered -= size;
    if (this.#full && this.#undelivered <= UNDELIVERED / 2) {
      this.#full = false;
      this.unhold();
    }
    if (this.#phase >= ENDING) return;
    const entry = new LinesEntry(this, this.now(), stream, lines, size);
    const running = this.#running;
    if (running?.deliver !== undefined && this.#doom?.type !== 'failed') {
      try {
        const name = `the line callback of ${stream}`;
        callAsyncAs(this, () => running.deliver!(stream, entry.lines, (value) => this.#returned(value, name)));
      } catch (error) {
        this.#callbackFailed(`the line callback of ${stream}`, error);
      }
    }
    this.#last = entry;
    this.#announce(entry);
    entry.forget();
  }

  #deliverItem(item: unknown): void {
    const running = this.#running;
    if (running?.deliverItem !== undefined && this.#doom?.type !== 'failed') {
      try {
        callAsyncAs(this, () => running.deliverItem!(item, (value) => this.#returned(value, 'the callback of items')));
      } catch (error) {
        this.#callbackFailed('the callback of items', error);
      }
    }
    this.#announce({ type: 'item', run: this, at: this.now(), item });
  }

  /** Tells everybody above: the sinks of the runs, their readers, the listeners of the loops. */
  #announce(entry: Entry): void {
    if (entry.type === 'lines' || entry.type === 'item') this.ensureFeed();
    for (let run: RunRecord | undefined = this; run !== undefined; run = run.#listening) {
      run.#feed?.push(entry);
      if (run.sink !== undefined) run.#hear(run.sink, entry);
    }
    for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.outer) {
      for (const { name, listen } of scope.listeners) {
        try {
          if (entry.type !== 'lines') this.#returned(listen(toEvent(entry)), name);
          else for (const line of entry.lines) this.#returned(listen(lineEvent(entry, line)), name);
        } catch (error) {
          this.fail(this.#callbackError(name, error));
        }
      }
    }
  }

  #hear(sink: ChildSink<any, any>, entry: Entry): void {
    try {
      if (entry.type === 'lines') sink.lines?.(entry.stream, entry.lines, entry.size);
      else if (entry.type === 'item') sink.item?.(entry.item);
      else if (entry.type === 'note') sink.note?.(entry.text, entry.data);
      else if (entry.type === 'partial') sink.partial?.(entry.stream, entry.text);
    } catch (error) {
      this.parent?.fail(toError(error));
    }
  }

  /** What a callback returned. A promise is waited for by this run, or, when it has its outcome, by one above. */
  #returned(value: unknown, name: string): void {
    if (value === undefined || !isThenable(value)) return;
    let waiting: RunRecord = this;
    while (!waiting.open && waiting.parent !== undefined) waiting = waiting.parent;
    if (!waiting.open) {
      // All has been told. After a failure or a kill one more failure is nothing new; else an unhandled rejection tells it.
      if (waiting.outcome?.type !== 'finished') value.then(undefined, () => {});
      return;
    }
    const late = (waiting.#late ??= { count: 0, holding: false, outcome: undefined });
    if (++late.count > MANY && !late.holding) {
      late.holding = true;
      waiting.hold();
    }
    value.then(
      () => waiting.call(() => waiting.#arrived(late)),
      (error: unknown) =>
        waiting.call(() => {
          waiting.#callbackFailed(name, error);
          waiting.#arrived(late);
        }),
    );
  }
  #arrived(late: Late): void {
    late.count--;
    if (late.holding && late.count <= MANY / 2) {
      late.holding = false;
      this.unhold();
    }
    if (late.count === 0) this.#settleLate();
  }
  /** Settles with what it has waited with: all callbacks have come, or it was killed or has failed meanwhile. */
  #settleLate(): void {
    const outcome = this.#late?.outcome;
    if (outcome === undefined) return;
    this.#late!.outcome = undefined;
    this.#report(SETTLE, outcome);
  }
  #callbackFailed(name: string, error: unknown): void {
    this.fail(isRunError(error) ? error : this.#callbackError(name, error));
  }

  #callbackError(name: string, error: unknown): RunError {
    return new RunError({
      reason: { type: 'callback', name },
      run: this.id,
      spec: this.spec,
      label: this.label,
      cause: error,
    });
  }

  /** Fails it for something that its runner doesn't know of: its work is ended, then it has failed with this error. */
  fail(error: Error): void {
    if (this.#phase === SETTLED || this.#doom?.type === 'failed') return;
    this.#doom = { type: 'failed', error };
    if (this.#phase === RUNNING && !this.#starting) {
      this.#stop('callback');
      this.#settleLate();
    } else if (this.#phase === ENDING) this.outcome = this.#doom;
  }

  // --- killing ----------------------------------------------------------------------------------------------------------------

  #kill(by: string): void {
    if (this.#phase >= ENDING) {
      if (by === 'SIGKILL') this.killChildren(by);
      return;
    }
    if (this.#doom !== undefined && by !== 'SIGKILL') return;
    this.#doom ??= { type: 'killed', by };
    if (this.#phase !== RUNNING) {
      this.queued = false;
      this.runner.traits.discard?.();
      this.#reported = true;
      if (this.#conclude(this.#doom)) this.#tellParent();
      return;
    }
    this.#stop(by);
    this.#settleLate();
  }

  #stop(by: string): void {
    this.#unpause();
    try {
      this.#running?.kill(by);
    } catch (error) {
      this.#report(SETTLE, { type: 'failed', error: toError(error) });
    }
    this.killChildren(by);
    this.#controller?.abort(this.#abortReason());
  }

  #abortReason(): Error {
    return this.errorOf(this.#doom as Outcome<T> & { type: 'killed' | 'failed' });
  }

  /** Kills what it has started, except what is shielded. */
  killChildren(by: string): void {
    for (const child of [...this.#children()]) {
      if (child.runner.traits.shield === true) {
        child.#playOn();
        continue;
      }
      if (depth >= DEEPEST) {
        enqueue(child, KILL, by);
        continue;
      }
      depth++;
      child.#kill(by);
      depth--;
    }
  }

  /** A second Ctrl-C: whatever still runs gets SIGKILL now, shielded or not. */
  killHard(): void {
    for (const run of this.descendants()) {
      // Whatever has nothing below it: programs, also those that are stages of a pipe or were left behind.
      if (run.#phase === RUNNING && run.#firstChild === undefined) run.#running?.kill('SIGKILL');
    }
    if (this.#phase === RUNNING && this.#firstChild === undefined) this.#running?.kill('SIGKILL');
  }

  *#children(): Generator<RunRecord> {
    for (let child = this.#firstChild; child !== undefined;) {
      const next: RunRecord | undefined = child.#nextSibling;
      yield child;
      child = next;
    }
  }

  /** What code of a killed run starts is killed before it begins, except what is shielded (L4). */
  refuse(child: RunRecord): void {
    if (this.#doom === undefined || child.runner.traits.shield === true) return;
    child.call(() => child.#kill(this.#doom!.type === 'killed' ? (this.#doom as { by: string }).by : 'callback'));
  }

  /** The error that tells of an outcome. */
  errorOf(outcome: Outcome<unknown>): Error {
    if (outcome.type === 'failed') return outcome.error;
    const { by, cause } = outcome as Extract<Outcome<unknown>, { type: 'killed' }>;
    return killedError(by, { run: this.id, spec: this.spec, label: this.label, cause });
  }

  // --- ending -----------------------------------------------------------------------------------------------------------------

  /** Its runner is done. True when it has settled now; then its parent has yet to be told. */
  #conclude(reported: Outcome<T>): boolean {
    if (this.#phase >= ENDING) return false;
    if (this.#doom === undefined && this.#late !== undefined && this.#late.count > 0) {
      this.#late.outcome = reported;
      return false;
    }
    this.outcome = this.#final(reported);
    this.#phase = ENDING;
    this.#reported = true;
    if (this.#firstChild !== undefined) {
      this.#unpause();
      this.killChildren('parent ended');
      // The last of them finalizes this run, and tells.
      if (this.#firstChild !== undefined || this.settled) return false;
    }
    this.#finalize(false);
    return true;
  }

  #final(reported: Outcome<T>): Outcome<T> {
    const doom = this.#doom;
    if (doom === undefined || doom.type === 'failed') return doom ?? reported;
    if (reported.type === 'failed' && !isRunError(reported.error, 'killed'))
      return { ...(doom as { type: 'killed'; by: string }), cause: reported.error };
    return doom;
  }

  /** Everything below has settled: so does this. */
  #finalize(tell = true): void {
    const at = this.ambient.clock.now();
    if (this.scope.silent !== this) {
      const ms = this.#startedAt === 0 ? 0 : at - this.#startedAt;
      this.#announce({ type: 'settle', run: this, at, outcome: this.outcome!, ms });
    }
    this.#phase = SETTLED;
    this.#running = undefined;
    this.#deferred = undefined;
    this.#feed?.end();
    const parent = this.parent;
    if (parent !== undefined) {
      if (this.#previousSibling !== undefined) this.#previousSibling.#nextSibling = this.#nextSibling;
      else parent.#firstChild = this.#nextSibling;
      if (this.#nextSibling !== undefined) this.#nextSibling.#previousSibling = this.#previousSibling;
      this.#previousSibling = this.#nextSibling = undefined;
    }
    if (this.slot !== undefined) release(this);
    if (tell) this.#tellParent();
  }

  #tellParent(): void {
    // The last of its children to end may have told while it was still being started.
    if (this.#told) return;
    this.#told = true;
    const outcome = this.outcome!;
    const joined = this.joining > 0;
    const calls = this.#settleCalls;
    this.#settleCalls = undefined;
    if (calls !== undefined) for (const call of calls) call();
    const parent = this.parent;
    if (this.sink !== undefined) {
      try {
        this.sink.settle?.(outcome);
      } catch (error) {
        parent?.fail(toError(error));
      }
    } else if (parent !== undefined) {
      if (this.spawned) {
        if (outcome.type === 'failed' && !joined && this.runner.traits.unchecked !== true)
          parent.task?.failedChild(outcome.error);
      } else if (parent.task !== undefined) {
        if (parent.paused || depth >= DEEPEST) enqueue(parent, ANSWER, this);
        else {
          depth++;
          parent.task.answered(this);
          depth--;
        }
      }
    }
    if (parent !== undefined && parent.#phase === ENDING && parent.#firstChild === undefined) {
      if (depth >= DEEPEST) enqueue(parent, FINALIZE);
      else {
        depth++;
        parent.#finalize();
        depth--;
      }
    }
  }

  // --- pause, send, back-pressure -------------------------------------------------------------------------------------------

  #setPaused(paused: boolean): void {
    if (this.#phase >= ENDING || this.#doom !== undefined || this.#pausedItself === paused) return;
    const before = this.paused;
    this.#pausedItself = paused;
    if (this.paused !== before) this.#applyPause(this.paused);
  }

  #applyPause(paused: boolean): void {
    const stack: RunRecord[] = [this];
    for (let run = stack.pop(); run !== undefined; run = stack.pop()) {
      run.#tellPaused(paused ? 'pause' : 'play');
      if (paused) run.#running?.pause();
      else {
        run.#running?.play();
        run.#flushDeferred();
      }
      for (const child of run.#children()) {
        // What is ending is not held up: nobody would play it on.
        if (paused && (child.#doom !== undefined || child.#phase >= ENDING)) continue;
        const before = child.paused;
        child.#pausedAbove = paused;
        if (child.paused !== before) stack.push(child);
      }
    }
  }

  #tellPaused(type: 'pause' | 'play'): void {
    // Of one that has not begun nobody knows yet; it begins when it is played on.
    if (this.#startedAt !== 0 && this.scope.silent !== this) this.#announce({ type, run: this, at: this.now() });
  }

  /** A kill ends a pause, of everything below too. */
  #unpause(): void {
    if (!this.paused) return;
    this.#pausedItself = false;
    this.#pausedAbove = false;
    this.#tellPaused('play');
    this.#running?.play();
    this.#flushDeferred();
  }

  /** What is shielded from a kill isn't held by the pause that the kill has ended. */
  #playOn(): void {
    const before = this.paused;
    this.#pausedItself = this.#pausedAbove = false;
    if (before) this.#applyPause(false);
  }

  #flushDeferred(): void {
    const deferred = this.#deferred;
    this.#deferred = undefined;
    if (deferred === undefined) return;
    for (let i = 0; i < deferred.length; i += 4)
      enqueue(this, deferred[i] as number, deferred[i + 1], deferred[i + 2], deferred[i + 3]);
  }

  /** What takes no items itself (advice, `within`, a task at a yield) hands them to the one run that it waits for. */
  get #onlyChild(): RunRecord | undefined {
    const child = this.#firstChild;
    return child === undefined || child.#nextSibling !== undefined || child.spawned ? undefined : child;
  }

  #send(item: unknown): void {
    if (this.#phase <= QUEUED) {
      (this.#mail ??= []).push(SEND, item);
      return;
    }
    if (this.#phase !== RUNNING) return;
    const running = this.#running;
    if (running?.send === undefined) {
      const inner = this.#onlyChild;
      if (inner !== undefined) {
        inner.#send(item);
        return;
      }
      this.fail(
        new RunError({
          reason: { type: 'closed' },
          run: this.id,
          spec: this.spec,
          label: this.label,
          hint: `nothing can be sent to a ${this.spec.type}`,
        }),
      );
      return;
    }
    try {
      running.send(item);
    } catch (error) {
      this.fail(toError(error));
    }
  }

  /** One more reason not to read on. */
  hold(): void {
    if (this.#holds++ === 0) this.#running?.flow?.(false);
  }
  unhold(): void {
    if (--this.#holds > 0) return;
    this.#running?.flow?.(true);
    if (this.#keptUp !== undefined) this.#sayKeptUp();
  }
  /** Calls back when no reader is behind, at once if that is so after what was reported until now has taken effect. */
  whenKeptUp(action: () => void): void {
    (this.#keptUp ??= []).push(action);
    if (this.#pending > 0) enqueue(this, CALL, () => this.#sayKeptUp());
    else this.#sayKeptUp();
  }
  #sayKeptUp(): void {
    const actions = this.#keptUp;
    if (actions === undefined || this.#holds > 0) return;
    this.#keptUp = undefined;
    for (const action of actions) action();
  }

  // --- slots ------------------------------------------------------------------------------------------------------------------

  /** Whether its task doesn't wait for it now, so that what holds slots in it lends them to that task's other runs. */
  get #unwaited(): boolean {
    if (this.spawned) return this.joining === 0;
    if (this.#byIterator) return !this.#reading;
    return this.promised && this.parent?.task?.inCode === false;
  }

  /** Whether this holder of a slot lends it to anybody now. */
  get lends(): boolean {
    for (let run: RunRecord = this; run.parent !== undefined; run = run.parent) if (run.#unwaited) return true;
    return false;
  }

  /** Whether this holder of a slot lends it to a run: that one is below a task which doesn't wait for the holder now. */
  lendsTo(borrower: RunRecord): boolean {
    const above = new Set<RunRecord>();
    for (let run = borrower.parent; run !== undefined; run = run.parent) above.add(run);
    let branch: RunRecord = this;
    while (branch.parent !== undefined && !above.has(branch.parent)) branch = branch.parent;
    return branch.parent !== undefined && branch.#unwaited;
  }

  /** Whether its reader waits for it now. */
  read(waits: boolean): void {
    if (this.#reading === waits) return;
    this.#reading = waits;
    if (!waits) pump();
  }

  /** Its task now waits for another of its runs, so slots that it holds elsewhere can be lent. */
  startsWaiting(): void {
    const first = this.#firstChild;
    if (this.loose || (first !== undefined && first.#nextSibling !== undefined)) pump();
  }
}

/** A runner in the advice of its surroundings; advice that throws fails the run. */
function advised<T>(runner: Runner<T>, advice: Ambient['advice']): Runner<T> {
  try {
    return advise(runner, ...advice);
  } catch (error) {
    const start = (): never => {
      throw error;
    };
    return createRunner<T>({ spec: runner.spec, label: runner.label, start });
  }
}
