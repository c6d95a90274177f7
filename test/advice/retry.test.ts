import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { retry } from '../../lib/advice/retry.ts';
import { slots } from '../../lib/advice/slots.ts';
import { idle, timeout } from '../../lib/advice/timeout.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { all } from '../../lib/compose/all.ts';
import { task } from '../../lib/compose/task.ts';
import { RunError, runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, settleDown, value, like } from '../support.ts';

t.test('retry: tries again after a back-off, tells of it, and gives the value', async (t) => {
  const clock = fakeClock();
  const step = driven<string>();
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const loop = runCommandGens([step.runner.with(retry({ count: 5, backoff: '1s', jitter: 0 }))], { clock, onEvent });
  await settleDown();
  step.fail(new Error('once'));
  await settleDown();
  t.equal(step.starts, 1);
  await clock.advance('1s');
  t.equal(step.starts, 2);
  step.fail(new Error('twice'));
  await clock.advance('1999ms');
  t.equal(step.starts, 2, 'the wait is doubled');
  await clock.advance('1ms');
  t.equal(step.starts, 3);
  step.finish('third');
  t.same(await loop, ['third']);
  t.same(notes, ['retry 1 of 5 in 1000 ms: once', 'retry 2 of 5 in 2000 ms: twice']);
});

t.test('retry: the last error, with those before', async (t) => {
  const clock = fakeClock();
  let n = 0;
  const step = task(function* () {
    yield* failure(new Error(`try ${++n}`));
  });
  const loop = runCommandGens([step.with(retry({ count: 2 }))], { clock });
  loop.catch(() => {});
  await clock.runAll();
  const { errors } = (await loop.catch((error: unknown) => error)) as unknown as AggregateError;
  t.equal(errors[0].message, 'try 3');
  t.same(
    errors[0].attempts.map((error: Error) => error.message),
    ['try 1', 'try 2'],
  );
});

t.test('retry: when decides; what another try cannot mend is not tried again', async (t) => {
  let n = 0;
  const fails = (reason: RunError['reason']) =>
    task(function* () {
      n++;
      yield* failure(new RunError({ reason }));
    });
  const tries = async (reason: RunError['reason'], options = {}): Promise<number> => {
    n = 0;
    await runCommandGens([fails(reason).with(retry({ count: 2, backoff: 0, ...options }))]).catch(() => {});
    return n;
  };
  t.equal(await tries({ type: 'exit', exitCode: 1 }), 3);
  t.equal(await tries({ type: 'spawn', code: 'ENOENT' }), 1);
  t.equal(await tries({ type: 'connection', phase: 'lost', sent: 'maybe' }), 1);
  t.equal(await tries({ type: 'connection', phase: 'lost', sent: 'maybe' }, { idempotent: true }), 3);
  t.equal(await tries({ type: 'connection', phase: 'connect', sent: 'no' }), 3);
  t.equal(await tries({ type: 'callback', name: 'onEvent' }), 1);
  t.equal(await tries({ type: 'exit', exitCode: 2 }, { when: (r: { exitCode?: number }) => r.exitCode === 1 }), 1);
});

t.test('retry: a kill is never retried, in a try or between', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens([step.runner.with(retry(3))], { clock });
  await settleDown();
  step.fail(new Error('x'));
  await settleDown();
  loop.kill('now');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'now' } }));
  await clock.advance('1h');
  t.equal(step.starts, 1);
});

t.test('retry: a generator object can not begin again', async (t) => {
  const generator = (function* () {
    yield* value(1);
  })();
  const { toRunner } = await import('../../lib/kernel/runnable.ts');
  t.throws(() => toRunner(generator).with(retry(1)), /runs once; wrap its function instead: task\(fn, \.\.\.args\)/);
  t.throws(() => retry({ jitter: 2 }), /jitter 2/);
  t.throws(() => retry(-1), /count -1/);
});

t.test('timeout and idle', async (t) => {
  const clock = fakeClock();
  const silent = driven();
  const talking = driven();
  const loop = runCommandGens(
    [silent.runner.with(idle('10s')), talking.runner.with(idle('10s')), sleep('1h').with(timeout('15s'))],
    {
      clock,
    },
  );
  loop.catch(() => {});
  await clock.advance('9s');
  talking.line('still here');
  await clock.advance('2s');
  t.same(silent.kills, ['idle']);
  t.same(talking.kills, []);
  await clock.advance('5s');
  talking.finish('fine');
  const error = (await loop.catch((thrown: unknown) => thrown)) as { outcomes: unknown[] };
  t.match(error.outcomes, [
    { type: 'failed', error: { reason: { type: 'timeout', ms: 10_000 } } },
    { type: 'finished', value: 'fine' },
    { type: 'failed', error: { reason: { type: 'timeout', ms: 15_000 } } },
  ]);
});

t.test('timeout: a pause does not count', async (t) => {
  const clock = fakeClock();
  const step = driven();
  const loop = runCommandGens([step.runner.with(timeout('10s'))], { clock });
  await clock.advance('9s');
  loop.pause();
  await clock.advance('1h');
  loop.play();
  await clock.advance('500ms');
  step.finish('in time');
  t.same(await loop, ['in time']);
});

t.test('slots: at most so many of the runs with this advice', async (t) => {
  const steps = [driven<number>(), driven<number>(), driven<number>()];
  const two = slots(2);
  const loop = runCommandGens(steps.map(({ runner }) => runner.with(two)));
  await settleDown();
  t.same(
    steps.map(({ starts }) => starts),
    [1, 1, 0],
  );
  steps[1]!.finish(1);
  await settleDown();
  t.equal(steps[2]!.starts, 1);
  steps[2]!.finish(2);
  steps[0]!.finish(0);
  t.same(await loop, [0, 1, 2]);
  t.throws(() => slots(0), /slots: 0/);
});

t.test('unchecked: exits and signals are results, failed starts are not', async (t) => {
  const [codes] = await runCommandGens([
    all([program('exit 3').with(unchecked), program('kill -9 $$').with(unchecked), program('true').with(unchecked)]),
  ]);
  t.match(codes, [{ exitCode: 3, signal: undefined }, { exitCode: undefined, signal: 'SIGKILL' }, { exitCode: 0 }]);
  await t.rejects(
    program(['no-such-program-here']).with(unchecked).run(),
    like({ reason: { type: 'spawn', code: 'ENOENT' } }),
  );
});

t.test('around: before and after, replacing, concluding without running, proceeding again', async (t) => {
  const seen: string[] = [];
  const twice = around(function* (proceed, session) {
    seen.push(`before ${session.label}`);
    const first: number = yield* proceed;
    const second: number = yield* proceed;
    seen.push('after');
    return first + second;
  });
  const never = around(function* () {
    return 'concluded';
  });
  const step = driven();
  t.same(await runCommandGens([value(2).with(twice), step.runner.with(never)]), [4, 'concluded']);
  t.equal(step.starts, 0);
  t.same(seen, ['before value', 'after']);
  t.throws(() => around(3 as never), /around: expected a generator function/);
});

t.test('with: the first is the outermost; what is no advice is told', async (t) => {
  const order: string[] = [];
  const mark = (name: string) =>
    around(function* (proceed) {
      order.push(name);
      return yield* proceed;
    });
  await value(1).with(mark('outer'), mark('inner')).run();
  t.same(order, ['outer', 'inner']);
  t.throws(() => value(1).with(3 as never), /advice 1: expected a function, got number/);
  t.throws(() => value(1).with((() => 3) as never), /gave no runner/);
});

t.test('1,000 advice on one runner', async (t) => {
  let runner = value(1);
  for (let i = 0; i < 1000; i++) runner = runner.with(timeout('1h'));
  t.equal(await runner.run(), 1);
});
