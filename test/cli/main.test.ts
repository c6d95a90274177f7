import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { bin, sluice } from './support.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

t.test('--version, without loading anything heavy', async (t) => {
  for (const flag of ['--version', '-V']) t.match(sluice([flag]), { stdout: `${version}\n`, status: 0 });
  t.match(sluice(['run', '--version']), { stdout: `${version}\n`, status: 0 });
  const { stderr } = spawnSync(process.execPath, [bin, '--version'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_DEBUG: 'esm' },
  });
  t.notMatch(stderr, /yargs|execa/);
});

t.test('--help has examples, for each command', async (t) => {
  t.match(sluice(['--help']), { status: 0, stderr: '', stdout: /Commands:[^]*run[^]*seq[^]*completion[^]*Examples:/ });
  for (const command of ['run', 'seq', 'completion']) {
    t.match(
      sluice([command, '--help']),
      { status: 0, stderr: '', stdout: new RegExp(`Examples:[^]*sluice ${command}`) },
      command,
    );
    t.match(sluice([command, '-h']), { status: 0 });
  }
  t.match(sluice([]), { status: 2, stdout: '', stderr: /Examples:/ });
});

t.test('what is unknown: exit code 2, what was probably meant, and where to look', async (t) => {
  const cwd = t.testdir({ 'a.ts': 'export default []', 'deploy.ts': '' });
  const cases: [args: string[], text: RegExp][] = [
    [['rnu', 'a.ts'], /^sluice: there is no command rnu\n {2}did you mean sluice run\?\n {2}see sluice --help\n$/],
    [['a.ts'], /there is no command a\.ts\n {2}did you mean sluice run a\.ts\?/],
    [
      ['run', 'a.ts', '--slotz', '3'],
      /unknown argument: slotz\n {2}did you mean --slots\?\n {2}see sluice run --help\n$/,
    ],
    [['run', 'a.ts', '--verbose'], /unknown argument: verbose\n {2}what is for the script goes behind --\n/],
    [['seq', 'true', '--keepgoing'], /did you mean --keep-going\?/],
    [['run'], /which FILE\?/],
    [['--slots', '3'], /which command\?\n {2}options stand behind the command: sluice COMMAND --slots\n/],
    [['--vesion'], /which command\?\n {2}did you mean --version\?\n/],
    [
      ['--dry-run', 'seq', 'true'],
      /unknown argument: dry-run\n {2}options stand behind the command: sluice seq --dry-run\n/,
    ],
    [['--verbose'], /which command\?\n {2}see sluice --help\n$/],
    [['run', 'a.ts', '--slots'], /slots/],
    [['run', 'a.ts', '--slots', '0'], /--slots: expected a whole number of 1 or more/],
    [['run', 'a.ts', '--slots', 'many'], /--slots: expected/],
    [['run', 'a.ts', '--timeout', '30'], /--timeout: 30 needs a unit, such as 30s/],
    [['run', 'a.ts', '--timeout', 'soon'], /'soon' is no duration/],
    [['run', 'a.ts', '--report', 'xml'], /report.*xml.*prefix/],
    [['completion', 'tcsh'], /tcsh.*bash/],
  ];
  for (const [args, text] of cases) {
    const { stdout, stderr, status } = sluice(args, { cwd });
    t.match(stderr, text, args.join(' '));
    t.notMatch(stderr, / {4}at /, args.join(' '));
    t.equal(stdout, '');
    t.equal(status, 2, args.join(' '));
  }
});

t.test('without a reader: no trace of Node’s own, and the exit code says what it would', async (t) => {
  const folder = t.testdir({});
  const unread = (redirected: string): number | null => {
    const line = `{ "$0" "${bin}" ${redirected}; echo $? > "${folder}/code"; } | true`;
    const { stderr } = spawnSync('sh', ['-c', `trap '' PIPE; ${line}`, process.execPath], { encoding: 'utf8' });
    t.equal(stderr, '', redirected);
    return Number(readFileSync(`${folder}/code`, 'utf8'));
  };
  t.equal(unread('--version'), 141);
  t.equal(unread('rnu 2>&1'), 2);
  t.equal(unread('2>&1'), 2);
});

t.test('an option that is given twice has its last value', async (t) => {
  const cwd = t.testdir({ 'a.ts': 'export default []' });
  const { status, stderr } = sluice(
    ['run', 'a.ts', '--slots', '1', '--slots', '2', '--report', 'json', '--report', 'quiet'],
    { cwd },
  );
  t.equal(stderr, '');
  t.equal(status, 0);
});
