import t from 'tap';
import { readData } from '../../lib/fleet/ansibleTree.ts';
import { InventoryDraft } from '../../lib/fleet/inventoryDraft.ts';

const read = (data: unknown) => {
  const draft = new InventoryDraft();
  readData(data, 'data', draft);
  return draft.build();
};

t.test('a tree of groups', async (t) => {
  const { hosts, groups, notes } = read({
    all: {
      hosts: { lone: null },
      vars: { ansible_user: 'deploy' },
      children: {
        web: { hosts: { 'web[01:02]:2222': { weight: 3 } }, vars: { ansible_user: 'www' } },
        db: { hosts: 'db1', childs: {} },
        empty: null,
      },
    },
    prod: { children: { web: null } },
  });
  t.equal(String(hosts), 'lone,web[01-02],db1');
  t.equal(String(groups.get('prod')), 'web[01-02]');
  t.equal(groups.get('empty')?.size, 0);
  t.match(hosts.get('web02'), { user: 'www', port: 2222, vars: { weight: 3 } });
  t.match(hosts.get('lone'), { user: 'deploy', port: undefined });
  t.same(notes, ['inventory: data: all.children.db: childs is skipped: a group has hosts, children and vars']);
});

t.test('what scripts print', async (t) => {
  const { hosts, groups } = read({
    _meta: { hostvars: { web1: { ansible_host: '10.0.0.1', zone: 'eu' }, gone: { x: 1 } } },
    web: { hosts: ['web1', 'web2'], vars: { zone: 'us' } },
    short: ['db1'],
    prod: { children: ['web', 'short'] },
  });
  t.equal(String(hosts), 'web[1-2],db1');
  t.equal(String(groups.get('prod')), 'web[1-2],db1');
  t.match(hosts.get('web1'), { address: '10.0.0.1', vars: { zone: 'eu' } });
  t.match(hosts.get('web2'), { vars: { zone: 'us' } });
  t.equal(hosts.has('gone'), false, 'only groups have hosts');
});

t.test('a list', async (t) => {
  const { hosts } = read([
    'web[1-2]',
    'root@db1',
    { name: 'x', address: '10.0.0.7', port: 2200, vars: { zone: 'eu' } },
  ]);
  t.same(hosts.labels, ['web1', 'web2', 'root@db1', 'x']);
  t.match(hosts.get('x'), { address: '10.0.0.7', port: 2200, vars: { zone: 'eu' } });
});

t.test('where it is wrong', async (t) => {
  const circular: { children: Record<string, unknown> } = { children: {} };
  circular.children['b'] = circular;
  for (const [data, message] of [
    [7, /inventory: data: expected groups as 'name: …' each, got number/],
    [{ web: 7 }, /data: web: expected a group .* got number/],
    [{ all: { children: { web: { hosts: { a: 7 } } } } }, /all.children.web.hosts.a: expected vars/],
    [{ web: { vars: 'x' } }, /web.vars: expected vars/],
    [{ _meta: {}, web: { hosts: [7] } }, /web.hosts: 7 is no name/],
    [[7], /data: \[0\]: expected a host/],
    [{ a: circular }, /a.children.b: the group contains itself/],
  ] as const)
    t.throws(() => read(data), { name: 'TypeError', message });
  t.equal(read(null).hosts.size, 0);
});
