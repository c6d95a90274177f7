import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { retry } from '../../lib/advice/retry.ts';
import { race } from '../../lib/compose/race.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { until } from '../../lib/compose/until.ts';
import { createRunner, runCommandGens, type Runner } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { contract } from '../../lib/testing/contract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, like, settleDown } from '../support.ts';

const talking = (...lines: string[]): Runner<void> =>
  createRunner<void>({
    spec: { type: 'talk' },
    start(sink) {
      sink.lines('stdout', lines);
      sink.settle({ type: 'finished', value: undefined });
      return { pause() {}, play() {}, kill() {} };
    },
  });
const untilOf = (runner: () => Runner<unknown>) => (): Runner<string> =>
  task(function* waits() {
    return (yield* until(yield* spawn(runner()), /t(w)o/))[1]!;
  });

contract(t, 'until', () => ({
  runner: untilOf(() => talking('one', 'two', 'three')),
  endless: untilOf(() => sleep(Infinity)),
  failing: untilOf(() => talking('one', 'three')),
  check: (given) => t.equal(given, 'w'),
}));

t.test('the match; fails when the run ends first or time is up', async (t) => {
  const [match] = await runCommandGens([
    function* () {
      const server = yield* spawn(program('echo starting; echo LISTENING on 42; exec sleep 1000'));
      return (yield* until(server, /LISTENING on (\d+)/))[1];
    },
  ]);
  t.equal(match, '42');
  const ended = runCommandGens([
    function* () {
      const server = yield* spawn(program('echo hello'));
      yield* until(server, 'LISTENING');
    },
  ]);
  await t.rejects(ended, like({ errors: [{ reason: { type: 'closed' } }] }));
  const clock = fakeClock();
  const late = runCommandGens(
    [
      function* () {
        const server = yield* spawn(sleep(Infinity));
        yield* until(server, 'LISTENING', { within: '10s' });
      },
    ],
    { clock },
  );
  late.catch(() => {});
  await clock.advance('10s');
  await t.rejects(late, like({ errors: [{ reason: { type: 'timeout', ms: 10_000 } }] }));
});

t.test('a string is looked for as it is; a pattern may be global; one stream only', async (t) => {
  const step = driven();
  const [found] = await Promise.all([
    runCommandGens([
      function* () {
        const run = yield* spawn(step.runner);
        const global = /b/g;
        global.lastIndex = 7;
        const found: unknown[] = [];
        found.push((yield* until(run, 'a.b*')).input, (yield* until(run, global)).input);
        found.push((yield* until(run, /./, { stream: 'stderr' })).input);
        return found;
      },
    ]),
    settleDown().then(() => {
      step.line('aXbb');
      step.line('is a.b* it');
      step.line('err', 'stderr');
    }),
  ]);
  t.same(found, [['is a.b* it', 'aXbb', 'err']]);
});

t.test('what it says of one that is late: its last line, through advice too', async (t) => {
  const clock = fakeClock();
  const loop = runCommandGens(
    [
      function* () {
        const step = yield* spawn(talking('hello', 'it is s3cret').with(retry(1), around(stays)));
        yield* until(step, 'LISTENING', { within: '10s' });
      },
    ],
    { clock, secrets: ['s3cret'] },
  );
  loop.catch(() => {});
  await clock.advance('10s');
  await t.rejects(loop, like({ errors: [{ message: /talk has not written it; its last line: it is \*\*\*/ }] }));

  function* stays(proceed: Runner) {
    yield* proceed;
    yield* sleep(Infinity);
  }
});

t.test('L5: once it has its answer, or was killed, it holds nobody', async (t) => {
  const step = driven();
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(step.runner);
      yield* until(run, 'here');
      yield* race({ never: until(run, 'never'), soon: until(run, 'soon') });
      yield* run.join();
    },
  ]);
  await settleDown();
  step.line('here');
  await settleDown();
  step.line('soon');
  await settleDown();
  for (let i = 0; i < 5000; i++) step.line(String(i));
  await settleDown();
  t.same(step.flows, [], 'it was never told to wait');
  step.finish(1);
  await loop;
});

t.test('what is wrong is told at the call', async (t) => {
  t.throws(() => until({} as never, 'x'), /until: expected a Run, as spawn gives it/);
  const [error] = await runCommandGens([
    function* () {
      const run = yield* spawn(sleep(Infinity));
      try {
        until(run, 'x', { within: 'soon' });
      } catch (thrown) {
        return String(thrown);
      }
    },
  ]);
  t.match(error, /^TypeError: until: within: .*soon/);
  const run = { join() {}, id: '1' } as never;
  for (const pattern of [undefined, null, 3, { exec() {} }])
    t.throws(() => until(run, pattern as never), /^until: expected a RegExp or a string to look for, got /);
});

t.test('a dry run, where nobody writes anything, goes on with an empty match', async (t) => {
  const [given] = await runCommandGens(
    [
      function* () {
        const server = yield* spawn(program('server'));
        const [, port] = yield* until(server, /LISTENING on (\d+)/g);
        yield* program(['client', port!]);
        return (yield* until(server, /^(?<name>a)|b$/y)).groups?.['name'];
      },
    ],
    { dryRun: true },
  );
  t.equal(given, '');
});
