import t from 'tap';
import { Countdown } from '../../lib/runners/countdown.ts';
import { fakeClock } from '../../lib/testing/clock.ts';

t.test('pauses do not count; playing twice or pausing twice is once', async (t) => {
  const clock = fakeClock();
  let calls = 0;
  const countdown = new Countdown(1000, clock, () => calls++);
  await clock.advance('1h');
  t.equal(calls, 0, 'it begins with the first play');
  countdown.play();
  countdown.play();
  t.equal(clock.pending, 1);
  await clock.advance(400);
  countdown.pause();
  countdown.pause();
  await clock.advance('1h');
  t.equal(clock.pending, 0);
  countdown.play();
  await clock.advance(599);
  t.equal(calls, 0);
  await clock.advance(1);
  t.equal(calls, 1);
  t.equal(clock.pending, 0);
});

t.test('one without end sets no timer', async (t) => {
  const clock = fakeClock();
  new Countdown(Infinity, clock, () => t.fail()).play();
  t.equal(clock.pending, 0);
});
