import t from 'tap';
import { InventoryDraft } from '../../lib/fleet/inventoryDraft.ts';

t.test("vars win in Ansible's order", async (t) => {
  const draft = new InventoryDraft();
  draft.addHost('h', 'inner');
  draft.addHost('h', 'b');
  draft.addHost('h', 'a');
  draft.addChild('outer', 'inner');
  const at = (level: number) => Object.fromEntries(Array.from({ length: level }, (_, i) => [`v${i}`, level]));
  draft.setHostVars('h', at(1), 'file');
  draft.setHostVars('h', at(2));
  draft.setGroupVars('inner', at(3), 'file');
  draft.setGroupVars('all', at(4), 'file');
  draft.setGroupVars('inner', at(5));
  draft.setGroupVars('outer', at(6));
  draft.setGroupVars('b', at(7));
  draft.setGroupVars('a', at(8));
  draft.setGroupVars('all', at(9));
  t.same(draft.build().hosts.get('h')?.vars, { v0: 1, v1: 2, v2: 3, v3: 4, v4: 5, v5: 6, v6: 7, v7: 8, v8: 9 });
});

t.test('a priority goes before the name, not before the depth', async (t) => {
  const draft = new InventoryDraft();
  for (const group of ['a', 'b', 'inner']) draft.addHost('h', group);
  draft.addChild('b', 'inner');
  draft.setGroupVars('a', { ansible_group_priority: 10, x: 'a', y: 'a' });
  draft.setGroupVars('b', { x: 'b', y: 'b' });
  draft.setGroupVars('inner', { y: 'inner' });
  t.same(draft.build().hosts.get('h')?.vars, { x: 'a', y: 'inner' });
});

t.test('address, user and port', async (t) => {
  const draft = new InventoryDraft();
  draft.addHost('a');
  draft.addHost('b.example.com');
  draft.setGroupVars('all', {
    ansible_user: 'deploy',
    ansible_port: '2200',
    ansible_host: '{{ inventory_hostname_short }}.{{net}}',
    net: 'lan',
  });
  draft.setHostVars('a', { ansible_host: 'a', ansible_ssh_user: 'old', ansible_port: 22 });
  const { hosts } = draft.build();
  t.match(hosts.get('a'), { address: undefined, user: 'deploy', port: 22 });
  t.match(hosts.get('b.example.com'), { address: 'b.lan', user: 'deploy', port: 2200 });
  draft.setHostVars('a', { ansible_host: "{{ lookup('env', 'X') }}" });
  t.throws(() => draft.build(), {
    name: 'TypeError',
    message: /inventory: a: ansible_host is a template: .*; give a plain value/,
  });
  draft.setHostVars('a', { ansible_host: 'a', ansible_port: 'many' });
  t.throws(() => draft.build(), /inventory: a: many is no port/);
});

t.test('groups within groups: members, cycles, diamonds', async (t) => {
  const draft = new InventoryDraft();
  draft.addChild('top', 'left');
  draft.addChild('top', 'right');
  draft.addChild('left', 'low');
  draft.addChild('right', 'low');
  draft.addHost('x', 'low');
  draft.addHost('y', 'top');
  draft.addHost('x');
  const { groups } = draft.build();
  t.equal(String(groups.get('top')), 'y,x');
  t.equal(String(groups.get('all')), 'x,y');
  t.equal(groups.get('ungrouped')?.size, 0, 'a host of a group is not in no group');
  draft.addChild('low', 'top');
  t.throws(() => draft.build(), { name: 'TypeError', message: /groups contain one another: .*low > top/ });
});
