import { PassThrough } from 'node:stream';
import t from 'tap';
import { slots } from '../../lib/advice/slots.ts';
import { all } from '../../lib/compose/all.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { stream } from '../../lib/runners/stream.ts';
import { driven, like, settleDown, value } from '../support.ts';

adviceContract(t, 'slots', slots(1));

t.test('at most so many of the runs with this advice', async (t) => {
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

t.test('one that is killed while it waits leaves the line; the next has its place', async (t) => {
  const [first, second, third] = [driven(), driven(), driven()];
  const one = slots(1);
  const loop = runCommandGens([first, second, third].map(({ runner }) => runner.with(one)));
  await settleDown();
  t.equal(loop.find('2')!.detail, 'waits for one of 1 slots');
  loop.find('2')!.kill('not needed');
  await settleDown();
  first!.finish(1);
  await settleDown();
  t.same([second!.starts, third!.starts], [0, 1]);
  third!.finish(3);
  await t.rejects(loop, like({ outcomes: [{ value: 1 }, { type: 'killed', by: 'not needed' }, { value: 3 }] }));
});

t.test('a place is given back by failures and kills too, also over loops', async (t) => {
  const one = slots(1);
  const [failing, killed] = [driven(), driven()];
  const loop = runCommandGens([failing.runner.with(one), killed.runner.with(one)]);
  const other = driven<number>();
  const beside = runCommandGens([other.runner.with(one)]);
  await settleDown();
  failing.fail(new Error('no'));
  await settleDown();
  t.same([killed.starts, other.starts], [1, 0]);
  loop.kill('test');
  await t.rejects(loop);
  await settleDown();
  t.equal(other.starts, 1);
  other.finish(7);
  t.same(await beside, [7]);
});

t.test('a long line of runs that end at once', async (t) => {
  const one = slots(1);
  const first = driven<number>();
  const many = Array.from({ length: 20_000 }, () => value(1).with(one));
  const loop = runCommandGens([all([first.runner.with(one), ...many])]);
  await settleDown();
  first.finish(1);
  t.equal((await loop)[0]!.length, 20_001);
});

t.test('one that is killed while it waits lets go of its stream', async (t) => {
  const one = slots(1);
  const source = new PassThrough();
  const loop = runCommandGens([sleep(Infinity).with(one), stream(source, () => {}).with(one)]);
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.ok(source.destroyed);
});
