import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { hosts } from '../../lib/fleet/hosts.ts';
import { inventory } from '../../lib/fleet/inventory.ts';
import '../support.ts';
import { folder } from './support.ts';

const INI = '[web]\nweb[1:2] zone=eu\n[db]\ndb1\n';
const YAML = 'all:\n  children:\n    web:\n      hosts:\n        web[1:2]:\n          secure: yes\n';
const LIST = '# machines\nweb[1-2],db1 # both\n\nroot@x:2201\n';
const SCRIPT = `#!/bin/sh\ntest "$1" = --list && echo '{"web": ["s1"]}'\n`;

t.test('files: the format is told by name and text', async (t) => {
  const path = folder(t, {
    hosts: INI,
    'h.yml': YAML,
    noname: YAML,
    list: LIST,
    'h.json': '{"web": {"hosts": {"j1": {}}}}',
    config: 'Include other\nHost a b*\n',
    other: 'Host c\n',
    script: SCRIPT,
    'a-host': 'host ansible_host=10.0.0.1\n',
  });
  const read = async (name: string): Promise<string> => String((await inventory(join(path, name))).hosts);
  t.equal(await read('hosts'), 'web[1-2],db1');
  t.equal(await read('h.yml'), 'web[1-2]');
  t.equal(await read('noname'), 'web[1-2]');
  t.equal(await read('list'), 'web[1-2],db1,root@x:2201');
  t.equal(await read('h.json'), 'j1');
  t.equal(await read('config'), 'c,a');
  t.equal(await read('script'), 's1');
  t.equal(await read('a-host'), 'host');
});

t.test('for @group', async (t) => {
  const known = await inventory<{ zone?: string }>({ text: INI });
  const set = hosts('@web!web2,new', { inventory: known });
  t.same(set.names, ['web1', 'new']);
  t.equal(set.get('web1')?.vars.zone, 'eu');
});

t.test('several as one, the later wins', async (t) => {
  const { hosts, groups } = await inventory([
    { text: INI },
    { text: '[web]\nweb3\n[web:vars]\nzone=us\n[db:vars]\nx=1' },
    { text: '["lone"]' },
  ]);
  t.equal(String(hosts), 'web[1-3],db1,lone');
  t.equal(String(groups.get('web')), 'web[1-3]');
  t.match(hosts.get('web3')?.vars, { zone: 'us' });
});

t.test('a folder, with group_vars and host_vars beside', async (t) => {
  const path = folder(t, {
    'a.ini': INI,
    'b.yml': 'late: {hosts: {web1: {}}}',
    'README.md': 'not this',
    '.hidden': 'nor this',
    'group_vars/all.yml': 'ntp: a\nzone: all\nansible_user: deploy',
    'group_vars/web/one.yml': 'ntp: b',
    'group_vars/web/vault': '$ANSIBLE_VAULT;1.1;AES256\n6162',
    'group_vars/nobody.yml': 'ntp: c',
    'host_vars/web2.json': '{"zone": "mine"}',
  });
  const { hosts, groups, notes } = await inventory(path);
  t.equal(String(hosts), 'web[1-2],db1');
  t.equal(String(groups.get('late')), 'web1');
  t.match(hosts.get('web1'), { user: 'deploy', vars: { ntp: 'b', zone: 'eu' } });
  t.match(hosts.get('web2')?.vars, { zone: 'mine' });
  t.match(hosts.get('db1')?.vars, { ntp: 'a', zone: 'all' });
  t.match(notes, [/group_vars\/web\/vault is skipped: it is encrypted/]);
});

t.test('a command that prints JSON', async (t) => {
  const { hosts } = await inventory({ command: ['echo', '{"web": ["c1"], "_meta": {"hostvars": {"c1": {"x": 1}}}}'] });
  t.match(hosts.get('c1')?.vars, { x: 1 });
  t.equal(String((await inventory({ command: 'echo a1; echo a2' })).hosts), 'a[1-2]', 'or lines');
  await t.rejects(inventory({ command: ['true'], format: 'json' }), {
    message: /inventory: true: this is no JSON: there is nothing in it/,
  });
  await t.rejects(inventory({ command: ['false'] }), { name: 'RunError' });
});

t.test('YAML as Ansible reads it', async (t) => {
  const text = `
all:
  vars: &base {ansible_port: 2200, flag: yes}
  hosts:
    a: {<<: *base, secret: !vault x}
    a: {flag: off}
`;
  const { hosts } = await inventory({ text, format: 'yaml' });
  t.match(hosts.get('a'), { port: 2200, vars: { flag: false } });
});

t.test('words of YAML that Ansible takes for texts; names are what is written', async (t) => {
  const { hosts, groups } = await inventory({
    text: 'all: {vars: {day: 2026-01-31, tag: 12e4, y: n, on: On, big: 1.5e+3}, hosts: {no: , 0x1f: , 010: }}\non: {hosts: {no: }}',
    format: 'yaml',
  });
  t.same(hosts.names, ['no', '0x1f', '010']);
  t.same(hosts.get('no')?.vars, { day: '2026-01-31', tag: '12e4', y: 'n', on: true, big: 1500 });
  t.equal(String(groups.get('on')), 'no');
});

t.test('what is encrypted is left out and noted', async (t) => {
  const text =
    'all:\n  hosts:\n    a:\n      x: 1\n      pw: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n';
  const { hosts, notes } = await inventory({ text });
  t.same(hosts.get('a')?.vars, { x: 1 });
  t.match(notes, [/text: pw is left out: it is encrypted/]);
  // Else its lines would be hosts.
  await t.rejects(inventory({ text: '$ANSIBLE_VAULT;1.1;AES256\n6162' }), { message: /text: it is encrypted/ });
});

t.test('a script has to print JSON: what else it says is no list of hosts', async (t) => {
  const path = folder(t, { 'broken.sh': '#!/bin/sh\necho could not log in' });
  await t.rejects(inventory(join(path, 'broken.sh')), { message: /broken\.sh --list: this is no JSON/ });
});

t.test('what is wrong is named, with its place', async (t) => {
  const path = folder(t, { 'bad.yml': 'a: [1\nb: 2', 'bad.json': '{', list: 'a\n\nb[3-1]' });
  const vars = folder(t, { list: 'a', 'group_vars/all.yml': '- 1' });
  const rejects = (source: unknown, message: RegExp, name = 'TypeError') =>
    t.rejects(inventory(source as string), { name, message });
  await rejects(join(path, 'bad.yml'), /bad\.yml: .* at line/);
  await rejects(join(path, 'bad.json'), /bad\.json: this is no JSON/);
  await rejects(join(path, 'list'), /list:3: .*runs backwards/);
  await rejects(join(vars, 'list'), /all\.yml: expected vars as/);
  await rejects(join(path, 'no'), /no: there is no such file/, 'Error');
  await rejects({}, /inventory: expected a path, \{ text \} or \{ command \}/);
  await rejects({ text: 'a', format: 'toml' }, /toml is no format; there are list, ini/);
  await rejects({ text: 'a ansible_port=x' }, /inventory: a: x is no port/);
  await rejects({ text: 'a: {hosts: {"b c": }}', format: 'yaml' }, /inventory: text: a\.hosts: host: "b c" is no name/);
  await rejects({ text: '["a", "b[1"]' }, /inventory: text: \[1\]: hosts: b\[1/);
  await rejects({ text: 'Host a' }, /read from its path only/);
});

t.test('stdin; and YAML is loaded for those who need it only', async (t) => {
  const from = (file: string): string => JSON.stringify(new URL(`../../lib/${file}`, import.meta.url).href);
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      `--import=${new URL('../../dist/lib/cli/load/register.js', import.meta.url).href}`,
      '--input-type=module',
      '-e',
      `import { createRequire } from 'node:module';
       import { inventory } from ${from('fleet/inventory.ts')};
       import ${from('index.ts')};
       const loaded = () => Object.keys(createRequire(${from('index.ts')}).cache).some((path) => path.includes('/yaml/'));
       console.log(String((await inventory('-')).hosts), loaded());
       await inventory({ text: '', format: 'yaml' });
       console.log(loaded());`,
    ],
    { input: INI, encoding: 'utf8' },
  );
  t.equal(stdout, 'web[1-2],db1 false\ntrue\n', stderr);
});
