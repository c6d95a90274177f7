// The record of a run: what its runner reports to, what it asks of its surroundings, and what others see of it, in one
// object, because there may be hundreds of thousands. It holds the state; what happens to a run is in the folder run/, from
// the bottom up:
//
//   operations  the phases, and the operations of the queue
//   tree        who has started whom (L3)
//   flow        back-pressure (L5)
//   announce    what takes effect is told to everybody above (L7)
//   report      what its runner reports (L1)
//   pause       pause and play
//   send        items for it
//   settle      its end (L3, L7)
//   kill        killing and failing it (L4)
//   begin       its slot and its start
//   seen        what others see of it
//   perform     the queue's end: which operation does what (L1)
//
// Each imports only those before it; what it needs of one behind it goes through the methods here.
import { enqueue, turning } from './engine.ts';
import type { LinesEntry } from './entry.ts';
import { killedError } from './error.ts';
import type { Json, Outcome, RunId, Spec, State, StreamName } from './event.ts';
import type { Feed } from './feed.ts';
import { joinRunner, nextRunner } from './handle.ts';
import { RunIterator } from './iterate.ts';
import type { Late } from './late.ts';
import { listenerAt, feedOf } from './run/announce.ts';
import { beginChild, granted, type RunOptions } from './run/begin.ts';
import { whenKeptUp } from './run/flow.ts';
import { fail, killChildren, signalOf } from './run/kill.ts';
import { CALL, CREATED, END, ENDING, ITEM, KILL, PARTIAL, PAUSE, PLAY, SEND, SETTLED } from './run/operations.ts';
import { perform } from './run/perform.ts';
import { report, reportLines, reportNote, reportOutcome } from './run/report.ts';
import { detailOf, labelOf, stateOf } from './run/seen.ts';
import { whenSettled } from './run/settle.ts';
import { descendants, idOf, link } from './run/tree.ts';
import { toRunner } from './runnable.ts';
import type { Ambient, ChildOptions, ChildSink, Context, Lines } from './runner.ts';
import type { Run, Runnable, Runner, Running, Sink } from './runner.ts';
import { advised } from './create.ts';
import { defaultSpawner, type Scope } from './scope.ts';
import type { Slot } from './slots.ts';
import type { Command, Spawner } from './spawner.ts';
import type { Task } from './task.ts';

/** A run. What is above its constructor is for the folder run/, except where a comment or a public name says otherwise. */
export class RunRecord<T = any> implements Sink<T>, Context, Run<T> {
  readonly parent: RunRecord | undefined;
  readonly runner: Runner<T>;
  readonly scope: Scope;
  readonly ambient: Ambient;
  readonly sink: ChildSink<any, any> | undefined;
  task: Task | undefined;
  /** How it has ended; not final before it has settled. */
  outcome: Outcome<T> | undefined;

  // What it was started as.
  readonly spawned: boolean;
  /** Begun by an iterator: `for await`, or `yield*` in an async generator. */
  readonly byIterator: boolean;
  iterated: boolean;
  readonly promised: boolean;
  /** It, or a run above it, may be one that its task doesn't wait for. */
  readonly loose: boolean;
  readonly shielded: boolean;

  // tree
  readonly key: string | number;
  /** Its id, once somebody has asked for it. */
  knownId: RunId | undefined;
  firstChild: RunRecord | undefined;
  nextSibling: RunRecord | undefined;
  previousSibling: RunRecord | undefined;
  /** Children that it has started. */
  count = 0;

  // begin, settle, kill
  phase = CREATED;
  running: Running | undefined;
  startedAt = 0;
  /** Inside its runner's `start`. */
  starting = false;
  /** What its runner settled with in there. */
  early: Outcome<T> | undefined;
  /** Its runner has settled: what it reports from now on is dropped. */
  reported = false;
  /** How it will have ended, whatever its runner says: it was killed, or a callback of its threw. */
  doom: Outcome<T> | undefined;
  /** Its parent knows of its end. */
  told = false;
  settleCalls: Array<() => void> | undefined;
  controller: AbortController | undefined;
  /** Promises of its callbacks. */
  late: Late | undefined;

  // announce
  feed: Feed | undefined;
  /** The nearest run above that hears what is announced: events skip those between. */
  listening: RunRecord | undefined;
  last: LinesEntry | undefined;

  // slots
  /** Waits in the line for a slot. */
  queued = false;
  slot: Slot | undefined;
  /** Joins that wait for it. */
  joining = 0;
  /** An iterator waits for its next event. */
  reading = false;

  // pause, send
  pausedItself = false;
  pausedAbove = false;
  /** Reports that wait for the end of a pause: four places each. */
  deferred: unknown[] | undefined;
  /** What was sent before it began, or before what it goes around did: two places each. */
  mail: unknown[] | undefined;
  /** What it goes around, if it is an advice; known from its beginning. */
  core: Runner<any, any> | undefined;

  // flow
  /** Reasons not to read on. */
  holds = 0;
  keptUp: (() => void)[] | undefined;
  /** One of the reasons is the reports that are undelivered, in bytes. */
  full = false;
  undelivered = 0;
  /** Reports on the queue. */
  pending = 0;

  constructor(
    parent: RunRecord | undefined,
    key: string | number,
    runner: Runner<T>,
    scope: Scope,
    ambient: Ambient,
    options: RunOptions,
  ) {
    this.parent = parent;
    this.key = key;
    this.runner = runner;
    this.scope = scope;
    this.ambient = ambient;
    this.sink = options.sink;
    this.spawned = options.spawned === true;
    this.byIterator = options.iterated === true;
    // In a task it is known with the second event only: `yield*` asks for no more than one.
    this.iterated = this.byIterator && parent === undefined;
    this.promised = options.promised === true;
    this.loose = parent !== undefined && (this.spawned || this.byIterator || this.promised || parent.loose);
    this.shielded = runner.traits.shield === true || (parent !== undefined && parent.shielded);
    if (parent !== undefined) {
      this.pausedAbove = parent.paused;
      this.listening = listenerAt(parent);
      link(this, parent);
    }
  }

  // --- what it is ---------------------------------------------------------------------------------------------------

  get id(): RunId {
    return idOf(this);
  }
  get spec(): Spec {
    return this.scope.masking ? this.scope.masker.value(this.runner.spec) : this.runner.spec;
  }
  get label(): string {
    return this.mask(labelOf(this));
  }
  get state(): State<T> {
    return stateOf(this);
  }
  get since(): number | undefined {
    return this.startedAt === 0 ? undefined : this.startedAt;
  }
  get lastLine(): string | undefined {
    const line = this.last?.take().at(-1);
    return line === undefined ? undefined : this.mask(line);
  }
  get detail(): string {
    return detailOf(this);
  }
  /** Whether a run below, or this one, isn't read on because a reader is behind. */
  get held(): boolean {
    return this.holds > 0 || this.descendants().some((run) => run.holds > 0);
  }
  get settled(): boolean {
    return this.phase === SETTLED;
  }
  /** Whether it can still report and have children. */
  get open(): boolean {
    return this.phase < ENDING;
  }
  get paused(): boolean {
    return this.pausedItself || this.pausedAbove;
  }
  /** Milliseconds since the epoch, by its clock. */
  now(): number {
    return this.ambient.clock.now();
  }
  /** What its subtree tells its readers: kept from now on. */
  ensureFeed(): Feed {
    return feedOf(this);
  }
  /** The live runs below it, parents before children, in the order of their start. */
  descendants(): RunRecord[] {
    return descendants(this);
  }
  /** The error that tells of an outcome. */
  errorOf(outcome: Outcome<unknown>): Error {
    if (outcome.type === 'failed') return outcome.error;
    const { by, cause } = outcome as Extract<Outcome<unknown>, { type: 'killed' }>;
    return killedError(by, { run: this.id, spec: this.spec, label: this.label, cause });
  }

  // --- Context: what its runner asks ----------------------------------------------------------------------------------

  get cwd(): string {
    return this.ambient.cwd ?? (this.remote === undefined ? process.cwd() : '');
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
  get remote(): string | undefined {
    return this.ambient.remote;
  }
  get via(): ((command: Command) => Command) | undefined {
    return this.ambient.via;
  }
  get signal(): AbortSignal {
    return signalOf(this);
  }
  mask(text: string): string {
    return this.scope.masking ? this.scope.masker.text(text) : text;
  }
  start<U>(what: Runnable<U>, sink: ChildSink<U>, options: ChildOptions = {}): Running {
    // A sink that is a run's own hears of the outcome only: the child's lines reach it by themselves.
    const ears = sink instanceof RunRecord ? { settle: (outcome: Outcome<U>) => sink.settle(outcome) } : sink;
    return this.startChild(toRunner(what, this, this.runner.spec.type), { ...options, sink: ears });
  }

  /** Calls back once it has settled; at once where it has. */
  whenSettled(action: () => void): void {
    whenSettled(this, action);
  }

  /** Starts a child run. It may have settled when this returns. */
  startChild<U>(runner: Runner<U>, options: RunOptions): RunRecord<U> {
    const { key, within } = options;
    let ambient = within === undefined ? this.ambient : { ...this.ambient, ...within };
    if (ambient.advice.length > 0 && runner.traits.leaf === true) {
      runner = advised(runner, ambient.advice);
      ambient = { ...ambient, advice: [] };
    }
    this.count++;
    const child = new RunRecord<U>(this, key ?? this.count, runner, this.scope, ambient, options);
    beginChild(child, options);
    return child;
  }

  // --- Sink: what its runner reports ------------------------------------------------------------------------------------

  lines(stream: StreamName, lines: Lines, size?: number): void {
    reportLines(this, stream, lines, size);
  }
  partial(stream: StreamName, text: string): void {
    report(this, PARTIAL, stream, text);
  }
  item(item: unknown): void {
    report(this, ITEM, item);
  }
  note(text: string, data?: Json): void {
    reportNote(this, text, data);
  }
  settle(outcome: Outcome<T>): void {
    reportOutcome(this, outcome);
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

  // --- what other files of the library tell it --------------------------------------------------------------------------

  /** Calls something inside a turn, now if this is one. */
  call(action: () => void): void {
    if (turning()) action();
    else enqueue(this, CALL, action);
  }
  /** Calls back when no reader is behind, at once if that is so after what was reported until now has taken effect. */
  whenKeptUp(action: () => void): void {
    whenKeptUp(this, action);
  }
  /** Fails it for something that its runner doesn't know of: its work is ended, then it has failed with this error. */
  fail(error: Error): void {
    fail(this, error);
  }
  /** Kills what it has started, except what is shielded. */
  killChildren(by: string): void {
    killChildren(this, by);
  }
  /** It has come to the head of the line for slots. */
  granted(): void {
    granted(this);
  }
  /** The queue's end. */
  handle(operation: number, a: unknown, b: unknown, c: unknown): void {
    perform(this, operation, a, b, c);
  }
}
