// What takes several steps with a host and a deadline over all: each step can be called off, and time is the loop's.
import {
  isRunError,
  RunError,
  type Clock,
  type Context,
  type Reason,
  type Running,
  type Sink,
} from '../kernel/index.ts';
import { defaultSpawner } from '../kernel/scope.ts';
import type { RunRecord } from '../kernel/run.ts';
import { ask, type Answer } from '../ssh/ask.ts';
import { ConnectionError } from '../ssh/failure.ts';
import type { Host } from '../ssh/host.ts';
import type { SshSettings } from '../ssh/settings.ts';
import { hostSpawner, type HostSpawner } from '../ssh/via.ts';
import { waiting } from './aside.ts';

/** Errors of deadlines that came before the host had answered anything. */
const unanswered = new WeakSet<Error>();

export function wasUnanswered(error: Error): boolean {
  return unanswered.has(error);
}

/** Thrown at the step that was called off. */
const CALLED_OFF = Symbol('called off');

/** Steps, one after the other. */
export class Errand<T> implements Running {
  readonly host: Host;
  readonly clock: Clock;
  /** Starts programs there. */
  readonly there: HostSpawner;
  readonly #run: RunRecord;
  readonly #sink: Sink<T>;
  readonly #within: number;
  #rest: number;
  #since = 0;
  #cancel: () => void = () => {};
  #stop: ((by: string) => void) | undefined;
  /** Why it ends before its body does. */
  #end: { by: string } | 'late' | undefined;
  #last: string | undefined;
  /** A command has come to its end there. */
  answered = false;
  #play: (() => void) | undefined;
  #paused = false;

  constructor(
    host: Host,
    settings: SshSettings,
    within: number,
    sink: Sink<T>,
    context: Context,
    body: (errand: Errand<T>) => Promise<T>,
  ) {
    this.host = host;
    this.clock = context.clock;
    this.there = hostSpawner(host, settings, context);
    this.#run = context as unknown as RunRecord;
    this.#sink = sink;
    this.#within = this.#rest = within;
    this.#count();
    body(this).then(
      (value) => this.#settle(value),
      (error: unknown) => this.#failed(error),
    );
  }

  /** Why it is not done yet: told, and named by the deadline. */
  because(reason: string): void {
    if (reason === this.#last) return;
    this.#last = reason;
    this.#sink.note(reason);
  }

  wait(ms: number): Promise<void> {
    const { time, stop } = waiting(this.clock, ms);
    return this.step(time, stop);
  }

  /** A command on the host. `atMost`: undefined is given after so many milliseconds, and it is ended. */
  run(argv: readonly [string, ...string[]], options?: { readonly detach?: boolean }): Promise<Answer>;
  run(
    argv: readonly [string, ...string[]],
    options: { readonly detach?: boolean; readonly atMost: number },
  ): Promise<Answer | undefined>;
  async run(
    argv: readonly [string, ...string[]],
    { atMost = Infinity, ...options }: { readonly detach?: boolean; readonly atMost?: number } = {},
  ): Promise<Answer | undefined> {
    const { answer, stop } = ask(this.there, this.clock, argv, options);
    let late = false;
    const cancel = this.clock.after(atMost, () => {
      late = true;
      stop();
    });
    const given = await this.step(answer, stop).finally(cancel);
    if (given.exit.type === 'exit') this.answered = true;
    return late ? undefined : given;
  }

  /** A command on this machine. */
  runHere(argv: readonly [string, ...string[]]): Promise<Answer> {
    const { answer, stop } = ask(defaultSpawner(), this.clock, argv, { cwd: '/' });
    return this.step(answer, stop);
  }

  /** Waits for something that ends soon after `stop` was called; it is called again where that is to be sooner. */
  async step<V>(promise: Promise<V>, stop: (by: string) => void): Promise<V> {
    this.#stop = stop;
    if (this.#end !== undefined) stop(this.#by);
    try {
      return await promise;
    } finally {
      this.#stop = undefined;
      if (this.#end === undefined && this.#paused) await new Promise<void>((resolve) => (this.#play = resolve));
      if (this.#end !== undefined) throw CALLED_OFF;
    }
  }

  error(reason: Reason, details: { hint?: string; cause?: unknown; stderr?: string } = {}): RunError {
    const { id, spec, label } = this.#run;
    const { stderr, ...rest } = details;
    return new RunError({
      reason,
      run: id,
      spec,
      label,
      ...rest,
      ...(stderr === undefined ? {} : { tails: { stderr } }),
    });
  }

  /** Of a connection that there is none of. */
  unconnected(error: ConnectionError, sent: 'no' | 'maybe' = 'no'): RunError {
    return this.error(error.reason(sent), { cause: error });
  }

  #settle(value: T): void {
    this.#cancel();
    this.#sink.settle({ type: 'finished', value });
  }

  #failed(thrown: unknown): void {
    this.#cancel();
    const end = this.#end;
    if (end === undefined) {
      if (isRunError(thrown, 'killed')) this.#sink.settle({ type: 'killed', by: thrown.reason.by });
      else this.#sink.settle({ type: 'failed', error: thrown as Error });
    } else if (end !== 'late') this.#sink.settle({ type: 'killed', by: end.by });
    else {
      const hint = this.#last === undefined ? undefined : `the last reason: ${this.#run.mask(this.#last)}`;
      const error = this.error({ type: 'timeout', ms: this.#within }, hint === undefined ? {} : { hint });
      if (!this.answered) unanswered.add(error);
      this.#sink.settle({ type: 'failed', error });
    }
  }

  #count(): void {
    this.#since = this.clock.now();
    this.#cancel = this.clock.after(this.#rest, () => this.#callOff('late'));
  }

  #callOff(why: { by: string } | 'late'): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#cancel();
    this.#stop?.(this.#by);
    this.#play?.();
  }

  get #by(): string {
    return typeof this.#end === 'object' ? this.#end.by : 'timeout';
  }

  // --- Running ------------------------------------------------------------------------------------------------------------

  kill(by: string): void {
    if (this.#end === undefined) this.#callOff({ by });
    else this.#stop?.(by);
  }
  pause(): void {
    this.#paused = true;
    this.#cancel();
    this.#rest = Math.max(0, this.#rest - (this.clock.now() - this.#since));
  }
  play(): void {
    this.#paused = false;
    if (this.#end !== undefined) return;
    this.#count();
    this.#play?.();
  }
  describe(): string {
    return this.#last ?? `connects to ${this.host.name}`;
  }
}
