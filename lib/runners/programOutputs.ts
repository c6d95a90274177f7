// Both output streams of a program as one: where they go, and when all has been read and taken.
import type { Writable } from 'node:stream';
import type { Child, Clock, Command, Context, OutputPipe, Running, Sink, StreamName } from '../kernel/index.ts';
import { callEach } from '../kernel/late.ts';
import { isClosed } from './destination.ts';
import { Drain } from './drain.ts';
import { Output } from './output.ts';
import type { OutputPlace, Settings } from './programOptions.ts';
import { CAPTURE } from './tail.ts';
import type { Failure } from './verdict.ts';

/** What a program is told of its output. */
export interface ProgramOutputsEvents {
  /** The pipes are closed, or all has ended; maybe neither yet. */
  changed(): void;
  /** It has to be ended: a line is too long, the split or a destination failed. */
  failed(failure: Failure): void;
  /** The program that it is joined to reads no more. */
  unread(): void;
}

/** Reads what a program writes. */
export class ProgramOutputs {
  readonly stdout: Output | undefined;
  readonly stderr: Output | undefined;
  /** Why it can't even begin. */
  readonly unfit: Failure | undefined;
  /** Only where there are callbacks: without, the loop has nothing to call. */
  readonly deliver: Running['deliver'];
  readonly deliverItem: Running['deliverItem'];
  readonly #outputs: readonly Output[];
  readonly #settings: Settings;
  readonly #sink: Sink<any>;
  readonly #context: Context;
  readonly #events: ProgramOutputsEvents;
  #drain: Drain | undefined;
  #forced = false;

  /** `joined`: what its stdout goes to as a stage of a pipe. */
  constructor(
    settings: Settings,
    command: Command,
    joined: Writable | undefined,
    sink: Sink<any>,
    context: Context,
    events: ProgramOutputsEvents,
  ) {
    this.#settings = settings;
    this.#sink = sink;
    this.#context = context;
    this.#events = events;
    const { stdout, stderr } = settings.options;
    if (command.stdout === 'pipe') this.stdout = this.#output('stdout', joined ?? stdout, joined !== undefined);
    if (command.stderr === 'pipe') this.stderr = this.#output('stderr', stderr, false);
    this.#outputs = [this.stdout, this.stderr].filter((output) => output !== undefined);
    const closed = isClosedPlace(joined ?? stdout) ? 'stdout' : isClosedPlace(stderr) ? 'stderr' : undefined;
    if (closed !== undefined) this.unfit = { reason: { type: 'stream', stream: closed }, hint: CLOSED };
    const callbacks: Partial<Record<StreamName, (line: unknown) => unknown>> = {
      ...(typeof stdout === 'function' && { stdout }),
      ...(typeof stderr === 'function' && { stderr }),
    };
    if (callbacks['stdout'] === undefined && callbacks['stderr'] === undefined) return;
    this.deliver = (stream, lines, returned) => {
      const callback = callbacks[stream];
      if (callback !== undefined) callEach(callback, lines, returned);
    };
    this.deliverItem = (item, returned) => returned(callbacks['stdout']?.(item));
  }

  #output(name: StreamName, place: OutputPlace | undefined, joined: boolean): Output {
    const { capture, encoding, maxLine, partial, options } = this.#settings;
    const wanted = capture ?? (place === undefined && !this.#context.iterated ? CAPTURE : 0);
    const fail = (failure: Omit<Failure, 'reason'>): void =>
      this.#events.failed({ reason: { type: 'stream', stream: name }, ...failure });
    const output: Output = new Output(
      {
        name,
        encoding: encoding === 'utf8' ? 'utf8' : 'latin1',
        maxLine,
        capture: joined ? 0 : wanted,
        tail: !joined,
        partial,
        split: name === 'stdout' && !joined ? options.split : undefined,
        destination: typeof place === 'object' ? (place as Writable) : undefined,
      },
      this.#sink,
      this.#context.clock,
      {
        read: (bytes) => this.#drain?.read(bytes),
        flows: (open) => this.#drain?.flows(open),
        closed: () => {
          if (this.closed && !this.#forced) this.#drain?.end();
          this.#events.changed();
        },
        ended: () => this.#events.changed(),
        overflow: () => this.#events.failed({ reason: { type: 'overflow', stream: name, limit: maxLine } }),
        splitFailed: (cause) => fail({ hint: 'its split failed', cause }),
        destinationEnded: (cause) => {
          if (joined) {
            this.#events.unread();
            output.close();
          } else if (cause === undefined) fail({ hint: CLOSED });
          else fail({ hint: 'its destination failed', cause });
        },
      },
    );
    return output;
  }

  open({ stdout, stderr }: Child): void {
    if (stdout !== undefined) this.stdout?.open(stdout);
    if (stderr !== undefined) this.stderr?.open(stderr);
  }

  /** Waits, after the program's exit, for its pipes to be closed; calls `leaked` when that takes too long. */
  drain(quiet: number, cap: number, clock: Clock, leaked: () => void): void {
    this.#drain?.end();
    this.#drain = new Drain({ quiet, cap, clock, stopped: () => this.held, leaked });
  }
  /** Waits for them no more. */
  endDrain(): void {
    this.#drain?.end();
  }

  get closed(): boolean {
    return this.#outputs.every((output) => output.closed);
  }
  get ended(): boolean {
    return this.#outputs.every((output) => output.ended);
  }
  /** Those that are open, by name. */
  get openNames(): string[] {
    return this.#outputs.filter((output) => !output.closed).map(({ name }) => name);
  }
  /** A reader is behind, so nothing is read now. */
  get held(): boolean {
    return this.#outputs.some((output) => !output.closed && output.stopped);
  }

  stop(why: string): void {
    for (const output of this.#outputs) output.stop(why);
  }
  go(why: string): void {
    for (const output of this.#outputs) output.go(why);
  }
  /** Reads on whoever is behind: what is left of a killed program. */
  force(): void {
    this.#forced = true;
    for (const output of this.#outputs) output.force();
  }
  /** Reads no more; gives the pipes that are open. */
  release(): OutputPipe[] {
    return this.#outputs.flatMap((output) => output.release());
  }
  /** Ends at once, whatever is still to come or to be taken. */
  abandon(): void {
    for (const output of this.#outputs) output.abandon();
  }
}

const CLOSED = 'its destination was closed';

function isClosedPlace(place: OutputPlace | undefined): boolean {
  return typeof place === 'object' && 'write' in place && isClosed(place);
}
