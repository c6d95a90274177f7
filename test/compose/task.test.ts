import t from 'tap';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { contract } from '../../lib/testing/contract.ts';
import { failure, value } from '../support.ts';

contract(t, 'task', () => ({
  runner: () =>
    task(function* (x: number) {
      return yield* value(x);
    }, 4),
  endless: () =>
    task(async function* () {
      yield* sleep(Infinity);
    }),
  failing: () =>
    task(function* () {
      yield* failure(new RangeError('no'));
    }),
  check: (given) => t.equal(given, 4),
}));

t.test('label, and once again', async (t) => {
  function* deploy(host: string, port: number) {
    yield* value(0);
    return `${host}:${port}`;
  }
  const runner = task(deploy, 'web07', 80);
  t.equal(runner.label, 'deploy web07 80');
  t.same(await runCommandGens([runner, runner]), ['web07:80', 'web07:80']);
  t.throws(() => task(3 as never), /task: expected a generator function/);
});
