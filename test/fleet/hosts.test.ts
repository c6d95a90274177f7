import t from 'tap';
import { HostSet } from '../../lib/fleet/hostSet.ts';
import { hosts } from '../../lib/fleet/hosts.ts';
import { host } from '../../lib/ssh/host.ts';

const known = new HostSet([
  host({ name: 'web1', user: 'deploy', port: 2200, vars: { zone: 'eu' } }),
  host({ name: 'web2', vars: { zone: 'us' } }),
  host({ name: 'db1', vars: { zone: 'eu' } }),
]);
const inventory = {
  hosts: known,
  groups: new Map([
    ['web', known.slice(0, 2)],
    ['rack1', known.slice(0, 1)],
    ['rack2', known.slice(1)],
  ]),
};

t.test('operators go from left to right', async (t) => {
  for (const [expression, names] of [
    ['b,a,b', 'b a'],
    ['a[1-3]!a2', 'a1 a3'],
    ['a[1-3]&a[2-5]^a9', 'a2 a3 a9'],
    ['a,b&c', ''],
    ['a,b!b,b', 'a b'],
    ['n[1-3]^n[2-4]', 'n1 n4'],
    [' a , b ! a ', 'b'],
    ['a b\nc', 'a b c'],
    ['', ''],
    ['n[1, 3]', 'n1 n3'],
  ] as const)
    t.equal(hosts(expression).names.join(' '), names, expression);
});

t.test('what is missing around an operator', async (t) => {
  t.throws(() => hosts('a,,b'), { name: 'TypeError', message: /"a,,b": nothing stands between ',' and ','/ });
  t.throws(() => hosts('!a'), /nothing stands before '!'/);
  t.throws(() => hosts('a&'), /nothing stands behind '&'/);
  t.throws(() => hosts('a,b[1-'), /b\[1-: there is a '\[' without/);
});

t.test('groups, wildcards and vars of an inventory', async (t) => {
  const at = (expression: string): string => hosts(expression, { inventory }).names.join(' ');
  t.equal(at('@web'), 'web1 web2');
  t.equal(at('@*'), 'web1 web2 db1');
  t.equal(at('@*!@web'), 'db1');
  t.equal(at('@rack[1-2]'), 'web1 web2 db1');
  t.equal(at('web*'), 'web1 web2');
  t.equal(at('?b1,new7'), 'db1 new7');
  t.equal(hosts('web1', { inventory }).at(0), known.at(0));
  t.same(hosts('new7', { inventory }).at(0)?.vars, {});
  t.throws(() => at('@wbe'), { name: 'TypeError', message: /no group @wbe; there are web, rack1, rack2/ });
  t.throws(() => hosts('@web'), /@web is a group: pass \{ inventory: await inventory\(path\) \}/);
  t.throws(() => hosts('web*'), /web\* is a wildcard: pass \{ inventory/);
});

t.test('several inventories by name', async (t) => {
  const lab = { hosts: new HostSet([host({ name: 'x1', vars: { zone: 'lab' } })]), groups: new Map() };
  const options = { inventory: { prod: inventory, lab } };
  t.equal(hosts('@prod:web,@lab:*,@rack2', options).names.join(' '), 'web1 web2 x1 db1');
  t.throws(() => hosts('@nope:web', options), /there is no source nope; there are prod, lab/);
  t.throws(() => hosts('@nope:web', { inventory }), /there is no source nope/);
});

t.test('users and ports as typed', async (t) => {
  const set = hosts('root@web[1-2],db:[2201-2202],[fe80::1]:22,fe80::2,ssh://me@far:23');
  t.equal(String(set), 'root@web[1-2],db:[2201-2202],[fe80::1]:22,fe80::2,me@far:23');
  t.match(
    [...set],
    [
      { name: 'web1', user: 'root' },
      { name: 'web2' },
      { name: 'db', port: 2201 },
      { name: 'db', port: 2202 },
      { name: 'fe80::1', port: 22 },
      { name: 'fe80::2', port: undefined },
      { name: 'far', user: 'me', port: 23 },
    ],
  );
  t.same(set.names, ['web1', 'web2', 'db:2201', 'db:2202', '[fe80::1]:22', 'fe80::2', 'far:23']);
  t.equal(set.labels[0], 'root@web1');
  t.ok(hosts(String(set)).equals(set));
  t.equal(String(hosts('root@web[1-3]!web2')), 'root@web[1,3]', 'it is the machine that is taken away');
  t.match(hosts('root@web1', { inventory }).at(0), { user: 'root', port: 2200, vars: { zone: 'eu' } });
  t.match(hosts('web1:22', { inventory }).at(0), { name: 'web1', user: 'deploy', port: 22, vars: { zone: 'eu' } });
  t.equal(String(hosts('@web', { inventory })), 'web[1-2]', 'what an inventory says is not in the text');
});

t.test('one name is one host', async (t) => {
  t.throws(() => hosts('root@a,deploy@a'), /a is named twice, with root and deploy; a set has each name once/);
  t.throws(() => hosts('a,root@a'), /a is named twice, with no user and root/);
  t.throws(() => hosts([host({ name: 'a', port: 1 }), host({ name: 'a', port: 2 })]), /a is named twice, with 1 and 2/);
  t.equal(hosts(['a', 'a', host({ name: 'a' })]).size, 1);
});

t.test('from lists, hosts and sets', async (t) => {
  const one = host({ name: 'x' });
  t.equal(hosts(one).at(0), one);
  t.same(hosts(['a[1-2]', one]).names, ['a1', 'a2', 'x']);
  t.equal(hosts(known), known);
  t.equal(String(hosts(known, { exclude: ['web*'], inventory })), 'db1');
  t.equal(String(hosts('a[1-9]', { exclude: hosts('a[3-9]') })), 'a[1-2]');
  t.throws(() => hosts(7 as never), /hosts: expected an expression, a host or a list of them, got number/);
  t.throws(() => hosts(null as never), /got null/);
  t.throws(() => hosts(['a', 7 as never]), /hosts: \[1\] is neither a host nor an expression, but number/);
  t.throws(() => hosts('a', { exclude: 7 as never }), /hosts: exclude: expected/);
  t.throws(() => hosts('a', { inventory: Promise.resolve() as never }), /write \{ inventory: await inventory/);
  t.throws(() => hosts('a', { inventory: 'hosts.ini' as never }), /pass what inventory\(\) gives/);
  t.throws(() => hosts('-oProxyCommand=x'), /is no name/);
});

t.test('an expression names no more hosts than anyone has', async (t) => {
  t.throws(() => hosts('n[1-999999999]'), { name: 'TypeError', message: /names 999,999,999 hosts/ });
  t.throws(() => hosts('a[1-60000],b[1-60000]'), /names 120,000 hosts/);
  t.equal(hosts('n[1-100000]').size, 100_000);
});
