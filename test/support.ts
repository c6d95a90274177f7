// What many tests share.
import { createRunner, type Event, type Runner } from '../lib/kernel/index.ts';
import { adoptSpawner } from '../lib/kernel/scope.ts';
import { localSpawner } from '../lib/spawn/local.ts';

adoptSpawner(localSpawner);

/** A runner that settles inside its own start. */
export function value<T>(given: T): Runner<T> {
  return createRunner<T>({
    spec: { type: 'value' },
    start(sink) {
      sink.settle({ type: 'finished', value: given });
      return { pause() {}, play() {}, kill() {} };
    },
  });
}

/** A runner that fails inside its own start. */
export function failure(error: Error): Runner<never> {
  return createRunner<never>({
    spec: { type: 'failure' },
    start(sink) {
      sink.settle({ type: 'failed', error });
      return { pause() {}, play() {}, kill() {} };
    },
  });
}

/** A runner that the test drives. */
export interface Driven<T> {
  readonly runner: Runner<T>;
  finish(value: T): void;
  fail(error: Error): void;
  line(text: string, stream?: string): void;
  /** Starts so far. */
  readonly starts: number;
  /** By whom it was killed, once a kill. */
  readonly kills: string[];
  /** Whether its readers keep up, each time it was told. */
  readonly flows: boolean[];
}

export function driven<T = unknown>(): Driven<T> {
  type Sink = Parameters<Runner<T>['start']>[0];
  const sinks: Sink[] = [];
  const kills: string[] = [];
  const flows: boolean[] = [];
  const last = (): Sink => sinks[sinks.length - 1]!;
  return {
    runner: createRunner<T>({
      spec: { type: 'driven' },
      leaf: true,
      start(sink) {
        sinks.push(sink);
        return {
          pause() {},
          play() {},
          flow: (open) => void flows.push(open),
          kill(by) {
            kills.push(by);
            sink.settle({ type: 'killed', by });
          },
        };
      },
    }),
    finish: (given) => last().settle({ type: 'finished', value: given }),
    fail: (error) => last().settle({ type: 'failed', error }),
    line: (text, stream = 'stdout') => last().lines(stream, [text]),
    get starts() {
      return sinks.length;
    },
    kills,
    flows,
  };
}

/** Events in few words: 'start 1.2', 'line 1.2 text'. */
export function brief(events: readonly Event[]): string[] {
  return events.map((event) => {
    const { type, run } = event;
    if (type === 'line') return `line ${run} ${event.line}`;
    if (type === 'settle') return `settle ${run} ${event.outcome.type}`;
    if (type === 'note') return `note ${run} ${event.text}`;
    return `${type} ${run}`;
  });
}

/** Lets the loop do what it can do now. */
export async function settleDown(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A pattern for `t.rejects` that its types would not take. */
export function like(pattern: object): Error {
  return pattern as Error;
}
