import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import {
  isRunError,
  runCommandGens,
  type Advice,
  type Event,
  type LoopOptions,
  type Runner,
} from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, hand, immediate, Record, roomy, rounds, unhandledOf, until } from './tools.ts';

const gen = function* <T>(value: T) {
  return yield* immediate(value);
};
const run = function* <T>(runner: Runner<T>) {
  return yield* runner;
};

t.test('work starts in a microtask after the call', async (t) => {
  const h = hand();
  await rounds(2); // the slice of the tests before is over
  const loop = runCommandGens([h.runner]);
  t.equal(h.starts.length, 0);
  await Promise.resolve();
  t.equal(h.starts.length, 1);
  h.last.finish();
  await loop;
});

t.test('kill, signal, timeout', async (t) => {
  const three = (options: LoopOptions) => {
    const h = hand();
    const loop = runCommandGens([gen('done'), h.runner], options);
    return { h, loop, rejected: failure(loop) };
  };

  t.test('a killed loop rejects with RunError killed, with outcomes', async (t) => {
    const { h, loop, rejected } = three({});
    await until(() => h.starts.length === 1);
    loop.kill('me');
    loop.kill('me too');
    t.match(await rejected, {
      name: 'RunError',
      message: /^the loop: was killed by me/,
      reason: { type: 'killed', by: 'me' },
      outcomes: [
        { type: 'finished', value: 'done' },
        { type: 'killed', by: 'me' },
      ],
    });
    loop.kill('afterwards');
    loop.pause();
    loop.play();
  });

  t.test('kill() without a reason says so', async (t) => {
    const { loop, rejected } = three({});
    loop.kill();
    t.match(await rejected, { reason: { type: 'killed', by: /./ } });
  });

  t.test('a killed loop takes nothing more from its source', async (t) => {
    let closed = false;
    let given = 0;
    const source = async function* () {
      try {
        for (;;) {
          given++;
          yield () => run(sleep(Infinity));
          await rounds(1);
        }
      } finally {
        closed = true;
      }
    };
    const loop = runCommandGens(source());
    const rejected = failure(loop);
    await until(() => given === 3);
    loop.kill();
    await rejected;
    await rounds();
    t.ok(closed);
    t.ok(given <= 4);
    let unsubscribed = false;
    const observable = {
      '@@observable'() {
        return this;
      },
      subscribe: () => ({ unsubscribe: () => (unsubscribed = true) }),
    };
    const other = runCommandGens(observable as never);
    const otherRejected = failure(other);
    await rounds();
    other.kill();
    await otherRejected;
    t.ok(unsubscribed);
  });

  t.test('signal: RunError killed whose cause is its reason', async (t) => {
    const controller = new AbortController();
    const { h, rejected } = three({ signal: controller.signal });
    await until(() => h.starts.length === 1);
    const reason = new Error('enough');
    controller.abort(reason);
    const error = await rejected;
    t.match(error, { reason: { type: 'killed', by: 'signal' }, message: /enough/, outcomes: { length: 2 } });
    t.equal(error.cause, reason);
  });

  t.test('one that is aborted already starts nothing', async (t) => {
    const { h, rejected } = three({ signal: AbortSignal.abort('before') });
    t.match(await rejected, { reason: { type: 'killed' }, cause: 'before' });
    t.equal(h.starts.length, 0);
  });

  t.test('what is no AbortSignal is a TypeError', async (t) => {
    t.throws(() => runCommandGens([], { signal: {} as never }), TypeError);
  });

  t.test('100 loops on one signal raise no warning and leave no listener', async (t) => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warn);
    const controller = new AbortController();
    const half = Array.from({ length: 50 }, () =>
      failure(runCommandGens([sleep(Infinity)], { signal: controller.signal })),
    );
    await Promise.all(Array.from({ length: 50 }, () => runCommandGens([gen(1)], { signal: controller.signal })));
    t.ok(getEventListeners(controller.signal, 'abort').length <= 1);
    controller.abort();
    for (const error of await Promise.all(half)) t.ok(isRunError(error, 'killed'));
    await rounds();
    t.equal(getEventListeners(controller.signal, 'abort').length, 0);
    process.off('warning', warn);
    t.same(warnings, []);
  });

  t.test('timeout: RunError timeout, counted from the start; none is left after an end in time', async (t) => {
    const clock = fakeClock();
    const { rejected } = three({ timeout: '3s', clock });
    await clock.advance(2999);
    const ended = runCommandGens([gen(1)], { timeout: '1h', clock });
    t.same(await ended, [1]);
    await clock.advance(1);
    t.match(await rejected, {
      reason: { type: 'timeout', ms: 3000 },
      message: /the loop: timed out after 3000 ms/,
      outcomes: [{ type: 'finished' }, { type: 'killed', by: 'timeout' }],
    });
    t.equal(clock.pending, 0);
    t.throws(() => runCommandGens([], { timeout: 'soon' }), { name: 'TypeError', message: /timeout: 'soon'/ });
  });

  t.test('L3: a killed loop rejects after all has ended', async (t) => {
    const h = hand({ stubborn: true });
    const loop = runCommandGens([h.runner]);
    let over = false;
    const rejected = failure(loop).finally(() => (over = true));
    await until(() => h.starts.length === 1);
    loop.kill();
    await rounds();
    t.notOk(over);
    h.last.finish();
    await rejected;
  });
});

t.test('options', async (t) => {
  t.test('advice goes around every leaf, the first outermost; not around what starts others', async (t) => {
    const seen: string[] = [];
    const named =
      (name: string): Advice =>
      (runner) => {
        seen.push(`${name}(${runner.spec.type})`);
        return runner;
      };
    await runCommandGens(
      [
        function* () {
          yield* all([immediate(1), gen(2)]);
        },
      ],
      { advice: [named('outer'), named('inner')] },
    );
    t.same(seen, ['inner(immediate)', 'outer(immediate)', 'inner(immediate)', 'outer(immediate)']);
    t.match(await failure(runCommandGens([immediate(1)], { advice: [(() => 5) as never] })), {
      errors: [{ name: 'TypeError', message: /gave no runner/ }],
    });
  });

  t.test('onEvent and report get every event, the report first', async (t) => {
    const order: string[] = [];
    await runCommandGens([immediate(1)], {
      onEvent: (event) => order.push(`onEvent ${event.type}`),
      report: (event) => order.push(`report ${event.type}`),
    });
    t.same(order, ['report start', 'onEvent start', 'report settle', 'onEvent settle']);
    for (const name of ['onEvent', 'report'])
      t.throws(() => runCommandGens([], { [name]: 5 }), { name: 'TypeError', message: new RegExp(`^${name}:`) });
  });

  t.test("one that throws fails the event's run, named; others go on", async (t) => {
    for (const name of ['onEvent', 'report'] as const) {
      for (const type of ['start', 'line', 'settle']) {
        const h = hand();
        const loop = runCommandGens([h.runner, gen('fine')], {
          [name](event: Event) {
            if (event.run === '1' && event.type === type) throw new RangeError('in a listener');
          },
        });
        const rejected = failure(loop);
        if (type !== 'start') {
          await until(() => h.starts.length === 1);
          h.last.sink.lines('stdout', ['x']);
          if (type === 'settle') h.last.finish();
        }
        t.match(
          await rejected,
          {
            errors: [{ name: 'RunError', reason: { type: 'callback', name }, message: /in a listener/, run: '1' }],
            outcomes: [{ type: 'failed' }, { type: 'finished', value: 'fine' }],
          },
          `${name} ${type}`,
        );
        t.equal(h.starts.length, type === 'start' ? 0 : 1);
        if (type === 'line') t.same(h.last.calls, ['kill callback']);
      }
    }
  });

  t.test('secrets are masked in events, labels, specs, notes and errors; not in results', async (t) => {
    const record = new Record();
    const h = hand({ spec: { type: 'hand', arg: 'with s3cr3t!' }, label: 'label s3cr3t!' });
    const loop = runCommandGens([h.runner, h.runner], { secrets: ['s3cr3t!'], onEvent: record.see });
    const rejected = failure(loop);
    await until(() => h.starts.length === 2);
    h.starts[0]!.sink.lines('stdout', ['a s3cr3t! b']);
    h.starts[0]!.sink.note('note s3cr3t!', { deep: ['s3cr3t!'] });
    await rounds();
    t.match(loop.list()[0]!.lastLine, 'a *** b');
    loop.find('2')!.send('x');
    loop.find('2')!.kill('me');
    h.starts[0]!.finish('result s3cr3t!');
    const error = await rejected;
    t.notMatch(JSON.stringify(record.events.filter((event) => event.type !== 'settle')), /s3cr3t!/);
    t.match(record.events[0], { label: 'label ***', spec: { type: 'hand', arg: 'with ***' } });
    t.notMatch(error.errors[0].message, /s3cr3t!/);
    t.notMatch(JSON.stringify(error.errors[0].spec), /s3cr3t!/);
    t.equal(error.outcomes[0].value, 'result s3cr3t!');
    t.throws(() => runCommandGens([], { secrets: ['abc'] }), { name: 'TypeError', message: /at least 4/ });
  });

  t.test('dryRun: leaves do not start, sleeps take no time, the rest does', async (t) => {
    const h = hand({ dry: () => 'as if', slot: true });
    const record = new Record();
    const values = await runCommandGens(
      [
        function* () {
          yield* sleep('1h');
          return yield* all([h.runner, gen(2)]);
        },
      ],
      { dryRun: true, onEvent: record.see, slots: 1 },
    );
    t.same(values, [['as if', undefined]]);
    t.equal(h.starts.length, 0);
    record.wellFormed();
    t.ok(record.events.some((event) => event.type === 'start' && event.spec.type === 'hand'));
  });

  t.test('slots: so many at once, over all generators, leaves only, first come first served', async (t) => {
    const h = hand({ slot: true });
    const free = hand();
    const order: string[] = [];
    const task = function* (name: string): Generator<any, void, any> {
      yield* h.runner;
      order.push(name);
      yield* free.runner;
    };
    const loop = runCommandGens<unknown>([task('a'), task('b'), all([task('c'), task('d')])], {
      slots: 2,
      spawner: roomy(),
    });
    await until(() => h.starts.length === 2);
    await rounds();
    t.equal(h.starts.length, 2);
    t.equal(loop.list().filter((run) => run.detail === 'waits for a slot').length, 2);
    t.same(loop.find('3.1.1')?.state, { type: 'created' });
    h.starts[0]!.finish();
    await until(() => h.starts.length === 3);
    h.starts[1]!.finish();
    await until(() => h.starts.length === 4);
    h.starts[2]!.finish();
    h.starts[3]!.finish();
    await until(() => free.starts.length === 4);
    for (const start of free.starts) start.finish();
    await loop;
    t.same(order, ['a', 'b', 'c', 'd']);
    t.throws(() => runCommandGens([], { slots: 0 }), RangeError);
    t.throws(() => runCommandGens([], { slots: 1.5 }), RangeError);
  });
});

t.test('secrets are masked in what users throw, however the loop tells of it', async (t) => {
  const secrets = ['s3cr3t!'];
  const record = new Record();
  const mine = new RangeError('bad s3cr3t!', { cause: 's3cr3t!' });
  const thrown = await failure(
    runCommandGens(
      [
        function* () {
          yield* immediate(1);
          throw mine;
        },
        gen('s3cr3t! as a result'),
      ],
      { secrets, onEvent: record.see },
    ),
  );
  t.notMatch(inspect(thrown.errors), /s3cr3t/);
  t.notMatch(thrown.message, /s3cr3t/);
  t.match(thrown.outcomes[0].error, { name: 'RangeError', message: 'bad ***', cause: '***' });
  t.same(thrown.outcomes[1], { type: 'finished', value: 's3cr3t! as a result' });
  t.notMatch(inspect(record.events, { depth: 9 }), /s3cr3t/);
  t.equal(mine.message, 'bad s3cr3t!');

  const aborted = runCommandGens([hand().runner], { secrets, signal: AbortSignal.abort(new Error('s3cr3t!')) });
  t.notMatch(inspect(await failure(aborted)), /s3cr3t/);
  const killed = runCommandGens([hand().runner], { secrets });
  killed.kill('s3cr3t!');
  t.notMatch(inspect(await failure(killed), { depth: 9 }), /s3cr3t/);
  const alone = hand();
  const rejected = failure(alone.runner.run({ secrets }));
  await rounds(1);
  alone.last.fail(mine);
  t.notMatch(inspect(await rejected), /s3cr3t/);
});

t.test('unknown options are told', async (t) => {
  t.throws(
    () => runCommandGens([], { slot: 1 } as never),
    /^runCommandGens: unknown option slot; known are slots, signal, timeout/,
  );
  t.throws(() => immediate(1).run({ time: 1 } as never), /^run: unknown option time;/);
  t.throws(() => runCommandGens([], 3 as never), /^runCommandGens: expected options, got the number 3/);
  t.throws(() => runCommandGens([], null as never), /^runCommandGens: expected options, got null/);
  t.throws(() => runCommandGens([], { advice: 3 } as never), /^runCommandGens: advice is a list of functions, not /);
  t.throws(() => runCommandGens([], { advice: [3] } as never), /^runCommandGens: advice\[0\] is no function/);
  t.throws(() => runCommandGens([], { secrets: 'hunter2' } as never), /^secrets: expected a list of strings/);
});
t.test('a run() that is killed with its task, which never came to await it, is no unhandled rejection', async (t) => {
  const h = hand();
  const unheard = await unhandledOf(async () => {
    const error = await failure(
      runCommandGens([
        async function* () {
          const served = h.runner.run();
          yield* immediate(1);
          if (h.starts.length === 1) throw new Error('meanwhile');
          await served;
        },
      ]),
    );
    t.match(error.errors, [{ message: 'meanwhile' }]);
    await rounds();
  });
  t.same(h.last.calls, ['kill parent ended']);
  t.same(unheard, []);
});

t.test('runner.run() rejects with the very error of the run', async (t) => {
  const h = hand();
  const rejected = failure(h.runner.run());
  await rounds(1);
  const error = new RangeError('its own');
  h.last.fail(error);
  t.equal(await rejected, error);
  t.equal(await immediate(5).run(), 5);
  const clock = fakeClock();
  const late = failure(sleep('1h').run({ timeout: '1m', clock }));
  await clock.advance('1m');
  t.match(await late, { reason: { type: 'timeout', ms: 60_000 } });
});
