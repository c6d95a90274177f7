import { realpathSync } from 'node:fs';
import t from 'tap';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, like, value } from '../support.ts';

contract(t, 'within', () => ({
  runner: () => within({ cwd: '/' }, value(1)),
  endless: () => within({ env: { A: '1' } }, sleep(Infinity)),
  failing: () => within({ slots: 1 }, failure(new RangeError('no'))),
  check: (given) => t.equal(given, 1),
}));
adviceContract(t, 'within', within({ cwd: '/' }));

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

t.test('changes of the wrong type are told at the call, values of the environment without their value', async (t) => {
  const refused = (change: object, message: RegExp): void => {
    t.throws(() => within(change as never), { name: 'TypeError', message });
    t.throws(() => within(change as never, value(1)), { name: 'TypeError', message });
  };
  refused({ cwd: 5 }, /^within: cwd is a path, not the number 5/);
  refused({ env: 'A=b' }, /^within: env is an object/);
  refused({ env: { A: 5 } }, /^within: env.A is of the type number, not a string/);
  refused({ env: { A: null } }, /^within: env.A is null, not a string/);
  refused({ advice: timeout('1s') }, /^within: advice is a list of functions/);
  refused({ advice: [5] }, /^within: advice\[0\] is no function/);
  refused({ via: ['sudo'] }, /^within: via is via\.ssh/);
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
