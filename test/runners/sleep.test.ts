import t from 'tap';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { contract } from '../../lib/testing/contract.ts';
import { like, settleDown } from '../support.ts';

contract(t, 'sleep', () => {
  const clock = fakeClock();
  return {
    runner: () => sleep('3s'),
    endless: () => sleep(Infinity),
    options: { clock },
    finish: () => clock.advance('1s'),
  };
});

t.test('takes as long as it says, in every spelling', async (t) => {
  const cases = [
    ['1500ms', 1500],
    ['3s', 3000],
    ['5m', 300_000],
    [250, 250],
    [0, 0],
  ] as const;
  for (const [duration, ms] of cases) {
    const clock = fakeClock();
    let over = false;
    const ended = sleep(duration)
      .run({ clock })
      .then(() => (over = true));
    if (ms > 0) {
      await clock.advance(ms - 1);
      t.notOk(over, `${duration} is not over before its time`);
    }
    await clock.advance(Math.min(ms, 1));
    await ended;
    t.equal(clock.pending, 0);
  }
});

t.test('a pause keeps the remainder', async (t) => {
  const clock = fakeClock();
  const loop = runCommandGens([sleep('10s')], { clock });
  let over = false;
  loop.then(() => (over = true));
  await clock.advance('7s');
  loop.pause();
  await clock.advance('1h');
  loop.play();
  await clock.advance('2999ms');
  t.notOk(over);
  t.equal(loop.find('1')!.detail, 'sleeps for 1 ms more');
  await clock.advance('1ms');
  t.same(await loop, [undefined]);
});

t.test('a kill takes its timer back; a dry run takes no time', async (t) => {
  const clock = fakeClock();
  const loop = runCommandGens([sleep('1h')], { clock });
  await settleDown();
  t.equal(clock.pending, 1);
  loop.kill('test');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.equal(clock.pending, 0);
  t.same(await runCommandGens([sleep('1h'), sleep(Infinity)], { clock, dryRun: true }), [undefined, undefined]);
});

t.test('what it is, and what is no duration', async (t) => {
  t.match(sleep('3s'), { label: 'sleep 3s', spec: { type: 'sleep', ms: 3000 } });
  t.match(sleep(Infinity), { label: 'sleep Infinity', spec: { type: 'sleep', ms: 'Infinity' } });
  for (const wrong of ['3', 'soon', -1, NaN, null])
    t.throws(() => sleep(wrong as never), { name: 'TypeError', message: /^sleep: .* is no duration/ }, String(wrong));
});

t.test('one without end keeps the process alive until it is killed, and leaves no timer', async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
  const before = timers();
  const loop = runCommandGens([sleep(Infinity)]);
  await settleDown();
  t.equal(timers(), before + 1);
  loop.pause();
  loop.play();
  await settleDown();
  loop.kill();
  await t.rejects(loop);
  t.equal(timers(), before);
});
