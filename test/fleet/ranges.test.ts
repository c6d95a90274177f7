import t from 'tap';
import { expandPattern, product } from '../../lib/fleet/ranges.ts';

t.test('ranges, lists, padding, steps, several at once', async (t) => {
  for (const [pattern, names] of [
    ['web', 'web'],
    ['web[1-3]', 'web1 web2 web3'],
    ['web[08-11]', 'web08 web09 web10 web11'],
    ['web[8-11]', 'web8 web9 web10 web11'],
    ['web[1-10/4]', 'web1 web5 web9'],
    ['web[3,1,01-02]', 'web3 web1 web01 web02'],
    ['r[1-2]n[1-2]', 'r1n1 r1n2 r2n1 r2n2'],
    ['[1-2].example.com', '1.example.com 2.example.com'],
    ['10.0.0.[9-10]', '10.0.0.9 10.0.0.10'],
    ['n[1-2]3', 'n13 n23'],
    ['n[ 1 - 2 ]', 'n1 n2'],
    ['[fe80::1]:[22-23]', '[fe80::1]:22 [fe80::1]:23'],
    ['fe80::[8-9]', 'fe80::8 fe80::9'],
  ] as const)
    t.same(expandPattern(pattern), names.split(' '), pattern);
});

t.test('what is wrong is named', async (t) => {
  for (const [pattern, message] of [
    ['web[3-1]', /web\[3-1\]: the range 3-1 runs backwards; write 1-3/],
    ['web[01-3]', /01 and 3 are padded differently/],
    ['web[1-03]', /1 and 03 are padded differently/],
    ['web[1-4/0]', /the step of 1-4\/0 is not 1 or more/],
    ['web[]', /a range is empty/],
    ['web[1,]', /a range is empty/],
    ['web[a-c]', /a-c is no range; expected a number/],
    ['web[01:50]', /Ansible's form; write \[01-50\]/],
    ['web[01:50:2]', /write \[01-50\/2\]/],
    ['web[1-3', /a '\[' without its '\]'/],
    ['web1-3]', /a '\]' without its '\['/],
    ['web[[1-3]]', /a '\[' within brackets/],
    ['web[1-1234567890123456]', /at most 15 digits/],
    ['web[1-999999999]', /web\[1-999999999\] names 999,999,999 hosts; the most is 100,?000/],
    ['a[1-1000]b[1-1000]c[1-1000]', /names 1,000,000,000 hosts/],
  ] as const)
    t.throws(() => expandPattern(pattern), { name: 'TypeError', message }, pattern);
});

t.test('the last part changes fastest', async (t) => {
  t.same(product(['a', ['1', '2'], '-', ['x', 'y']]), ['a1-x', 'a1-y', 'a2-x', 'a2-y']);
  t.same(product([]), ['']);
});
