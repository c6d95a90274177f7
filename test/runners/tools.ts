// What the tests of programs share.
import {
  runCommandGens,
  type Event,
  type Loop,
  type LoopOptions,
  type Outcome,
  type Run,
  type Runner,
} from '../../lib/kernel/index.ts';
import { Record, until as come } from '../../lib/testing/record.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import '../support.ts';

export { failure, unhandledOf } from '../kernel/tools.ts';
export { fixture, gone, lives, until } from '../spawn/support.ts';

/** How a runner ended, and all that was heard of it. */
export interface Heard {
  readonly events: readonly Event[];
  readonly outcome: Outcome<any>;
  /** The lines of a stream. */
  lines(stream?: string): string[];
  readonly notes: string[];
  readonly items: unknown[];
}

/** Runs something to its end, whatever that is. */
export async function hear(runner: Runner<any, any>, options: LoopOptions = {}): Promise<Heard> {
  const { see, events } = new Record();
  await runner.run({ ...options, onEvent: see }).catch(() => {});
  return heard(events);
}

function heard(events: readonly Event[]): Heard {
  const settle = events.findLast((event) => event.type === 'settle' && event.run === '1');
  return {
    events,
    outcome: settle?.type === 'settle' ? settle.outcome : (undefined as never),
    lines: (stream = 'stdout') =>
      events.flatMap((event) => (event.type === 'line' && event.stream === stream ? [event.line] : [])),
    notes: events.flatMap((event) => (event.type === 'note' ? [event.text] : [])),
    items: events.flatMap((event) => (event.type === 'item' ? [event.item] : [])),
  };
}

/** A runner that the test drives while it runs. */
export interface Live {
  readonly run: Run<any, any>;
  readonly record: Record;
  /** Resolves with the first line that contains the text (of any stream). */
  line(text: string): Promise<string>;
  /** Settled: how. */
  readonly ended: Promise<Outcome<any>>;
  readonly loop: Loop<unknown[]>;
}

/** Starts something in a loop of its own. */
export async function live(runner: Runner<any, any>, options: LoopOptions = {}): Promise<Live> {
  const record = new Record();
  let run: Run<any, any> | undefined;
  const loop = runCommandGens(
    [
      function* () {
        run = yield* spawn(runner);
        yield* run.join();
      },
    ],
    { ...options, onEvent: record.see },
  );
  const settled = loop.then(
    () => {},
    () => {},
  );
  await come(() => run !== undefined && record.began(run.id));
  const { id } = run!;
  return {
    run: run!,
    record,
    loop,
    async line(text) {
      const find = () => record.events.find((event) => event.type === 'line' && event.line.includes(text));
      await come(() => find() !== undefined);
      return (find() as { line: string }).line;
    },
    ended: settled.then(() => {
      const settle = record.events.find((event) => event.type === 'settle' && event.run === id);
      return (settle as { outcome: Outcome<any> }).outcome;
    }),
  };
}

/** The number in a line such as 'pid 4711'. */
export function pidIn(line: string): number {
  return Number(/\d+/.exec(line)![0]);
}

/** Makes a FIFO; what is written to it opens it for whoever reads. */
export function fifo(folder: string): string {
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}
