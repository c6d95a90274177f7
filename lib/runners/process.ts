// The life of a program: started, exited, pipes closed, settled; its ends are three things. What it settles with is in
// verdict.ts, how it is killed in stop.ts, how long its pipes are waited for in drain.ts.
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../kernel/clock.ts';
import { enterTerminal } from '../kernel/terminal.ts';
import type { RunRecord } from '../kernel/run.ts';
import type { Child, Command, Context, Exit, Joint, OutputPipe, Running, Sink } from '../kernel/index.ts';
import { commandOf } from './command.ts';
import { Countdown } from './countdown.ts';
import { SENT, type Input } from './input.ts';
import { leaveBehind } from './leftover.ts';
import type { ProgramResult, ProgramRunner } from './program.ts';
import { ProgramInput } from './programInput.ts';
import { ProgramOutputs } from './programOutputs.ts';
import { endGroup, signalOf, type Ending } from './stop.ts';
import { Verdict, type Failure } from './verdict.ts';

/** What is still in the pipes of a killed program gets this long to be read. */
const LAST_WORDS = 100; // ms

/** What a pipe changes of a program that is one of its stages. */
export interface Stage {
  /** A joint of the spawner, or what passes through Node. */
  readonly stdin?: Joint | Readable;
  readonly stdout?: Joint | Writable;
  /** The stage behind reads no more: where it passes through Node. */
  readonly unread?: () => void;
  /** The program has exited; more of its output may come. */
  readonly exited?: () => void;
  /** Its result, also where its outcome has none. */
  readonly ended?: (result: ProgramResult<any>) => void;
}

function stdioOf(end: Joint | Readable | Writable | undefined): Joint | 'pipe' | undefined {
  return end === undefined || 'unread' in end ? end : 'pipe';
}

/** A program that is being run. */
export class ProgramRun implements Running {
  readonly #runner: ProgramRunner;
  readonly #stage: Stage;
  readonly #sink: Sink<ProgramResult<any>>;
  readonly #context: Context;
  readonly #command: Command;
  readonly #verdict: Verdict;
  readonly #timeout: Countdown;
  readonly #outputs: ProgramOutputs;
  readonly #input: ProgramInput | undefined;
  #child: Child | undefined;
  #startedAt: number | undefined;
  #paused = false;
  #exit: Exit | undefined;
  /** Pipes that others hold open. */
  #leaked: readonly OutputPipe[] = [];
  /** Not even SIGKILL ended all of it. */
  #unending = false;
  #settled = false;
  /** Why it is being ended by us. */
  #failure: Failure | undefined;
  #killedBy: string | undefined;
  #ending: Ending | undefined;
  #leaveTerminal: (() => void) | undefined;
  readonly deliver?: NonNullable<Running['deliver']>;
  readonly deliverItem?: NonNullable<Running['deliverItem']>;

  /** Throws, before anything is started, where a stream was given that can't be used again. */
  constructor(runner: ProgramRunner, sink: Sink<ProgramResult<any>>, context: Context, stage: Stage = {}) {
    this.#runner = runner;
    this.#stage = stage;
    this.#sink = sink;
    this.#context = context;
    const { settings } = runner;
    const joined = { stdin: stdioOf(stage.stdin), stdout: stdioOf(stage.stdout) };
    const command = commandOf(runner.argv, settings.options, context, joined);
    this.#command = command;
    const through = stage.stdout !== undefined && 'write' in stage.stdout ? stage.stdout : undefined;
    const outputs = new ProgramOutputs(settings, command, through, sink, context, {
      changed: () => this.#check(),
      failed: (failure) => this.#fail(failure),
      unread: () => stage.unread?.(),
    });
    this.#outputs = outputs;
    if (outputs.deliver !== undefined) this.deliver = outputs.deliver;
    if (outputs.deliverItem !== undefined) this.deliverItem = outputs.deliverItem;
    this.#verdict = new Verdict(runner, context, [outputs.stdout, outputs.stderr]);
    const { timeout } = settings;
    this.#timeout = new Countdown(timeout, context.clock, () =>
      this.#fail({ reason: { type: 'timeout', ms: timeout } }),
    );
    if (outputs.unfit !== undefined) {
      this.#fail(outputs.unfit);
      return;
    }
    try {
      const source = (stage.stdin as Readable | undefined) ?? (settings.options.stdin as Input | 'pipe');
      if (command.stdin === 'pipe') this.#input = this.#feed(source);
    } catch (error) {
      outputs.abandon();
      throw error;
    }
    if (command.session) this.#start();
    else this.#leaveTerminal = enterTerminal(() => this.#settled || this.#start());
  }

  // --- starting -----------------------------------------------------------------------------------------------------------

  #feed(source: Input | 'pipe'): ProgramInput {
    return new ProgramInput(source, (cause) =>
      this.#fail({ reason: { type: 'stream', stream: 'stdin' }, hint: 'the source of its stdin failed', cause }),
    );
  }

  #start(): void {
    const command = this.#command;
    this.#child = this.#context.spawner.spawn(
      command,
      () => this.#started(),
      (exit, usage) => {
        this.#verdict.usage = usage;
        this.#exited(exit);
      },
    );
    // Waiting for its turn to start costs no time of its own; waiting for a file may never end.
    const places = [command.stdin, command.stdout, command.stderr];
    if (places.some((place) => typeof place === 'object')) this.#timeout.play();
  }

  #started(): void {
    if (this.#settled) return; // given up while it was being started
    this.#startedAt = this.#context.clock.now();
    if (this.#paused && this.#freezes) this.#child!.signal('SIGSTOP');
    if (this.#timed) this.#timeout.play();
    this.#outputs.open(this.#child!);
    const { stdin } = this.#child!;
    if (stdin !== undefined) this.#input?.open(stdin);
  }

  /** Whether its time counts now. After its exit it does only where that isn't the end of the wait. */
  get #timed(): boolean {
    if (this.#startedAt === undefined || this.#paused || this.#ending !== undefined || this.#settled) return false;
    return this.#exit === undefined || this.#runner.settings.cap === Infinity;
  }

  // --- ending -------------------------------------------------------------------------------------------------------------

  #exited(exit: Exit): void {
    if (this.#settled) return;
    this.#exit = exit;
    this.#stage.exited?.();
    this.#input?.close();
    this.#leaveTerminal?.();
    if (exit.type === 'error' || (exit.type === 'lost' && this.#startedAt === undefined)) {
      this.#ending?.cancel();
      this.#ending = undefined;
      this.#outputs.abandon();
    } else if (this.#ending !== undefined) {
      this.#ending.exited();
    } else if (!this.#outputs.closed) {
      const { quiet, cap } = this.#runner.settings;
      this.#outputs.drain(quiet, cap, this.#context.clock, () => this.#leak());
    }
    if (!this.#timed) this.#timeout.pause();
    this.#check();
  }

  /** It has exited, but its output is held open: what it wrote has been read, so that is all. */
  #leak(): void {
    this.#noteLeak();
    this.#leaked = this.#outputs.release();
    this.#check();
  }

  #noteLeak(): void {
    const open = this.#outputs.openNames;
    if (open.length === 0) return;
    const pids = this.#child?.members() ?? [];
    const who = pids.length === 0 ? 'some process' : `pid ${pids.join(', ')}`;
    this.#sink.note(`leaked: exited, but ${who} holds ${open.join(' and ')} open`, { leaked: open, pids });
  }

  /** The group is gone, or nothing can be done about it: reads what is left in the pipes, then settles. */
  #gone(survivors: readonly number[]): void {
    this.#unending = survivors.length > 0;
    if (this.#unending) this.#sink.note(`could not be killed: pid ${survivors.join(', ')}`, { survivors });
    this.#exit ??= { type: 'exit', exitCode: undefined, signal: 'SIGKILL' };
    this.#ending = undefined;
    if (this.#startedAt === undefined) this.#outputs.abandon();
    else this.#outputs.force();
    if (!this.#outputs.ended) {
      this.#outputs.drain(LAST_WORDS, LAST_WORDS, systemClock, () => {
        this.#noteLeak();
        this.#outputs.abandon();
      });
    }
    this.#check();
  }

  /** Settles when it has exited, its output has ended and nothing is being ended any more. */
  #check(): void {
    if (this.#settled || this.#exit === undefined || this.#ending !== undefined || !this.#outputs.ended) return;
    this.#settled = true;
    this.#timeout.pause();
    this.#outputs.endDrain();
    this.#input?.close();
    this.#leaveTerminal?.();
    const child = this.#child;
    if (child?.alive() === true && !this.#unending) {
      leaveBehind(child, this.#leaked, this.#context as unknown as RunRecord, this.#runner);
    } else {
      child?.release();
      for (const pipe of this.#leaked) pipe.destroy();
    }
    const exit = this.#exit;
    if (exit.type === 'error') {
      this.#sink.settle(this.#verdict.notStarted(exit));
      return;
    }
    if (exit.type === 'lost') {
      this.#sink.settle(this.#verdict.lost(exit, this.#failure, this.#killedBy));
      return;
    }
    const now = this.#context.clock.now();
    const ms = now - (this.#startedAt ?? now);
    this.#stage.ended?.(this.#verdict.result(exit, ms));
    this.#sink.settle(this.#verdict.outcome(exit, this.#failure, this.#killedBy, ms));
  }

  #fail(failure: Failure): void {
    if (this.#settled || this.#failure !== undefined) return;
    this.#failure = failure;
    if (this.#exit === undefined || this.#child?.alive() === true) this.#stop('SIGTERM');
    else {
      this.#outputs.abandon();
      this.#check();
    }
  }

  #stop(signal: NodeJS.Signals): void {
    const child = this.#child;
    this.#timeout.pause();
    this.#outputs.endDrain();
    this.#input?.stop();
    if (child === undefined) {
      // It has not begun, and will not: it waits for the terminal, or was never fit to.
      this.#exit = { type: 'exit', exitCode: undefined, signal };
      this.#outputs.abandon();
      this.#check();
    } else if (this.#ending === undefined) {
      this.#ending = endGroup(child, {
        signal: this.#first(signal),
        grace: this.#runner.settings.grace,
        clock: this.#context.clock,
        exited: this.#exit !== undefined,
        gone: (survivors) => this.#gone(survivors),
      });
    } else if (signal === 'SIGKILL') this.#ending.hurry();
  }

  /** The signal to begin with. Ctrl-C in a terminal reaches all who share it: one that does isn't told twice. */
  #first(signal: NodeJS.Signals): NodeJS.Signals | undefined {
    if (this.#startedAt === undefined) return signal === 'SIGKILL' ? signal : 'SIGTERM';
    return signal === 'SIGINT' && !this.#command.session ? undefined : signal;
  }

  // --- Running ------------------------------------------------------------------------------------------------------------

  kill(by: string): void {
    if (this.#settled) return;
    this.#killedBy ??= by;
    this.#stop(signalOf(by));
  }

  get #freezes(): boolean {
    return this.#runner.settings.options.freeze === true && this.#ending === undefined;
  }
  pause(): void {
    this.#paused = true;
    this.#timeout.pause();
    this.#outputs.stop('pause');
    if (this.#freezes) this.#child?.signal('SIGSTOP');
  }
  play(): void {
    this.#paused = false;
    if (this.#freezes) this.#child?.signal('SIGCONT');
    this.#outputs.go('pause');
    if (this.#timed) this.#timeout.play();
  }
  flow(open: boolean): void {
    if (open) this.#outputs.go('flow');
    else this.#outputs.stop('flow');
  }

  send(item: unknown): void {
    const input = this.#sendable('send');
    if (input.ended) throw this.#verdict.error({ reason: { type: 'closed' }, hint: 'send() after end()' });
    if (input.unread > SENT) throw this.#verdict.error({ reason: { type: 'overflow', stream: 'input', limit: SENT } });
    input.send(item);
  }
  end(): void {
    this.#sendable('end').end();
  }
  #sendable(what: string): ProgramInput {
    if (this.#input?.sendable === true) return this.#input;
    throw this.#verdict.error({ reason: { type: 'closed' }, hint: `${what}() needs the option stdin: 'pipe'` });
  }

  describe(): string {
    if (this.#child === undefined) return 'waits for the terminal';
    const { pid } = this.#child;
    const name = pid === undefined ? 'it' : `pid ${pid}`;
    const open = this.#outputs.openNames.join(' and ');
    const held = this.#outputs.held ? ', not read now: a reader is behind' : '';
    if (this.#ending !== undefined) return `${name} is being killed`;
    if (this.#exit !== undefined)
      return `${name} has exited, ${open === '' ? 'its output is being taken' : `${open} still open${held}`}`;
    return this.#startedAt === undefined ? 'is about to start' : `${name} runs, ${open || 'no pipe'} open${held}`;
  }
}
