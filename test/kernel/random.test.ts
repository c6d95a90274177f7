// Random trees of runs, with random ends, kills, pauses: whatever comes when, the laws hold.
import fc from 'fast-check';
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { race } from '../../lib/compose/race.ts';
import { shield } from '../../lib/compose/shield.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { isRunError, runCommandGens, type Outcome, type Runnable } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { hand, immediate, Record, roomy, rounds, unhandledOf, type Hand } from './tools.ts';

type Kind =
  | 'task'
  | 'async'
  | 'run'
  | 'loop'
  | 'for await'
  | 'all'
  | 'race'
  | 'spawn'
  | 'within'
  | 'shield'
  | 'cleanup'
  | 'swallow';
type Tree = 'immediate' | 'pending' | 'stubborn' | 'program' | 'sleep' | 'throw' | { kind: Kind; of: Tree[] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Tree>('pending', 'immediate', 'program', 'stubborn', 'sleep', 'throw'),
    fc.record({
      kind: fc.constantFrom<Kind>(
        ...([
          'task',
          'async',
          'run',
          'loop',
          'for await',
          'all',
          'race',
          'spawn',
          'within',
          'shield',
          'cleanup',
          'swallow',
        ] as const),
      ),
      of: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    }),
  ),
}));

const action = fc.record({
  what: fc.constantFrom(
    'finish',
    'finish',
    'fail',
    'say',
    'kill',
    'SIGKILL',
    'pause',
    'play',
    'wait',
    'wait',
    'advance',
    'kill all',
  ),
  which: fc.nat(20),
});

class Play {
  readonly pending: Hand = hand();
  readonly stubborn: Hand = hand({ stubborn: true });
  readonly program: Hand = hand({ slot: true });

  get live() {
    return [this.pending, this.stubborn, this.program]
      .flatMap(({ starts }) => starts)
      .filter((start) => !start.settled);
  }
  runnable(node: Tree): Runnable<any> {
    switch (node) {
      case 'immediate':
        return immediate(0);
      case 'pending':
        return this.pending.runner;
      case 'stubborn':
        return this.stubborn.runner;
      case 'program':
        return this.program.runner;
      case 'sleep':
        return sleep('1s');
      case 'throw':
        return function* () {
          throw new Error('thrown');
        };
    }
    const { kind, of } = node;
    const each = (): Runnable<any>[] => of.map((child) => this.runnable(child));
    switch (kind) {
      case 'task':
        return function* () {
          for (const child of each()) yield child;
        };
      case 'async':
        return async function* () {
          for (const child of each()) {
            await null;
            yield child;
          }
        };
      case 'run':
        return async function* () {
          const runs = Promise.allSettled(each().map((child) => all([child]).run()));
          yield* immediate(0);
          await runs;
        };
      case 'loop':
        return async function* () {
          await null;
          return runCommandGens(each());
        };
      case 'for await':
        return async function* () {
          for await (const _ of all(each()));
        };
      case 'all':
        return all(each());
      case 'race':
        return race(Object.fromEntries(each().map((child, i) => [`r${i}`, child])));
      case 'spawn':
        return function* () {
          const [first, ...rest] = each();
          const run = yield* spawn(first!);
          for (const child of rest) yield child;
          if (rest.length > 1) yield* run.join();
        };
      case 'within':
        return within({ slots: of.length }, all(each()));
      case 'shield':
        return shield(all(each()));
      case 'cleanup':
        return function* () {
          const [first, ...rest] = each();
          try {
            yield first;
          } finally {
            for (const child of rest) yield* shield(child);
          }
        };
      case 'swallow':
        return function* () {
          for (const child of each()) {
            try {
              yield child;
            } catch {
              // whatever it was
            }
          }
          return 'swallowed';
        };
    }
  }
}

t.test('every start has one settle, nothing is left, nothing hangs, nothing is unhandled', async (t) => {
  const unhandled = await unhandledOf(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(tree, { minLength: 1, maxLength: 4 }),
        fc.array(action, { maxLength: 25 }),
        fc.record({ slots: fc.constantFrom(undefined, 1, 2), failFast: fc.boolean() }),
        async (trees, actions, options) => {
          const play = new Play();
          const clock = fakeClock();
          const record = new Record();
          const loop = runCommandGens(
            trees.map((node) => play.runnable(node)),
            { ...options, clock, spawner: roomy(), onEvent: record.see },
          );
          let killed = false;
          const ended = loop.then(
            (values) => values.map((value): Outcome<unknown> => ({ type: 'finished', value })),
            (error: { outcomes: Outcome<unknown>[] }) => {
              if (killed && !isRunError(error, 'killed') && !(error instanceof AggregateError)) throw error;
              return error.outcomes;
            },
          );
          let over = false;
          void ended.finally(() => (over = true));
          for (const { what, which } of actions) {
            const { live } = play;
            const held = live[which % Math.max(1, live.length)];
            const list = loop.list();
            const run = list[which % Math.max(1, list.length)];
            if (what === 'finish') held?.finish(which);
            else if (what === 'fail') held?.fail(new Error('failed'));
            else if (what === 'say') held?.sink.lines('stdout', [`line ${which}`]);
            else if (what === 'kill') run?.kill('me');
            else if (what === 'SIGKILL') run?.kill('SIGKILL');
            else if (what === 'pause') run?.pause();
            else if (what === 'play') run?.play();
            else if (what === 'advance') await clock.advance('600ms');
            else if (what === 'kill all') {
              killed = true;
              loop.kill('me');
            } else await rounds(1 + (which % 3));
          }
          // The rest ends by itself.
          for (let round = 0; !over; round++) {
            for (const run of loop.list()) run.play();
            for (const held of play.live) held.finish();
            await clock.advance('1s');
            if (round > 200)
              throw new Error(
                `hangs: ${loop
                  .list()
                  .map((run) => `${run.id} ${run.spec.type} (${run.state.type}: ${run.detail})`)
                  .join('; ')}`,
              );
          }
          const outcomes = await ended;
          await rounds();
          record.wellFormed();
          const late = record.delivered[0];
          if (late !== undefined) throw new Error(`delivered while paused: ${JSON.stringify(late)}`);
          if (loop.list().length > 0) throw new Error('runs are left');
          if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
          if (outcomes.length > trees.length) throw new Error('more outcomes than generators');
          for (let i = 0; i < trees.length; i++) {
            const settle = record.events.find((event) => event.type === 'settle' && event.run === String(i + 1));
            const outcome = (settle as { outcome?: Outcome<unknown> } | undefined)?.outcome;
            if (outcome?.type !== outcomes[i]?.type)
              throw new Error(`outcome ${i}: ${outcome?.type}, ${outcomes[i]?.type}`);
          }
        },
      ),
      { numRuns: Number(process.env['SLUICE_RANDOM_RUNS'] ?? 400) },
    ),
  );
  t.same(unhandled, []);
});
