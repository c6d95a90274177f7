import t from 'tap';
import { differences, fileChange, foundDifferences, short } from '../../../lib/advice/memo/diff.ts';

const A = `f${'a'.repeat(64)}`;
const B = `f${'b'.repeat(64)}`;

t.test('what differs, in words', async (t) => {
  t.same(differences([['input a', A]], [['input a', A]]), []);
  t.same(
    differences(
      [
        ['input a', A],
        ['input gone', A],
        ['key', '1', '{ a: 1 }'],
        ['$X', 'c1'],
        ['same shown', 'a'.repeat(64), 'x'],
        ['input b', A],
      ],
      [
        ['input a', B],
        ['key', '2', '{ a: 2 }'],
        ['$X', 'd2'],
        ['new', '1'],
        ['same shown', 'b'.repeat(64), 'x'],
        ['input b', `x${'a'.repeat(64)}`],
      ],
    ),
    [
      'input a changed (aaaaaaaaaaaa → bbbbbbbbbbbb)',
      'key changed: { a: 1 } → { a: 2 }',
      '$X changed (c1 → d2)',
      'new is new',
      'same shown changed (aaaaaaaaaaaa → bbbbbbbbbbbb)',
      'input b may be executed now',
      'input gone is no longer given',
    ],
  );
  const [long] = differences([['key', '1', 'x'.repeat(500)]], [['key', '2', 'y'.repeat(500)]]);
  t.ok(long!.length < 300);
  t.equal(fileChange('f', '-', A), 'f is there now (aaaaaaaaaaaa)');
  t.equal(fileChange('f', A, '-'), 'f is gone (was aaaaaaaaaaaa)');
  t.equal(fileChange('f', `x${A.slice(1)}`, A), 'f may not be executed any more');
  t.equal(fileChange('f', `l${A.slice(1)}`, `d${B.slice(1)}`), 'f changed (aaaaaaaaaaaa → bbbbbbbbbbbb)');
  t.same(
    foundDifferences(
      [
        ['input a', A],
        ['$X', A],
      ],
      new Map([
        ['input a', A],
        ['$X', B],
      ]),
    ),
    ['$X changed (aaaaaaaaaaaa → bbbbbbbbbbbb)'],
  );
  t.equal(short(A), 'a'.repeat(12));
  t.equal(short(A.slice(1)), 'a'.repeat(12));
});
