import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bin, outside } from './support.ts';

/** Runs the command with a parser of its own. */
function run(args: readonly string[], { cwd = '/', input = '' } = {}) {
  const lib = (file: string): string => JSON.stringify(new URL(`../../lib/cli/${file}`, import.meta.url).href);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      `--import=${new URL('../../dist/lib/cli/load/register.js', import.meta.url).href}`,
      '--input-type=module',
      '-e',
      `import { hosts } from ${lib('hosts.ts')};
       import yargs from ${JSON.stringify(import.meta.resolve('yargs'))};
       try {
         await yargs(process.argv.slice(1)).scriptName('sluice').command(hosts).strict().exitProcess(false).fail(false)
           .parserConfiguration({ 'populate--': true, 'parse-positional-numbers': false, 'camel-case-expansion': false, 'greedy-arrays': false })
           .parseAsync();
       } catch (error) {
         console.error(error.message);
         process.exitCode = ['UsageError', 'YError'].includes(error.name) ? 2 : 1;
       }`,
      '--',
      'hosts',
      ...args,
    ],
    { encoding: 'utf8', cwd, input },
  );
  return { status, stdout, stderr };
}

t.test('a host a line, folded, counted, in parts', async (t) => {
  for (const [args, stdout] of [
    [['web[09-11],root@db1!web10'], 'web09\nweb11\nroot@db1\n'],
    [['-e', 'a[1-2]', 'b'], 'a1\na2\nb\n'],
    [['--fold', 'a1,a2', 'b1 b2'], 'a[1-2],b[1-2]\n'],
    [['-c', 'a[1-10/3]'], '4\n'],
    [['-f', 'a[1-9]', '-x', 'a[2-3]', '-x', 'a9'], 'a[1,4-8]\n'],
    [['--split', '2', 'a[1-5]'], 'a[1-3]\na[4-5]\n'],
    [['--split', '2', '-e', 'a[1-3]'], 'a1 a2\na3\n'],
    [['a!a'], ''],
    [['-c', 'a!a'], '0\n'],
  ] as const)
    t.match(run(args), { status: 0, stdout, stderr: '' }, args.join(' '));
});

t.test('as JSON', async (t) => {
  t.same(JSON.parse(run(['--json', 'root@a:22', 'b']).stdout), [
    { name: 'a', user: 'root', port: 22, vars: {} },
    { name: 'b', vars: {} },
  ]);
});

t.test('inventories and stdin', async (t) => {
  const cwd = outside(t, {
    'hosts.ini': '[web]\nweb[1:3] zone=eu\n[db]\ndb1 ansible_host=10.0.0.1\n',
    'group_vars/web': '$ANSIBLE_VAULT;1.1',
  });
  t.match(run(['-i', 'hosts.ini', '-f'], { cwd }), {
    status: 0,
    stdout: 'web[1-3],db1\n',
    stderr: /sluice: inventory: .*group_vars\/web is skipped: it is encrypted/,
  });
  t.equal(run(['-i', 'hosts.ini', '-f', '@web', '-x', 'web2'], { cwd }).stdout, 'web[1,3]\n');
  t.match(JSON.parse(run(['-i', join(cwd, 'hosts.ini'), '--json', '@db']).stdout), [
    { name: 'db1', address: '10.0.0.1' },
  ]);
  t.equal(run(['-f', '-'], { input: 'a1 # one\n# none\na2\n' }).stdout, 'a[1-2]\n');
  t.equal(run(['-f', '-i', '-', '@web'], { input: '{"web": ["x1"]}' }).stdout, 'x1\n');
});

t.test('what can not be written is a failure', { skip: !existsSync('/dev/full') && 'no /dev/full' }, async (t) => {
  const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$1" hosts a >/dev/full', process.execPath, bin], {
    encoding: 'utf8',
  });
  t.match({ status, stderr }, { status: 1, stderr: /^sluice: the output can not be written: ENOSPC/ });
});

t.test('what is not as it must be', async (t) => {
  for (const [args, stderr] of [
    [[], /which hosts\?/],
    [['a[3-1]'], /^hosts: a\[3-1\]: the range 3-1 runs backwards; write 1-3\n$/],
    [['@web'], /@web is a group: give -i INVENTORY/],
    [['-i', 'nope'], /inventory: nope: there is no such file/],
    [['-e', '-f', 'a'], /--expand and --fold are two ways to show them; give one/],
    [['--split', '0', 'a'], /--split: expected a whole number of 1 or more/],
    [['-i', '-', '-'], /stdin can be read for one - only/],
  ] as const)
    t.match(run(args), { status: 2, stdout: '', stderr }, args.join(' '));
});
