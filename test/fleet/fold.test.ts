import fc from 'fast-check';
import t from 'tap';
import { fold } from '../../lib/fleet/fold.ts';
import { hosts } from '../../lib/fleet/hosts.ts';

t.test('names with the same text become one word', async (t) => {
  for (const [names, text] of [
    ['', ''],
    ['web1', 'web1'],
    ['web01 web02 web03 db1 db2', 'web[01-03],db[1-2]'],
    ['web3 web1 web2', 'web[1-3]'],
    ['web1 web3 web5 web6', 'web[1,3,5-6]'],
    ['n9 n09 n10', 'n[9,09-10]'],
    ['n9 n010', 'n[9,010]'],
    ['n0 n01', 'n[0,01]'],
    ['n8 n9 n10 n11', 'n[8-11]'],
    ['n98 n99 n100', 'n[98-100]'],
    ['n08 n09 n10', 'n[08-10]'],
    ['n098 n099 n100', 'n[098-100]'],
    ['a1b a2b a1c', 'a[1-2]b,a1c'],
    ['r1n1 r1n2 r2n1 r2n2', 'r[1-2]n[1-2]'],
    ['r1n1 r1n2 r2n1 r2n2 r3n3', 'r[1-2]n[1-2],r3n3'],
    ['10.0.0.1 10.0.0.2 10.0.1.1 10.0.1.2', '10.0.[0-1].[1-2]'],
    ['[::1]:22 [::1]:23', '[::1]:22,[::1]:23'],
    ['x1234567890123456 x1234567890123457', 'x1234567890123456,x1234567890123457'],
  ] as const)
    t.equal(fold(names.split(' ').filter((name) => name !== '')), text, names);
});

t.test('the order of places that leaves fewer words is taken', async (t) => {
  t.equal(fold(['r1n1', 'r1n2', 'r2n1', 'r2n2', 'r3n1', 'r3n2', 'r1n3']).split(/,(?![^[]*\])/).length, 2);
});

const number = fc.oneof(
  fc.nat({ max: 12 }).map(String),
  fc.nat({ max: 120 }).map((value) => String(value).padStart(2, '0')),
  fc.nat({ max: 1200 }).map((value) => String(value).padStart(3, '0')),
);
const name = fc
  .tuple(
    fc.constantFrom('web', 'r', 'n-', '10.', ''),
    number,
    fc.constantFrom('', 'n', '.', '-x.y'),
    fc.option(number, { nil: '' }),
    fc.constantFrom('', '.com', '-ib'),
  )
  .map((parts) => parts.join(''));

t.test('folded and expanded it is the same set, and folded again the same text', async () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 40 }), (names) => {
      const set = hosts(fold(names));
      const folded = String(set);
      return (
        set.size === names.length &&
        names.every((one) => set.has(one)) &&
        hosts(folded).equals(set) &&
        fold(hosts(folded).names) === folded
      );
    }),
    { numRuns: 500 },
  );
});

t.test('many names fold in a moment', async (t) => {
  const names = Array.from({ length: 100_000 }, (_, i) => `r${Math.floor(i / 100)}n${i % 100}`);
  t.equal(fold(names), 'r[0-999]n[0-99]');
});
