import t from 'tap';
import { fakeClock } from '../../lib/testing/clock.ts';
import { all, runCommandGens, sleep } from '../../lib/index.ts';

t.test('timers fire in the order of their times, at their times', async (t) => {
  const clock = fakeClock({ now: 0 });
  const fired: string[] = [];
  const log = (name: string) => () => void fired.push(`${name} ${clock.now()}`);
  clock.after(20, log('b'));
  clock.after(10, log('a'));
  clock.after(20, log('c'));
  const cancel = clock.after(15, log('never'));
  clock.after(Infinity, log('never'));
  t.equal(clock.pending, 4);
  cancel();
  await clock.advance(9);
  t.same(fired, []);
  await clock.advance('1ms');
  t.same(fired, ['a 10']);
  await clock.advance('1s');
  t.same(fired, ['a 10', 'b 20', 'c 20']);
  t.equal(clock.now(), 1010);
  t.equal(clock.pending, 0);
});

t.test('between two times everything comes to rest', async (t) => {
  const clock = fakeClock({ now: 0 });
  const seen: number[] = [];
  const loop = runCommandGens(
    [
      async function* () {
        for (let i = 0; i < 3; i++) {
          yield* sleep(10);
          for (let k = 0; k < 20; k++) await Promise.resolve();
          yield* all([sleep(5), sleep(5)]);
          seen.push(clock.now());
        }
      },
    ],
    { clock },
  );
  await clock.advance(100);
  t.same(seen, [15, 30, 45]);
  await loop;
});

t.test('one of the same time may take back another', async (t) => {
  const clock = fakeClock();
  let called = false;
  clock.after(1, () => cancel());
  const cancel = clock.after(1, () => (called = true));
  await clock.advance(1);
  t.notOk(called);
});

t.test('runAll', async (t) => {
  const clock = fakeClock({ now: 0 });
  const loop = runCommandGens(
    [
      function* () {
        for (let i = 0; i < 5; i++) yield* sleep('1h');
      },
    ],
    { clock },
  );
  await clock.runAll();
  await loop;
  t.equal(clock.now(), 5 * 3_600_000);
  const again = (): void => void clock.after(0, again);
  for (let i = 0; i < 1000; i++) again();
  await t.rejects(clock.runAll(), /100000 timers have fired and still 1000 wait/);
});

t.test('what is no duration is a TypeError', async (t) => {
  await t.rejects(fakeClock().advance('soon'), { message: /^advance: 'soon' is no duration/ });
});

t.test('a misspelt option is told', async (t) => {
  t.throws(() => fakeClock({ start: 0 } as never), /fakeClock: unknown option start/);
});
