// pipe(a, b, …): each stage is a run of its own. What joins them is the spawner's (a pipe of the kernel), where it can join
// programs; else a stream of Node's.
import { PassThrough } from 'node:stream';
import {
  BaseRunner,
  createRunner,
  isRunError,
  type Context,
  type Joint,
  type Outcome,
  type Runner,
  type Running,
  type Sink,
  type Spec,
} from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import { ProgramRun, type Stage } from './process.ts';
import { ProgramRunner, type ProgramResult } from './program.ts';

/** The last stage's result, with those of all. */
export interface PipeResult extends ProgramResult<any> {
  readonly stages: readonly ProgramResult<any>[];
}

/**
 * Programs joined by pipes: `pipe(program('zcat log.gz'), program(['grep', 'error']), program('wc -l'))`. All run at once and take
 * one slot together.
 *
 * It fails when a stage fails (pipefail), the last such one is named; the others' results are in its error's `stages`. A writer
 * whose reader has ended is forgiven SIGPIPE, exit code 141 and errors of writing; one that still lives `grace` later is killed.
 * Throws a TypeError for what is no program.
 */
export function pipe(...programs: readonly Runner<ProgramResult<any>>[]): Runner<PipeResult> {
  if (programs.length === 0) throw new TypeError('pipe: expected programs: pipe(program(a), program(b))');
  const stages = programs.map((runner, index) => {
    if (!(runner instanceof ProgramRunner))
      throw new TypeError(`pipe: stage ${index + 1} is no program; advice goes around the whole: pipe(…).with(…)`);
    const { options } = runner.settings;
    if (index > 0 && options.stdin !== undefined)
      throw new TypeError(`pipe: stage ${index + 1} has a stdin of its own; it reads the stage before`);
    if (index < programs.length - 1 && options.stdout !== undefined)
      throw new TypeError(`pipe: stage ${index + 1} has a stdout of its own; the stage behind reads it`);
    if (index < programs.length - 1 && options.split !== undefined)
      throw new TypeError(`pipe: stage ${index + 1} has a split; only the lines of the last one are read here`);
    return runner;
  });
  const once = stages.map(({ traits }) => traits.once).find((why) => why !== undefined);
  return createRunner<PipeResult>({
    ...(once !== undefined && { once, discard: () => stages[0]!.traits.discard?.() }),
    spec: { type: 'pipe', of: stages.map((stage) => stage.spec) },
    exact: stages.map(exactness).find((exact) => exact !== true) ?? true,
    label: stages.map((stage) => stage.label.split(' ', 1)[0]!).join(' | '),
    slot: true,
    leaf: true,
    dry: () => {
      const results = stages.map((stage) => stage.traits.dry!());
      return { ...results[results.length - 1]!, stages: results };
    },
    start: (sink, context) => new PipeRun(stages, sink, context),
  });
}

/** Whether the spec of a stage tells all; lines are told apart by stage no more, so that callbacks can't be called again. */
function exactness({ traits: { exact = true, callbacks } }: ProgramRunner): true | string {
  return callbacks === undefined ? exact : 'lines of its stages go to functions';
}

/** A stage as a run of its own; it is a part of the pipe's slot. */
class StageRunner extends BaseRunner<ProgramResult<any>> {
  readonly #program: ProgramRunner;
  readonly #stage: Stage;
  constructor(program: ProgramRunner, stage: Stage) {
    super();
    this.#program = program;
    this.#stage = stage;
  }
  get spec(): Spec {
    return this.#program.spec;
  }
  get label(): string {
    return this.#program.label;
  }
  get traits(): { readonly leaf: false } {
    return { leaf: false }; // advice of the loop goes around the pipe
  }
  start(sink: Sink<ProgramResult<any>>, context: Context): Running {
    return new ProgramRun(this.#program, sink, context, this.#stage);
  }
}

class PipeRun implements Running {
  readonly #stages: readonly ProgramRunner[];
  readonly #sink: Sink<PipeResult>;
  readonly #context: Context;
  readonly #children: Running[] = [];
  readonly #outcomes: (Outcome<ProgramResult<any>> | undefined)[] = [];
  readonly #results: (ProgramResult<any> | undefined)[] = [];
  /** Stages whose reader ended before them. */
  readonly #readerless = new Set<number>();
  /** The kills of those who live on without a reader. */
  readonly #cancels = new Map<number, () => void>();
  #open: number;

  constructor(stages: readonly ProgramRunner[], sink: Sink<PipeResult>, context: Context) {
    this.#stages = stages;
    this.#sink = sink;
    this.#context = context;
    this.#open = stages.length;
    const { spawner } = context;
    const joints = stages.slice(1).map(() => spawner.joint?.() ?? new PassThrough({ highWaterMark: 256 * 1024 }));
    // From the last to the first, so that readers are there before their writers.
    for (let index = stages.length - 1; index >= 0; index--) this.#start(index, joints[index - 1], joints[index]);
  }

  #start(index: number, stdin: PassThrough | Joint | undefined, stdout: PassThrough | Joint | undefined): void {
    const stage: Stage = {
      ...(stdin && { stdin }),
      ...(stdout && { stdout, unread: () => this.#readerEnded(index) }),
      exited: () => {
        if (stdout !== undefined && 'unread' in stdout && stdout.unread === true) this.#readerless.add(index);
      },
      ended: (result) => (this.#results[index] = result),
    };
    const settle = (outcome: Outcome<ProgramResult<any>>): void => {
      this.#outcomes[index] = outcome;
      if (neverStarted(outcome)) this.#kill('a stage did not start');
      // The reader behind sees the end; the writer before sees that nobody reads.
      if (stdout instanceof PassThrough) stdout.end();
      if (stdin instanceof PassThrough) {
        if (!stdin.writableFinished) this.#readerEnded(index - 1);
        stdin.destroy();
      } else if (stdin !== undefined && stdin.unread === undefined) this.#readerEnded(index - 1);
      if (--this.#open === 0) this.#settle();
    };
    const runner = new StageRunner(this.#stages[index]!, stage);
    this.#children[index] = this.#context.start(runner, { settle }, { key: String(index + 1) });
  }

  #readerEnded(index: number): void {
    if (this.#cancels.has(index) || this.#outcomes[index] !== undefined) return;
    this.#readerless.add(index);
    const { grace } = this.#stages[index]!.settings;
    const kill = (): void => this.#children[index]?.kill(READER_ENDED);
    this.#cancels.set(index, this.#context.clock.after(grace, kill));
  }

  #kill(by: string): void {
    for (const child of this.#children) child?.kill(by);
  }

  #settle(): void {
    for (const cancel of this.#cancels.values()) cancel();
    const stages = this.#stages.map((_, index) => this.#results[index] ?? NOT_STARTED);
    const failure = this.#failure();
    if (failure === undefined) {
      this.#sink.settle({ type: 'finished', value: { ...stages.at(-1)!, stages } });
    } else {
      Object.defineProperty(failure, 'stages', { value: stages, configurable: true });
      this.#sink.settle({ type: 'failed', error: failure });
    }
  }

  /** The error to tell of: of a stage that didn't start, else of the last that failed, else of the last that was killed. */
  #failure(): Error | undefined {
    const failed = this.#outcomes.filter((outcome, index) => outcome!.type !== 'finished' && !this.#forgiven(index));
    const told =
      failed.findLast((outcome) => neverStarted(outcome!)) ??
      failed.findLast((outcome) => outcome!.type === 'failed') ??
      failed.at(-1);
    return told && (this.#context as unknown as RunRecord).errorOf(told);
  }

  /** A writer that failed only because nobody read it any more. */
  #forgiven(index: number): boolean {
    const outcome = this.#outcomes[index]!;
    if (!this.#readerless.has(index)) return false;
    if (outcome.type === 'killed') return outcome.by === READER_ENDED;
    if (outcome.type !== 'failed' || !isRunError(outcome.error)) return false;
    const { reason, stderr } = outcome.error;
    if (reason.type === 'signal') return reason.signal === 'SIGPIPE';
    // Node's pipes are socket pairs: a writer may see the end of its reader as a reset.
    const said = /broken ?pipe|EPIPE|ECONNRESET|connection reset/i;
    return reason.type === 'exit' && (reason.exitCode === 141 || said.test(stderr));
  }

  kill(by: string): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#sink.settle({ type: 'killed', by }); // the kernel kills the stages and waits for them (L3)
  }
  pause(): void {}
  play(): void {}
  send(item: unknown): void {
    this.#children[0]?.send?.(item);
  }
  end(): void {
    this.#children[0]?.end?.();
  }
  describe(): string {
    const alive = this.#stages.filter((_, index) => this.#outcomes[index] === undefined).map((stage) => stage.label);
    return `waits for ${alive.join(' and ')}`;
  }
}

const READER_ENDED = 'its reader has ended';

function neverStarted(outcome: Outcome<unknown>): boolean {
  if (outcome.type !== 'failed') return false;
  const { error } = outcome;
  return !isRunError(error) || error.reason.type === 'spawn' || error.reason.type === 'file';
}

const NOT_STARTED: ProgramResult<any> = {
  exitCode: undefined,
  signal: undefined,
  stdout: '',
  stderr: '',
  ms: 0,
  truncated: 0,
};
