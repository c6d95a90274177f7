// What the tests of the kernel share: runners that the test itself brings to their ends.
import {
  createRunner,
  type Definition,
  type Outcome,
  type Runner,
  type Sink,
  type Spawner,
} from '../../lib/kernel/index.ts';

export { Record, rounds, until } from '../../lib/testing/record.ts';

/** One start of a hand's runner. */
export interface Held {
  readonly sink: Sink<any, any>;
  /** What the loop told it, in order: 'kill me', 'pause', 'flow false', 'send x'. */
  readonly calls: string[];
  settled: boolean;
  finish(value?: unknown): void;
  fail(error: Error): void;
}

/** A runner that does what the test says, whenever it says so. */
export interface Hand {
  readonly runner: Runner<any, any>;
  /** Its starts. */
  readonly starts: Held[];
  /** The latest start. */
  readonly last: Held;
}

/** `stubborn`: a kill is only noted; the test ends it. */
export function hand(options: Partial<Definition<any, any>> & { stubborn?: boolean } = {}): Hand {
  const { stubborn = false, ...traits } = options;
  const starts: Held[] = [];
  const runner = createRunner<any, any>({
    spec: { type: 'hand' },
    leaf: true,
    ...traits,
    start(sink) {
      const settle = (outcome: Outcome<any>): void => {
        held.settled = true;
        sink.settle(outcome);
      };
      const held: Held = {
        sink,
        calls: [],
        settled: false,
        finish: (value) => settle({ type: 'finished', value }),
        fail: (error) => settle({ type: 'failed', error }),
      };
      starts.push(held);
      return {
        pause: () => void held.calls.push('pause'),
        play: () => void held.calls.push('play'),
        flow: (open) => void held.calls.push(`flow ${open}`),
        send: (item) => void held.calls.push(`send ${String(item)}`),
        end: () => void held.calls.push('end'),
        kill(by) {
          held.calls.push(`kill ${by}`);
          if (!stubborn) settle({ type: 'killed', by });
        },
        describe: () => 'held by a test',
      };
    },
  });
  return {
    runner,
    starts,
    get last() {
      const last = starts.at(-1);
      if (last === undefined) throw new Error('the runner of this hand has not been started');
      return last;
    },
  };
}

/** Settles in its own start. */
export function immediate<T>(value: T): Runner<T> {
  return createRunner<T>({
    spec: { type: 'immediate' },
    leaf: true,
    start(sink) {
      sink.settle({ type: 'finished', value });
      return { pause() {}, play() {}, kill() {} };
    },
  });
}

/** What a promise is rejected with. Throws when it isn't. */
export async function failure(promise: PromiseLike<unknown>): Promise<any> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
}

/** Runs something while noting what nobody handles, in promises or at all. */
export async function unhandledOf(body: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const listen = (reason: unknown): void => void seen.push(reason);
  const before = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', listen);
  try {
    await body();
  } finally {
    process.off('unhandledRejection', listen);
    for (const one of before) process.on('unhandledRejection', one);
  }
  return seen;
}

/** A spawner for runners that take a slot and start nothing. `spaces.left`: descriptors. */
export function roomy(spaces = { left: Infinity }): Spawner {
  return {
    name: 'roomy',
    room: () => spaces.left,
    spawn() {
      throw new Error('nothing is to be started');
    },
  };
}
