import { toError, type Advice, type Outcome, type Runner, type Running, type Sink } from '../kernel/index.ts';
import { callAs, callAsyncAs } from '../kernel/current.ts';
import { callbackError, isThenable } from '../kernel/late.ts';
import { checkOptions } from '../kernel/options.ts';
import { isGenerator, show, toRunner } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { shield } from '../compose/shield.ts';
import { awaiting } from '../runners/promise.ts';
import { PhaseSession, type BeforeAfterSession, type Phase } from './phase.ts';
import { proceeding } from './proceed.ts';
import { wrapped } from './wrap.ts';

/** What goes before a runner and after it. */
export interface BeforeAfter {
  /** Told in its spec and its errors. Default 'anonymous'. */
  readonly name?: string;
  readonly before?: (session: BeforeAfterSession) => unknown;
  readonly after?: (session: BeforeAfterSession) => unknown;
}

/**
 * An advice in two functions (bandsaw's own form): `beforeAfter({ before(session) { … session.proceed(); }, after(session) { … } })`.
 * Each has to call, once, `session.proceed()` or `session.conclude(outcome)`; what follows from it begins when the function has
 * ended. They may be async, or generator functions, which are run as tasks. One that is left out proceeds.
 *
 * `conclude` in `before` skips the advice further in, the runner, and its own `after`; in `after` it replaces the outcome, which is
 * `session.outcome` there: for advice further out it is as if the runner had ended so. A function that throws fails the run with
 * that error; one that calls neither, or a second one, with a RunError `callback` that names the advice and the phase.
 * `after` of all further out runs in any case. After a kill it runs, too, its generator shielded; the outcome stays killed.
 */
export function beforeAfter(parts: BeforeAfter): Advice {
  checkOptions('beforeAfter', parts, ['name', 'before', 'after']);
  const { name = 'anonymous', before, after } = parts;
  if (typeof name !== 'string') throw new TypeError(`beforeAfter: name is a string, not ${show(name)}`);
  for (const [phase, call] of Object.entries({ before, after }))
    if (call !== undefined && typeof call !== 'function')
      throw new TypeError(`beforeAfter: ${phase} is a function of the session, not ${show(call)}`);
  if (before === undefined && after === undefined)
    throw new TypeError('beforeAfter: neither before nor after was given; they are functions of the session');
  const spec = { type: 'beforeAfter', by: name };
  const inAsync = { before: isAsync(before), after: isAsync(after) };
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, spec, (sink, context) => {
      const advised = new Advised<T>(parts, name, inAsync, inner, sink, context as unknown as RunRecord);
      advised.begin();
      return advised;
    });
}

/** The run of such an advice: before, the runner, after. */
class Advised<T> implements Running {
  readonly #parts: BeforeAfter;
  readonly #name: string;
  readonly #inAsync: Readonly<Record<Phase, boolean>>;
  readonly #inner: Runner<T, any>;
  readonly #sink: Sink<T, any>;
  readonly #run: RunRecord;
  readonly #session: PhaseSession;
  /** A phase's promise. */
  #promise: Running | undefined;
  #killed: string | undefined;

  constructor(
    parts: BeforeAfter,
    name: string,
    inAsync: Readonly<Record<Phase, boolean>>,
    inner: Runner<T, any>,
    sink: Sink<T, any>,
    run: RunRecord,
  ) {
    this.#parts = parts;
    this.#name = name;
    this.#inAsync = inAsync;
    this.#inner = proceeding(inner, run);
    this.#sink = sink;
    this.#run = run;
    this.#session = new PhaseSession(run, inner);
  }

  begin(): void {
    if (this.#parts.before === undefined) this.#proceed();
    else this.#call('before');
  }

  #proceed(): void {
    if (this.#killed !== undefined) {
      this.#sink.settle({ type: 'killed', by: this.#killed });
      return;
    }
    this.#run.startChild(this.#inner, { sink: this });
  }

  /** The runner has ended: it is its own sink. */
  settle(outcome: Outcome<T>): void {
    this.#session.outcome = outcome;
    if (this.#parts.after === undefined) this.#sink.settle(outcome);
    else this.#call('after');
  }

  #call(phase: Phase): void {
    const session = this.#session;
    const call = this.#parts[phase]!;
    session.enter(phase);
    let given: unknown;
    try {
      given = this.#inAsync[phase]
        ? callAsyncAs(this.#run, () => call.call(this.#parts, session))
        : callAs(this.#run, () => call.call(this.#parts, session));
    } catch (error) {
      this.#ended(phase, { type: 'failed', error: toError(error) });
      return;
    }
    if (typeof given !== 'object' || given === null) this.#ended(phase, undefined);
    else if (isGenerator(given)) this.#runTask(phase, given);
    else if (isThenable(given)) this.#wait(phase, given);
    else this.#ended(phase, undefined);
  }

  /** A generator: killed in `before` as any task; in `after` of a run that is killed already it is what cleans up. */
  #runTask(phase: Phase, generator: Generator | AsyncGenerator): void {
    const runner = this.#killed === undefined ? toRunner(generator) : shield(generator);
    this.#run.startChild(runner, {
      key: phase,
      sink: { settle: (outcome: Outcome<unknown>) => this.#ended(phase, outcome) },
    });
  }

  #wait(phase: Phase, given: PromiseLike<unknown>): void {
    const run = this.#run;
    const sink = {
      note: (text: string) => run.note(text),
      settle: (outcome: Outcome<unknown>) =>
        run.call(() => {
          // One that was left behind may come yet.
          if (this.#promise === undefined) return;
          this.#promise = undefined;
          this.#ended(phase, outcome);
        }),
    };
    this.#promise = awaiting(given, `${phase} of ${this.#name}`, sink, run);
    if (this.#killed !== undefined) this.#promise.kill(this.#killed);
  }

  /** The function of a phase is done. */
  #ended(phase: Phase, outcome: Outcome<unknown> | undefined): void {
    const session = this.#session;
    const { decision, misuse } = session.leave();
    if (misuse !== undefined) this.#fail(phase, misuse);
    else if (outcome !== undefined && outcome.type !== 'finished') this.#sink.settle(outcome);
    else if (decision === undefined)
      this.#fail(phase, 'it called neither session.proceed() nor session.conclude(outcome)');
    else if (decision !== 'proceed') this.#sink.settle(decision as Outcome<T>);
    else if (phase === 'before') this.#proceed();
    else this.#sink.settle(session.outcome as Outcome<T>);
  }

  #fail(phase: Phase, text: string): void {
    const name = `${phase} of the advice ${this.#name}`;
    this.#sink.settle({
      type: 'failed',
      error: callbackError(this.#run, name, new TypeError(`${name}: ${text}`)),
    });
  }

  pause(): void {}
  play(): void {}
  kill(by: string): void {
    this.#killed = by;
    this.#promise?.kill(by);
  }
  describe(): string {
    const { phase } = this.#session;
    return phase === undefined ? '' : `in ${phase} of ${this.#name}`;
  }
}

/** Code that goes on after an `await` of its own, and is still the run's then. */
function isAsync(call: object | undefined): boolean {
  return Object.prototype.toString.call(call) === '[object AsyncFunction]';
}
