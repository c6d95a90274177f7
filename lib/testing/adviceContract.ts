import assert from 'node:assert/strict';
import {
  createRunner,
  isRunError,
  isRunner,
  type Advice,
  type LoopOptions,
  type Outcome,
  type Run,
  type Runner,
} from '../kernel/index.ts';
import { spawn } from '../compose/spawn.ts';
import { rounds, through, until, type Suite } from './record.ts';
import { outcomeOf, run, tester } from './subject.ts';

/** What an advice needs around it to be tried. */
export interface Surroundings {
  /** For every loop of the tests: a clock. */
  readonly options?: LoopOptions;
  /** Lets runs come to their end (`() => clock.runAll()`); called again and again until they have. */
  finish?(): unknown;
}

/**
 * The contract suite of advice that changes nothing of a run that succeeds: results, lines, items, ids, kills, pauses and what is
 * sent go through. `t` is any test framework's; `surroundings` is called for each test.
 */
export function adviceContract(
  t: Suite,
  name: string,
  advice: Advice,
  surroundings: () => Surroundings = () => ({}),
): void {
  const test = tester<unknown>(t, name, () => ({ ...surroundings(), runner: () => talk([]) }));
  const value = { the: 'value' };
  const steps: Step[] = [
    (sink) => sink.lines('stdout', ['one', 'two']),
    (sink) => sink.note('noted', { well: true }),
    (sink) => sink.item(3),
    (sink) => sink.lines('stderr', ['four']),
    (sink) => sink.settle({ type: 'finished', value }),
  ];

  test('gives a runner that is inert, with the label and a spec that names what it goes around', async () => {
    const calls: Call[] = [];
    const inner = talk(steps, calls);
    const runner = advice(inner);
    await rounds();
    assert.ok(isRunner(runner));
    assert.equal(runner.label, inner.label);
    assert.deepEqual(JSON.parse(JSON.stringify(runner.spec)), runner.spec);
    assert.match(JSON.stringify(runner.spec), /"type":"talk"/);
    assert.deepEqual(calls, []);
  });

  test('lets results, lines, items and notes through, under the id that it would have', async (subject) => {
    for (const inner of [talk(steps), talk(steps, [], true)]) {
      const bare = run(subject, [inner]);
      await through(subject.finish, bare.loop);
      const { loop, record } = run(subject, [inner.with(advice)]);
      const [given] = await through(subject.finish, loop);
      assert.equal(given, value);
      assert.deepEqual(record.said(), bare.record.said());
      assert.ok(record.events.some((event) => event.type === 'note' && event.text === 'noted'));
      for (const event of record.events) assert.match(event.run, /^1(\.|$)/);
      assert.deepEqual(
        record.types('1').filter((type) => type === 'start' || type === 'settle'),
        ['start', 'settle'],
      );
      assert.deepEqual(outcomeOf(record.events), { type: 'finished', value });
      record.wellFormed();
    }
  });

  test('gives the very error of a failure', async (subject) => {
    const error = new RangeError('its own');
    const fails: Step[] = [(sink) => sink.settle({ type: 'failed', error })];
    for (const inner of [talk(fails), talk(fails, [], true)]) {
      const { loop, record } = run(subject, [inner.with(advice)]);
      await assert.rejects(through(subject.finish, loop), (failure: AggregateError) => failure.errors[0] === error);
      record.wellFormed();
    }
  });

  for (const by of ['me', 'SIGKILL']) {
    test(`passes the kill on, once (${by})`, async (subject) => {
      const calls: Call[] = [];
      const { loop, record } = run(subject, [talk([], calls).with(advice)]);
      const ended = loop.then(
        () => assert.fail('it finished'),
        (error: unknown) => assert.ok(isRunError(error, 'killed'), String(error)),
      );
      await until(() => calls.includes('start'));
      loop.kill(by);
      loop.kill(by);
      await ended;
      assert.deepEqual([...new Set(calls)], ['start', `kill ${by}`]);
      assert.deepEqual(outcomeOf(record.events), { type: 'killed', by } satisfies Outcome<unknown>);
      record.wellFormed();
    });
  }

  test('passes pause and play on, and nothing meanwhile', async (subject) => {
    const calls: Call[] = [];
    const { loop, record } = run(subject, [talk(steps, calls).with(advice)]);
    record.heard = (event) => {
      if (event.type !== 'line') return;
      loop.pause();
      void rounds().then(() => loop.play());
    };
    await through(subject.finish, loop);
    assert.ok(calls.includes('pause') && calls.includes('play'), calls.join(' '));
    assert.deepEqual(record.delivered, []);
    record.wellFormed();
  });

  test('passes on what is sent, and the end of it', async (subject) => {
    const calls: Call[] = [];
    const { loop } = run(subject, [
      function* () {
        const inside: Run = yield* spawn(talk([], calls).with(advice));
        inside.send('hello');
        inside.end();
        yield* inside.join();
      },
    ]);
    await through(subject.finish, loop);
    assert.deepEqual(calls, ['start', 'send hello', 'end']);
  });

  test('keeps a shield, and refuses or keeps what runs once', async () => {
    const shielded = createRunner({ spec: { type: 'talk' }, shield: true, start: () => quiet });
    assert.equal(advice(shielded).traits.shield, true);
    const single = createRunner({ spec: { type: 'talk' }, once: 'once only', start: () => quiet });
    try {
      assert.equal(advice(single).traits.once, 'once only');
    } catch (error) {
      assert.match(String(error), /^TypeError: .*once only/);
    }
  });
}

type Sink = Parameters<Runner<any, any>['start']>[0];
type Step = (sink: Sink) => void;
type Call = string;
const quiet = { pause() {}, play() {}, kill() {} };

/** Says its lines, one step a round of the event loop or all at once, and logs what it is told. Without steps it waits for `end`. */
function talk(steps: readonly Step[], calls: Call[] = [], atOnce = false): Runner<any, any> {
  return createRunner<any, any>({
    spec: { type: 'talk' },
    label: 'talk',
    leaf: true,
    start(sink) {
      calls.push('start');
      let at = 0;
      let next: NodeJS.Immediate | undefined;
      const step = (): void => {
        steps[at++]?.(sink);
        if (at < steps.length) next = setImmediate(step);
      };
      if (atOnce) for (const each of steps) each(sink);
      else next = setImmediate(step);
      return {
        pause() {
          calls.push('pause');
          clearImmediate(next);
        },
        play() {
          calls.push('play');
          next = setImmediate(step);
        },
        kill(by) {
          calls.push(`kill ${by}`);
          clearImmediate(next);
          sink.settle({ type: 'killed', by });
        },
        send: (item) => void calls.push(`send ${String(item)}`),
        end() {
          calls.push('end');
          sink.settle({ type: 'finished', value: undefined });
        },
      };
    },
  });
}
