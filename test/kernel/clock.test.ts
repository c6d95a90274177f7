import t from 'tap';
import { bytes, milliseconds, systemClock } from '../../lib/kernel/index.ts';

t.test('milliseconds', async (t) => {
  const cases: [string | number, number][] = [
    [0, 0],
    [1.5, 1.5],
    [Infinity, Infinity],
    ['250ms', 250],
    ['3s', 3000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1h30m', 5_400_000],
    ['1m30s500ms', 90_500],
    ['0s', 0],
  ];
  for (const [given, expected] of cases) t.equal(milliseconds(given), expected, String(given));
  for (const wrong of ['', '5', 's', '5 s', '-1s', 'soon', '1e3ms', -1, NaN, null, undefined, {}, '1.s'])
    t.throws(
      () => milliseconds(wrong as never, 'grace'),
      { name: 'TypeError', message: /^grace: .* is no duration; give a number of milliseconds.*'250ms'/ },
      String(wrong),
    );
});

t.test('bytes', async (t) => {
  const cases: [string | number, number][] = [
    [0, 0],
    [4096, 4096],
    [Infinity, Infinity],
    ['64B', 64],
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['1GiB', 1_073_741_824],
    ['2kB', 2000],
    ['1MB', 1e6],
    ['1GB', 1e9],
  ];
  for (const [given, expected] of cases) t.equal(bytes(given), expected, String(given));
  for (const wrong of ['', '64', '64kb', '64 KiB', -1, 1.5, NaN, null, '1KB'])
    t.throws(
      () => bytes(wrong as never, 'maxLine'),
      { name: 'TypeError', message: /^maxLine: .* is no size; give a number of bytes or '64KiB'/ },
      String(wrong),
    );
});

t.test('the system clock', async (t) => {
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
  const times = Array.from({ length: 1000 }, () => systemClock.now());
  t.same(
    times,
    times.toSorted((a, b) => a - b),
    'never goes back',
  );
  await new Promise<void>((resolve) => systemClock.after(1, resolve));
  let called = false;
  systemClock.after(0, () => (called = true))();
  systemClock.after(Infinity, () => (called = true))();
  // Longer than a timer of Node can hold: it must neither fire at once nor warn.
  systemClock.after(2 ** 31 * 3, () => (called = true))();
  await new Promise<void>((resolve) => systemClock.after(2, resolve));
  t.notOk(called);
});
