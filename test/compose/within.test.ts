import { realpathSync } from 'node:fs';
import t from 'tap';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { emit, note } from '../../lib/compose/note.ts';
import { shield } from '../../lib/compose/shield.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { task } from '../../lib/compose/task.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { contract } from '../../lib/testing/contract.ts';
import { brief, driven, settleDown, value, like } from '../support.ts';

contract(t, 'within', () => ({
  runner: () => within({ cwd: '/' }, value(1)),
  endless: () => within({ env: { A: '1' } }, sleep(Infinity)),
}));
contract(t, 'shield', () => ({ runner: () => all([shield(value(1))]), check: (given) => t.same(given, [1]) }));
contract(t, 'task', () => ({
  runner: () =>
    task(function* (x: number) {
      return yield* value(x);
    }, 4),
  endless: () =>
    task(function* () {
      yield* sleep(Infinity);
    }),
  check: (given) => t.equal(given, 4),
}));

t.test('cwd and env hold for everything below, relative to what is around', async (t) => {
  const root = realpathSync(t.testdir({ a: { b: {} } }));
  const seen = () => program('echo "$PWD" "$X" "$Y" "$HOME"');
  const [lines] = await runCommandGens([
    within({ cwd: root, env: { X: '1', Y: '2' } }, function* () {
      const outer = (yield* seen()).stdout;
      const inner = (yield* within({ cwd: 'a/b', env: { Y: '3', HOME: undefined } }, function* () {
        return yield* seen();
      })).stdout;
      return [outer, inner];
    }),
  ]);
  t.same(lines, [`${root} 1 2 ${process.env['HOME']}`, `${root}/a/b 1 3 `]);
});

t.test('as an advice, and for a body that is a runner', async (t) => {
  t.match(
    await program('pwd')
      .with(within({ cwd: '/' }))
      .run(),
    { stdout: '/' },
  );
  t.match(await within({ cwd: '/' }, program('pwd')).run(), { stdout: '/' });
});

t.test('slots within slots: both hold', async (t) => {
  let now = 0;
  let most = 0;
  const onEvent = (event: Event): void => {
    if (event.type === 'start' && event.label === 'true') most = Math.max(most, ++now);
    if (event.type === 'settle' && event.ms > 0 && leaves.has(event.run)) now--;
    if (event.type === 'start' && event.label === 'true') leaves.add(event.run);
  };
  const leaves = new Set<string>();
  await runCommandGens([within({ slots: 2 }, all(Array.from({ length: 8 }, () => program('true'))))], {
    slots: 5,
    onEvent,
  });
  t.equal(most, 2);
});

t.test('advice within goes around leaves only', async (t) => {
  const limit = timeout('20ms');
  const loop = runCommandGens([
    within({ advice: [limit] }, function* () {
      yield* sleep(1);
      yield* sleep(Infinity);
    }),
  ]);
  await t.rejects(loop, like({ errors: [{ reason: { type: 'timeout', ms: 20 } }] }));
});

t.test('unknown changes are told', async (t) => {
  t.throws(() => within({ cdw: '/' } as never), /within: unknown option cdw; known are cwd, env/);
});

t.test('shield: a kill waits for it, and what it gives is answered as usual', async (t) => {
  const step = driven<string>();
  const seen: string[] = [];
  const loop = runCommandGens([
    function* () {
      seen.push(yield* shield(step.runner));
      try {
        yield* sleep(Infinity);
      } finally {
        seen.push(yield* shield(value('cleaned')));
      }
    },
  ]);
  await settleDown();
  loop.kill('test');
  await settleDown();
  t.same(step.kills, []);
  step.finish('done');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.same(seen, ['done', 'cleaned']);
});

t.test('note and emit tell of the task that yields them', async (t) => {
  const events: Event[] = [];
  await runCommandGens(
    [
      function* () {
        yield* note('halfway', { percent: 50 });
        yield* emit('thing');
      },
    ],
    { onEvent: (event) => events.push(event) },
  );
  const told = brief(events);
  t.ok(told.includes('note 1 halfway'));
  t.ok(told.includes('item 1'));
});

t.test('emit waits for readers that are behind (L5)', async (t) => {
  let emitted = 0;
  const loop = runCommandGens([
    function* () {
      for (; emitted < 100_000; emitted++) yield* emit(emitted);
    },
  ]);
  const events = loop[Symbol.asyncIterator]();
  await events.next();
  await settleDown();
  await settleDown();
  t.ok(emitted < 5000, `${emitted} were emitted before the reader read`);
  loop.kill();
  await t.rejects(
    (async () => {
      for await (const _event of events);
    })(),
    like({ reason: { type: 'killed' } }),
  );
  await t.rejects(loop);
});

t.test('task: label, and once again', async (t) => {
  function* deploy(host: string, port: number) {
    yield* value(0);
    return `${host}:${port}`;
  }
  const runner = task(deploy, 'web07', 80);
  t.equal(runner.label, 'deploy web07 80');
  t.same(await runCommandGens([runner, runner]), ['web07:80', 'web07:80']);
  t.throws(() => task(3 as never), /task: expected a generator function/);
});

t.test('spawn inside within belongs to the task around', async (t) => {
  const beside = driven();
  await runCommandGens([
    function* () {
      yield* within({ cwd: '/' }, spawn(beside.runner));
      t.equal(beside.kills.length, 0, 'lives on after within has ended');
      yield* value(1);
    },
  ]);
  t.same(beside.kills, ['parent ended']);
});
