import t from 'tap';
import { readIni } from '../../lib/fleet/ansibleIni.ts';
import { InventoryDraft } from '../../lib/fleet/inventoryDraft.ts';

const read = (text: string) => {
  const draft = new InventoryDraft();
  readIni(text, 'hosts.ini', draft);
  return draft.build();
};

t.test('groups, children, vars, ranges', async (t) => {
  const { hosts, groups } = read(`
    # before any section: in no group
    lone ansible_host=10.0.0.9

    [web]
    web[01:03].example.com http_port=80   # behind a host too
    special:2222 ansible_user=root

    ; so is this
    [db]
    db1
    [prod:children]
    web
    db
    [prod:vars]
    http_port = 8080
    ntp=ntp.example.com
  `);
  t.equal(String(hosts), 'lone,web[01-03].example.com,special,db1');
  t.same([...groups.keys()], ['all', 'ungrouped', 'web', 'db', 'prod']);
  t.equal(String(groups.get('prod')), 'web[01-03].example.com,special,db1');
  t.equal(String(groups.get('ungrouped')), 'lone');
  t.match(hosts.get('lone'), { name: 'lone', address: '10.0.0.9' });
  t.match(hosts.get('special'), { user: 'root', port: 2222, vars: { http_port: 8080, ntp: 'ntp.example.com' } });
  t.equal(hosts.get('web02.example.com')?.vars['http_port'], 80, "a host's own goes before its group's");
});

t.test('values are Python literals, else strings', async (t) => {
  const { vars } =
    read(`a int=7 neg=-3 float=1.5 yes=True no=False none=None lower=true octal=0644 big=12345678901234567890 quoted='a b' inner="'7'" list="[1, 'x', True]" dict="{'k': None, 'l': [1,],}" eq=a=b empty= esc="say \\"hi\\""
[all:vars]
words = a b c
string = "7"
commented = 7 # seven
bare = a # b
code = [not, python`).hosts.get('a')!;
  t.same(vars, {
    int: 7,
    neg: -3,
    float: 1.5,
    yes: true,
    no: false,
    none: null,
    lower: 'true',
    octal: '0644',
    big: '12345678901234567890',
    quoted: 'a b',
    inner: '7',
    list: [1, 'x', true],
    dict: { k: null, l: [1] },
    eq: 'a=b',
    empty: '',
    esc: 'say "hi"',
    words: 'a b c',
    string: '7',
    commented: 7,
    bare: 'a # b',
    code: '[not, python',
  });
});

t.test('the line that is wrong is named', async (t) => {
  t.throws(() => read('a\n[web:kids]'), {
    name: 'TypeError',
    message: /inventory: hosts.ini:2: a section is \[web\], \[web:children\] or \[web:vars\], not :kids/,
  });
  t.throws(() => read('a b'), /hosts.ini:1: expected key=value behind a, got b/);
  t.throws(() => read('[x:vars]\nnope'), /hosts.ini:2: expected key=value, got nope/);
  t.throws(() => read('a x="b'), /hosts.ini:1: a quote is not closed/);
  t.throws(() => read('\nweb[1-3]'), /hosts.ini:2: web\[1-3\]: \[1-3\] is no range; write \[01:50\]/);
  t.throws(() => read('[a:children]\nb\n[b:children]\na'), /groups contain one another: a > b > a/);
  t.throws(() => read('[a]\n-h'), /hosts.ini:2: host: "-h" is no name/);
  t.throws(() => read('[a]\nb[1:200000]'), /hosts.ini:2: .*200,000 hosts/);
  t.throws(() => read('[a:children]\nweb\ndb\n[web]\nw1'), {
    message: /hosts.ini:3: there is no group db; a group is there by its section \[db\]/,
  });
  t.throws(() => read('[a]\nh\n[web:vars]\nx=1'), /hosts.ini:3: there is no group web/);
  t.equal(String(read('[a:vars]\nx=1\n[b:children]\na\n[a]\nh').groups.get('b')), 'h', 'its section may come later');
});

t.test('numbers in all of Python’s forms', async (t) => {
  const { vars } = read('a hex=0x1f octal=0o17 binary=0b11 apart=1_000 mac=0x1g twice=1__0').hosts.get('a')!;
  t.same(vars, { hex: 31, octal: 15, binary: 3, apart: 1000, mac: '0x1g', twice: '1__0' });
});
