import { inspect } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { HostSet } from '../../lib/fleet/hostSet.ts';
import { hosts } from '../../lib/fleet/hosts.ts';
import { host } from '../../lib/ssh/host.ts';

const set = hosts('web[1-5],db1');

t.test('it is read as a collection', async (t) => {
  t.equal(set.size, 6);
  t.same(
    [...set].map(({ name }) => name),
    ['web1', 'web2', 'web3', 'web4', 'web5', 'db1'],
  );
  t.ok(set.has('web3') && set.has(host({ name: 'web3' })));
  t.notOk(set.has('web9'));
  t.equal(set.get('db1')?.name, 'db1');
  t.equal(set.get('db9'), undefined);
  t.equal(set.at(0)?.name, 'web1');
  t.equal(set.at(-1)?.name, 'db1');
  t.equal(set.at(6), undefined);
  t.equal(String(set.slice(1, -1)), 'web[2-5]');
  t.equal(String(set.filter(({ name }) => name.startsWith('d'))), 'db1');
  t.same(JSON.parse(JSON.stringify(set)), set.names);
  t.equal(inspect(set), 'HostSet(6) web[1-5],db1');
  t.equal(inspect(hosts([])), 'HostSet(0)');
});

t.test('of two hosts with one name the set that is asked has its own', async (t) => {
  const mine = host({ name: 'a', user: 'me' });
  const other = host({ name: 'a', user: 'you' });
  const both = new HostSet([mine]).union(new HostSet([other, host({ name: 'b' })]));
  t.equal(both.get('a'), mine);
  t.equal(both.size, 2);
  t.equal(new HostSet([mine]).intersection(new HostSet([other])).at(0), mine);
});

t.test('split: parts of nearly one size, none empty', async (t) => {
  t.same(hosts('n[1-7]').split(3).map(String), ['n[1-3]', 'n[4-5]', 'n[6-7]']);
  t.same(hosts('n[1-2]').split(5).map(String), ['n1', 'n2']);
  t.same(hosts([]).split(2), []);
  for (const wrong of [0, -1, 1.5, NaN]) t.throws(() => set.split(wrong), /split: .* is no number of sets/);
});

t.test('groupBy', async (t) => {
  const groups = set.groupBy(({ name }) => name.slice(0, 2));
  t.same(
    [...groups].map(([key, group]) => [key, String(group)]),
    [
      ['we', 'web[1-5]'],
      ['db', 'db1'],
    ],
  );
});

t.test('a text is no set: it says what would be', async (t) => {
  t.throws(() => set.union('web9' as never), /union: expected a set of hosts; pass hosts\("web9"\)/);
  t.throws(() => set.difference(['web9'] as never), /difference: expected a set of hosts/);
});

const anySet = fc
  .uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 })
  .map((numbers) => hosts(numbers.map((number) => `n${number}`)));

t.test('the laws of sets', async () => {
  fc.assert(
    fc.property(anySet, anySet, anySet, (a, b, c) => {
      const laws: [HostSet, HostSet][] = [
        [a.union(b), b.union(a)],
        [a.intersection(b), b.intersection(a)],
        [a.symmetricDifference(b), b.symmetricDifference(a)],
        [a.union(b).union(c), a.union(b.union(c))],
        [a.symmetricDifference(b).symmetricDifference(c), a.symmetricDifference(b.symmetricDifference(c))],
        [a.intersection(b.union(c)), a.intersection(b).union(a.intersection(c))],
        [a.difference(b.union(c)), a.difference(b).intersection(a.difference(c))],
        [a.difference(b).union(a.intersection(b)), a],
        [a.symmetricDifference(b), a.union(b).difference(a.intersection(b))],
        [a.symmetricDifference(a), hosts([])],
        // Expressions say the same as methods.
        ...(a.size && b.size && c.size
          ? ([
              [hosts(`${a},${b}&${c}`), a.union(b).intersection(c)],
              [hosts(`${a}!${b}^${c}`), a.difference(b).symmetricDifference(c)],
              [hosts(String(a), { exclude: String(b) }), a.difference(b)],
            ] as [HostSet, HostSet][])
          : []),
      ];
      return laws.every(([left, right]) => left.equals(right));
    }),
  );
});

t.test('parts together are the set, in order', async () => {
  fc.assert(
    fc.property(anySet, fc.integer({ min: 1, max: 15 }), (a, parts) => {
      const sizes = a.split(parts).map(({ size }) => size);
      const names = a.split(parts).flatMap((one) => one.names);
      return names.join() === a.names.join() && Math.max(0, ...sizes) - Math.min(Infinity, ...sizes) <= 1;
    }),
  );
});
