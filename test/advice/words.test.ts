import t from 'tap';
import { size } from '../../lib/advice/words.ts';

t.test('sizes, in the units that they are given in', (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [10_189, '10 KiB'],
    [1024 * 1023.4, '1023 KiB'],
    [1024 * 1023.6, '1.0 MiB'],
    [5 * 1024 ** 3, '5.0 GiB'],
    [2 ** 60, '1048576 TiB'],
  ];
  for (const [bytes, text] of cases) t.equal(size(bytes), text);
  t.end();
});
