import t from 'tap';
import { once } from '../../lib/advice/once.ts';
import { retry } from '../../lib/advice/retry.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type Event, type Runner } from '../../lib/kernel/index.ts';
import { toRunner } from '../../lib/kernel/runnable.ts';
import { pipe } from '../../lib/runners/pipe.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, like, settleDown, value } from '../support.ts';

adviceContract(t, 'once', once({ key: 'k' }));

/** Starts of programs in a loop. */
function starts(events: readonly Event[]): number {
  return events.filter((event) => event.type === 'start' && event.spec.type === 'program').length;
}

async function programs(runners: readonly Runner[]): Promise<[unknown[], number]> {
  const events: Event[] = [];
  const results = await runCommandGens(runners, { onEvent: (event) => void events.push(event) });
  return [results, starts(events)];
}

t.test('50 equal ones at once are one; afterwards it runs again', async (t) => {
  const shared = once();
  const make = (): Runner => program(['sh', '-c', 'sleep 0.1; echo $$']).with(shared);
  const [results, count] = await programs(Array.from({ length: 50 }, make));
  t.equal(count, 1);
  t.equal(new Set(results).size, 1, 'the very result');
  const [later, again] = await programs([make()]);
  t.equal(again, 1);
  t.not(later[0], results[0]);
  const [, apart] = await programs([program(['sleep', '0.05']).with(once()), program(['sleep', '0.05']).with(once())]);
  t.equal(apart, 2, 'each once is for itself');
});

t.test('other surroundings, other results: not the same', async (t) => {
  const shared = once();
  const make = (change: object, options = {}): Runner =>
    within(change, program(['sh', '-c', 'sleep 0.1; pwd; echo $X'], options).with(shared));
  const identity = (command: never): never => command;
  const [, count] = await programs([
    make({}),
    make({ cwd: '/' }),
    make({ env: { X: '1' } }),
    make({ via: identity }),
    make({}, { encoding: 'buffer' }),
    make({}, { unchecked: true }),
    make({}, { stdin: 'text' }),
    make({}, { env: { X: '2' } }),
  ]);
  t.equal(count, 8);
  const [, equal] = await programs([make({}), make({ cwd: process.cwd() }), make({ env: {} })]);
  t.equal(equal, 1, 'what changes nothing is the same');
});

t.test('a note names the run that is joined; a failure is everybody’s', async (t) => {
  const shared = once({ key: 1 });
  const step = driven();
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(`${event.run} ${event.text}`));
  const loop = runCommandGens([step.runner.with(shared), step.runner.with(shared)], { onEvent });
  await settleDown();
  t.same(notes, ['2 joins 1, which does the same']);
  t.match(loop.find('2')!.detail, /waits for 1, which does the same/);
  const error = new Error('no');
  step.fail(error);
  await t.rejects(loop, like({ errors: [error, error] }));
  t.equal(step.starts, 1);
});

t.test('the first is killed: the next does it anew; one that only waits may go', async (t) => {
  const shared = once({ key: 1 });
  const step = driven<number>();
  const runs = Array.from({ length: 4 }, () => step.runner.with(shared));
  const loop = runCommandGens(runs);
  await settleDown();
  loop.find('2')!.kill('enough');
  await settleDown();
  t.equal(step.kills.length, 0);
  loop.find('1')!.kill('me');
  await settleDown();
  t.equal(step.starts, 2);
  step.finish(7);
  await t.rejects(
    loop,
    like({
      outcomes: [{ by: 'me' }, { by: 'enough' }, { type: 'finished', value: 7 }, { type: 'finished', value: 7 }],
    }),
  );
  t.equal(step.starts, 2);
});

t.test('a loop that is killed starts nothing anew', async (t) => {
  const shared = once({ key: 1 });
  const step = driven();
  const loop = runCommandGens(Array.from({ length: 10 }, () => step.runner.with(shared)));
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.equal(step.starts, 1);
  const later = value(3).with(shared).run();
  t.equal(await later, 3, 'nor is anything left of it');
});

t.test('over loops: the work of one that is killed goes on in the other', async (t) => {
  const shared = once({ key: 1 });
  const step = driven<number>();
  const [one, other] = [runCommandGens([step.runner.with(shared)]), runCommandGens([step.runner.with(shared)])];
  await settleDown();
  t.equal(step.starts, 1);
  one.kill();
  await t.rejects(one);
  await settleDown();
  t.equal(step.starts, 2);
  step.finish(1);
  t.same(await other, [1]);
});

t.test('paused ones do not take over; the first that is played, or comes, does', async (t) => {
  const shared = once({ key: 1 });
  const step = driven<number>();
  const runs = Array.from({ length: 3 }, () => step.runner.with(shared));
  const loop = runCommandGens(runs);
  await settleDown();
  loop.find('2')!.pause();
  loop.find('3')!.pause();
  await settleDown();
  loop.find('1')!.kill('me');
  await settleDown();
  t.equal(step.starts, 1);
  loop.find('3')!.play();
  await settleDown();
  t.equal(step.starts, 2);
  loop.find('3')!.kill('me');
  await settleDown();
  const late = runCommandGens([step.runner.with(shared)]);
  await settleDown();
  t.equal(step.starts, 3);
  step.finish(5);
  t.same(await late, [5]);
  loop.find('2')!.play();
  await t.rejects(loop, like({ outcomes: [{ by: 'me' }, { value: 5 }, { by: 'me' }] }));
});

t.test('a paused one that is killed starts nothing first', async (t) => {
  const shared = once({ key: 1 });
  const step = driven<number>();
  const loop = runCommandGens([step.runner.with(shared), step.runner.with(shared)]);
  await settleDown();
  loop.find('2')!.pause();
  loop.find('1')!.kill('me');
  await settleDown();
  loop.find('2')!.kill('me');
  await t.rejects(loop);
  t.equal(step.starts, 1);
});

t.test('one that was paused when it was told does not begin anew when it plays', async (t) => {
  const shared = once({ key: 1 });
  const step = driven<number>();
  const loop = runCommandGens(Array.from({ length: 3 }, () => step.runner.with(shared)));
  await settleDown();
  loop.find('2')!.pause();
  await settleDown();
  step.finish(5);
  await settleDown();
  const next = runCommandGens([step.runner.with(shared)]);
  await settleDown();
  t.equal(step.starts, 2, 'afterwards it runs again');
  loop.find('2')!.play();
  t.same(await loop, [5, 5, 5]);
  t.equal(step.starts, 2);
  const joined = runCommandGens([step.runner.with(shared)]);
  await settleDown();
  t.equal(step.starts, 2, 'and what is under way is still known');
  step.finish(6);
  t.same([...(await next), ...(await joined)], [6, 6]);
});

t.test('one that would wait for itself fails', async (t) => {
  const shared = once({ key: 'same' });
  const inner = value(1).with(shared);
  const outer = task(function* () {
    return yield* inner;
  });
  await t.rejects(outer.with(shared).run(), /would wait for itself/);
});

t.test('two that would wait for one another: the second fails', async (t) => {
  const gates = [driven(), driven()];
  const shared = once({ key: 'k' });
  const keyed = (name: string, runner: Runner<any>): Runner => within({ env: { KEY: name } }, runner.with(shared));
  const crossing = (own: string, other: string, gate: Runner): Runner =>
    keyed(
      own,
      task(function* () {
        yield* gate;
        return yield* keyed(other, value(own));
      }),
    );
  const loop = runCommandGens([crossing('a', 'b', gates[0]!.runner), crossing('b', 'a', gates[1]!.runner)]);
  await settleDown();
  gates[0]!.finish(1);
  await settleDown();
  gates[1]!.finish(1);
  await t.rejects(loop, like({ errors: [{ message: /would wait for itself/ }, {}] }));
});

t.test('two of different `once` that would wait for one another: the second fails', async (t) => {
  const shared = { a: once({ key: 'a' }), b: once({ key: 'b' }) };
  const gates = { a: driven(), b: driven() };
  const crossing = (own: 'a' | 'b', other: 'a' | 'b'): Runner =>
    task(function* () {
      yield* gates[own].runner;
      return yield* value(own).with(shared[other]);
    }).with(shared[own]);
  const loop = runCommandGens([crossing('a', 'b'), crossing('b', 'a')]);
  await settleDown();
  gates.a.finish(1);
  await settleDown();
  gates.b.finish(1);
  await t.rejects(loop, like({ errors: [{ message: /would wait for itself/ }, {}] }));
});

t.test('what can not be compared is a TypeError that shows what to do', async (t) => {
  const shared = once();
  const fn = function* named() {
    yield* value(1);
  };
  t.throws(
    () => task(fn).with(shared),
    /named doesn't tell what it does, which is code of yours.*once\(\{ key: … \}\)/,
  );
  t.throws(() => toRunner(fn).with(shared), TypeError);
  t.throws(() => toRunner(fn()).with(once({ key: 1 })), /runs once/);
  t.throws(() => program('x', { stdout: () => {} }).with(shared), /what is done with its lines/);
  t.throws(() => program('x', { stdin: 'pipe' }).with(shared), /its stdin is 'pipe'/);
  t.throws(
    () => program('x', { stdin: [Buffer.from('a')] as never }).with(shared),
    /its stdin is a stream or an iterable/,
  );
  t.throws(
    () => pipe(program('x'), program('y', { stderr: () => {} })).with(shared),
    /lines of its stages go to functions/,
  );
  t.throws(
    () => within({ via: (command) => command }, program('x')).with(shared),
    /rewriting of its commands is a function/,
  );
  t.throws(() => value(1).with(shared), /what it does/);
  t.throws(() => value(1).with(once as never), /const shared = once\(\)/);
  t.throws(() => once({ key: (() => {}) as never }), TypeError);
  t.throws(() => once({ name: 'x' } as never), /unknown option name/);
  program('x').with(shared, retry(3));
  pipe(program('x'), program('y')).with(shared);
  t.same(sleep(1).with(shared).spec, { type: 'once', of: { type: 'sleep', ms: 1 } });
});

t.test('a spawned one with its parent gone: the waiting one goes on', async (t) => {
  const clock = fakeClock();
  const shared = once();
  const leaver = task(function* () {
    yield* spawn(sleep('1m').with(shared));
    yield* sleep('1s');
  });
  const waits = task(function* () {
    yield* sleep('500ms');
    yield* sleep('1m').with(shared);
    return clock.now();
  });
  const loop = runCommandGens([leaver, waits], { clock });
  await clock.runAll();
  const [, at] = await loop;
  t.equal(at, 1e12 + 61_000);
});
