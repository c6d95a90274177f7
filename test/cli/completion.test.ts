import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { missing } from '../missing.ts';
import { bin, outside, sluice } from './support.ts';

t.test('a script for each shell', async (t) => {
  t.match(sluice(['completion', 'bash']), { status: 0, stdout: /complete .* -F \w+ sluice\n/ });
  t.match(sluice(['completion', 'zsh']), { status: 0, stdout: /^#compdef sluice\n/ });
  t.match(sluice(['completion', 'fish']), { status: 0, stdout: /complete .*-c sluice/ });
  t.match(sluice(['completion'], { env: { SHELL: '/bin/zsh' } }), { status: 0, stdout: /#compdef/ });
  t.match(sluice(['completion'], { env: { SHELL: '/bin/tcsh' } }), { status: 2, stderr: /which shell\?/ });
});

t.test('what may come next', async (t) => {
  const next = (...words: string[]): string[] =>
    sluice(['--get-yargs-completions', 'sluice', ...words], { env: { SHELL: '/bin/bash' } })
      .stdout.trim()
      .split('\n');
  t.same(next(''), ['run', 'seq', 'exec', 'copy', 'fetch', 'hosts', 'why', 'clean', 'completion']);
  for (const option of [
    '--slots',
    '--timeout',
    '--fail-fast',
    '--report',
    '--dry-run',
    '--cwd',
    '--no-memo',
    '--refresh',
    '--clean',
  ])
    t.ok(next('run', '--').includes(option), option);
  t.same(next('run', '--report', ''), ['prefix', 'json', 'quiet']);
  t.same(next('run', 'x'), [''], 'files are for the shell to complete');
});

t.test('in a real bash', { skip: missing('bash') }, async (t) => {
  const folder = outside(t, {});
  symlinkSync(bin, `${folder}/sluice`);
  const ask = `source <(sluice completion bash); COMP_WORDS=(sluice run --rep); COMP_CWORD=2; $(complete -p sluice | sed 's/.*-F \\([^ ]*\\) .*/\\1/'); echo "\${COMPREPLY[@]}"`;
  const { stdout } = spawnSync('bash', ['-c', ask], {
    encoding: 'utf8',
    env: { ...process.env, SHELL: '/bin/bash', PATH: `${folder}:${dirname(process.execPath)}:${process.env['PATH']}` },
  });
  t.equal(stdout.trim(), '--report');
});
