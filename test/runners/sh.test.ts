// Templates as programs. What is quoted, and how, is in quote.test.ts.
import { readFileSync, readdirSync } from 'node:fs';
import t from 'tap';
import { sh } from '../../lib/runners/sh.ts';
import { contract } from '../../lib/testing/contract.ts';
import { failure } from './tools.ts';

contract(t, 'sh', () => ({
  runner: () => sh`echo ${'hi'} | cat`,
  endless: () => sh`sleep ${1000} | cat`,
  failing: () => sh`exit ${3}`,
}));

t.test('every value is one word, whatever is in it', async (t) => {
  const values = ['a b', '$HOME', '`id`', "it's", '"', '\\', '*', '; exit 3', '-n', '', '\n', '~', '🐟', '$(id)'];
  for (const value of values) t.equal((await sh`printf %s ${value}`.run()).stdout, value.replace(/\n$/, ''));
  t.equal(
    (await sh`printf '%s,' ${values.filter((value) => value !== '\n')}`.run()).stdout,
    values.filter((v) => v !== '\n').join(',') + ',',
  );
});

t.test('the rest is the shell’s', async (t) => {
  const folder = t.testdir();
  await sh({ cwd: folder })`echo one > ${'a file'} && echo two >> ${'a file'}; ls | wc -l > n`.run();
  t.same(readdirSync(folder), ['a file', 'n']);
  t.equal(readFileSync(`${folder}/a file`, 'utf8'), 'one\ntwo\n');
  t.equal((await sh`echo ${1} ${2n} ${true}`.run()).stdout, '1 2 true');
});

t.test('options come first', async (t) => {
  const result = await sh({ unchecked: true, env: { A: 'x' } })`echo $A; exit ${4}`.run();
  t.match(result, { exitCode: 4, stdout: 'x' });
});

t.test('what is no value is refused at the call', (t) => {
  t.throws(() => sh`echo ${undefined}`, { name: 'TypeError', message: /undefined is no word/ });
  t.throws(() => sh`echo ${null}`, { name: 'TypeError' });
  t.throws(() => sh`echo ${{}}`, { name: 'TypeError' });
  t.throws(() => sh('echo' as never), { name: 'TypeError', message: /write it as a template/ });
  t.throws(() => sh`echo ${'a\0b'}`, { name: 'RunError' });
  t.throws(() => sh({ nope: 1 } as never)`echo`, { name: 'TypeError', message: /unknown option nope/ });
  t.throws(() => sh`  `, { name: 'TypeError', message: /empty/ });
  t.end();
});

t.test('an error names the command as it was', async (t) => {
  const error = await failure(sh`echo ${'a b'}; exit 3`.run());
  t.match(error.message, "echo 'a b'; exit 3: failed with exit code 3");
  t.equal(sh`echo ${'a b'}`.label, "echo 'a b'");
});
