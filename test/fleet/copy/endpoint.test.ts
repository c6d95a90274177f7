import fc from 'fast-check';
import t from 'tap';
import { baseName, folderOf, inFolder, readEndpoint } from '../../../lib/fleet/copy/endpoint.ts';
import { expression } from '../../../lib/fleet/copy/glob.ts';

t.test('ends as scp reads them', async (t) => {
  const remote = (name: string, path: string, more = {}) => ({ type: 'remote', host: { name, ...more }, path });
  const cases: [string, object][] = [
    ['a', { type: 'local', path: 'a' }],
    ['./a:b', { type: 'local', path: './a:b' }],
    ['/a:b', { type: 'local', path: '/a:b' }],
    [':b', { type: 'local', path: ':b' }],
    ['h:', remote('h', '.')],
    ['h:a:b\nc', remote('h', 'a:b\nc')],
    ['u@h:/a', remote('h', '/a', { user: 'u' })],
    ['u@d@h:a', remote('h', 'a', { user: 'u@d' })],
    ['[::1]:a', remote('::1', 'a')],
    ['u@[::1]:a', remote('::1', 'a', { user: 'u' })],
    ['scp://h', remote('h', '.')],
    ['scp://u@h:22/a%20b', remote('h', 'a b', { user: 'u', port: 22 })],
    ['scp://h/50%25%23%3f', remote('h', '50%#?')],
    ['scp://[::1]:22//a', remote('::1', '/a', { port: 22 })],
  ];
  for (const [text, end] of cases) t.match(readEndpoint(text, 'x'), end, text);
  for (const text of ['-h:a', 'a b:c', 'scp://', 'scp://h:99999/a', 'scp://h/50%', 'scp://h/%ff', 'scp://h/%00'])
    t.throws(() => readEndpoint(text, 'x'), { name: 'TypeError' }, text);
});

t.test('names and folders', async (t) => {
  t.same(['a', '/a/b', 'a/b/', '/', '.', '..', 'a/..'].map(baseName), ['a', 'b', 'b', '', '', '', '']);
  t.same(['a', '/a', 'a/b', '/a/b'].map(folderOf), ['.', '/', 'a', '/a']);
  t.same([inFolder('.', 'a'), inFolder('/', 'a'), inFolder('a', 'b'), inFolder('a', '')], ['a', '/a', 'a/b', 'a']);
});

t.test('wildcards', async (t) => {
  const yes = [
    ['*', 'a'],
    ['a*c', 'abc'],
    ['?', '☃'],
    ['[a-c]', 'b'],
    ['[!a-c]', 'd'],
    ['\\*', '*'],
    ['.*', '.a'],
    ['a[', 'a['],
    ['a.b', 'a.b'],
    ['[]]', ']'],
  ];
  const no = [
    ['*', '.a'],
    ['a*c', 'ab'],
    ['?', 'ab'],
    ['[!a-c]', 'b'],
    ['\\*', 'a'],
    ['a.b', 'axb'],
    ['[^/]', '/'],
    ['[z-a]', 'b'],
  ];
  for (const [pattern, name] of yes) t.ok(expression(pattern!).test(name!), `${pattern} ${name}`);
  for (const [pattern, name] of no) t.notOk(expression(pattern!).test(name!), `${pattern} ${name}`);
  const escaped = (name: string) => name.replace(/[*?[\]\\]/g, '\\$&');
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => expression(escaped(name)).test(name)));
  fc.assert(fc.property(fc.string(), (pattern) => expression(pattern) instanceof RegExp));
});
