import t from 'tap';
import { expandAnsible } from '../../lib/fleet/ansibleNames.ts';

t.test('ranges and ports', async (t) => {
  for (const [text, names, port] of [
    ['web', 'web'],
    ['web[08:11].example.com', 'web08.example.com web09.example.com web10.example.com web11.example.com'],
    ['web[1:9:4]', 'web1 web5 web9'],
    ['web[:2]', 'web0 web1 web2'],
    ['db-[a:c]', 'db-a db-b db-c'],
    ['r[1:2]n[1:2]', 'r1n1 r1n2 r2n1 r2n2'],
    ['web[1:2]:2222', 'web1 web2', 2222],
    ['10.0.0.1:22', '10.0.0.1', 22],
    ['[fe80::1]:22', 'fe80::1', 22],
    ['[fe80::1]', 'fe80::1'],
    ['fe80::1', 'fe80::1'],
  ] as const)
    t.same(expandAnsible(text, 'at'), { names: names.split(' '), port }, text);
});

t.test('what is no range', async (t) => {
  for (const [text, message] of [
    ['web[1-3]', /at: web\[1-3\]: \[1-3\] is no range; write \[01:50\]/],
    ['web[3:1]', /the range \[3:1\] runs backwards/],
    ['web[01:5]', /01 and 5 are padded differently/],
    ['web[1:9:0]', /the step of \[1:9:0\]/],
    ['web[a:9]', /is no range/],
    ['web[1:3', /a bracket is without its other/],
    ['web[1:999999999]', /names 999,999,999 hosts/],
    ['a[1:1000]b[1:1000]', /names 1,000,000 hosts/],
  ] as const)
    t.throws(() => expandAnsible(text, 'at'), { name: 'TypeError', message }, text);
});
