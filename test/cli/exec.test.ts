// The real command against real sshds. Its own command line (test/fixtures/exec.ts), from the sources.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { installSudo, refuses, startRig, sshdMissing, type Rig } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';
import { line } from './execLine.ts';

const skip = sshdMissing() ?? false;
const sorted = (text: string): string[] => text.trimEnd().split('\n').toSorted();

t.test('what is wrong is said, with the exit code 2, before anything is done', async (t) => {
  const { exec, state } = line(t);
  const wrong: [RegExp, ...string[]][] = [
    [/which command\?/, '-w', 'a'],
    [/which command\?/, '-w', 'a', '--', ' '],
    [/stands behind --\nsluice exec -w HOSTS -- tail -n x/, '-w', 'a', 'tail', '--', '-n', 'x'],
    [/which hosts\?/, '--', 'true'],
    [/--failed: there is no last time/, '--failed', '--', 'true'],
    [/give --inventory FILE/, '-w', '@web', '--', 'true'],
    [/these are no hosts/, '-w', 'a!a', '--', 'true'],
    [/--gather and --json are two ways/, '-w', 'a', '--gather', '--json', '--', 'true'],
    [/--diff compares what is gathered/, '-w', 'a', '--diff', '--json', '--', 'true'],
    [/--ask-sudo-password is for --sudo/, '-w', 'a', '-K', '--', 'true'],
    [/stdin has either hosts/, '-w', '-', '--stdin', '--', 'true'],
    [/--fanout: expected a whole number/, '-w', 'a', '-f', '0', '--', 'true'],
    [/--max-fail: expected a number of hosts or a part/, '-w', 'a', '--max-fail', '101%', '--', 'true'],
    [/--batch: expected/, '-w', 'a', '--batch', '0', '--', 'true'],
    [/--timeout: 5 needs a unit/, '-w', 'a', '--timeout', '5', '--', 'true'],
    [/--timeout: 0 would end it at once; leave it out/, '-w', 'a', '--timeout', '0', '--', 'true'],
    [/--timeout: 0 would end it at once; leave it out/, '-w', 'a', '--timeout', '0s', '--', 'true'],
    [/--connect-timeout: 5 needs a unit/, '-w', 'a', '--connect-timeout', '5', '--', 'true'],
    [/-o Port: expected NAME=VALUE/, '-w', 'a', '-o', 'Port', '--', 'true'],
    [
      /-o StrictHostKeyChecking: host keys are checked always/,
      '-w',
      'a',
      '-o',
      'StrictHostKeyChecking=no',
      '--',
      'true',
    ],
    [/jump: "-oProxyCommand=x" is no host/, '-w', 'a', '--jump=b,-oProxyCommand=x', '--', 'true'],
    [/"-oProxyCommand=x" is no name/, '--hosts=-oProxyCommand=x', '--', 'true'],
    [/"-oProxyCommand=x" is no name/, '-w', 'u@-oProxyCommand=x', '--', 'true'],
    [/user is not/, '-w', 'a', '--user=-oProxyCommand=x', '--', 'true'],
    [/--transcript: .*\/proc\/x/, '-w', 'a', '--transcript', '/proc/x', '--', 'true'],
    [/--config: there is no file nowhere/, '-w', 'a', '-F', 'nowhere', '--', 'true'],
    [/--identity: there is no file nowhere/, '-w', 'a', '-i', 'nowhere', '--', 'true'],
  ];
  await Promise.all(
    wrong.map(async ([message, ...args]) => {
      const { status, stdout, stderr } = await exec(...args);
      t.match(stderr, message, args.join(' '));
      t.match({ status, stdout }, { status: 2, stdout: '' }, args.join(' '));
    }),
  );
  t.match((await exec('-w', 'a', '--dry-run', '--sudo', '--', 'id')).stdout, 'a | $ id (by sudo root)\n');
  t.notOk(existsSync(state));
});

t.test('a dry run starts nothing', async (t) => {
  const { exec, state } = line(t);
  const ended = await exec('-w', 'web[1-2]', '--dry-run', '--gather', '--', 'rm', '-r', "/x 'y'");
  t.same(ended, { status: 0, signal: null, stdout: "web1 | $ rm -r /x 'y'\nweb2 | $ rm -r /x 'y'\n", stderr: '' });
  t.match((await exec('-w', 'a', '--dry-run', '--argv', '--', 'ls', 'a b')).stdout, "a | $ ls 'a b'\n");
  t.notOk(existsSync(state));
});

t.test('with real hosts', { skip }, async (t) => {
  const rig: Rig = await startRig({
    hosts: [1, 2, 3, 4].map((number) => ({ env: { NUMBER: String(number) } })),
  });
  t.teardown(() => rig.stop());
  refuses(rig, 'h5');
  const F = ['-F', rig.config];
  const allEnded = () => until('all has ended', () => rig.hosts.every((host) => host.commands().length === 0));

  t.test('each line behind its host, and who failed by range', async (t) => {
    const { exec } = line(t);
    // One exits with 3, one hangs, one refuses.
    const script =
      'echo "I am $NUMBER"; echo oops >&2; case $NUMBER in 2) exit 3;; 3) sleep 1000;; esac; test -n "$NUMBER"';
    const ended = await exec(...F, '-w', 'h[1-5]', '--timeout', '2s', '--', script);
    t.equal(ended.status, 3);
    t.same(sorted(ended.stdout), ['h1 | I am 1', 'h2 | I am 2', 'h3 | I am 3', 'h4 | I am 4']);
    const lines = ended.stderr.split('\n');
    t.equal(lines.filter((line) => /^h[1-4] \| oops$/.test(line)).length, 4);
    t.match(ended.stderr, /^h2 \* failed with exit code 3 \(/m);
    t.match(ended.stderr, /^h5 \* connection failed: connect/m);
    t.match(
      ended.stderr,
      /sluice: 2 of 5 ok\n {2}h2: failed with exit code 3\n {2}h3: timed out after 2000 ms\n {2}h5: unreachable: connect: Connection refused\n$/,
    );
    await allEnded();
  });

  t.test('exit codes: 0, and 1 where all could be reached', async (t) => {
    const { exec } = line(t);
    t.same(await exec(...F, '-w', 'h1,h2', '--', 'true'), { status: 0, signal: null, stdout: '', stderr: '' });
    const ended = await exec(...F, '-w', 'h[1-5]', '-x', 'h5', '--', 'exit $((NUMBER % 2 * 4))');
    t.equal(ended.status, 1);
    t.match(ended.stderr, /sluice: 2 of 4 ok\n {2}h\[1,3\]: failed with exit code 4\n$/);
  });

  t.test('words are read by the remote shell, as with ssh; with --argv they are words', async (t) => {
    const { exec } = line(t);
    t.equal((await exec(...F, '-w', 'h1', '--', 'echo', '$NUMBER', 'a   b', '007')).stdout, 'h1 | 1 a b 007\n');
    t.equal((await exec(...F, '-w', 'h1', '--argv', '--', 'echo', '$NUMBER', 'a   b')).stdout, 'h1 | $NUMBER a   b\n');
  });

  t.test('--gather shows what is the same once', async (t) => {
    const { exec } = line(t);
    const ended = await exec(
      ...F,
      ...['-w', 'h[1-5]', '-b', '--'],
      'echo same; echo warn >&2; case $NUMBER in 3) echo more;; 4) exit 7;; esac',
    );
    t.equal(ended.status, 3);
    t.equal(
      ended.stdout,
      [
        '==> h[1-2] (2 of 5) <==\nsame\n',
        '==> h3 (1 of 5) <==\nsame\nmore\n',
        '==> h4 (1 of 5): failed with exit code 7 <==\nsame\n',
      ].join(''),
    );
    t.equal(
      ended.stderr,
      [
        '==> h[1-3] (3 of 5), stderr <==\nwarn\n',
        '==> h4 (1 of 5), stderr: failed with exit code 7 <==\nwarn\n',
        'sluice: 3 of 5 ok\n  h4: failed with exit code 7\n  h5: unreachable: connect: Connection refused\n',
      ].join(''),
    );
    t.equal((await exec(...F, '-w', 'h[1-4]', '-b', '--', 'echo x')).stdout, '==> h[1-4] <==\nx\n');
    t.equal(
      (await exec(...F, '-w', 'h[1-3]', '-b', '--', 'test $NUMBER = 2 || echo x')).stdout,
      '==> h[1,3] (2 of 3) <==\nx\n==> h2 (1 of 3) <==\n(nothing)\n',
      'silence differs',
    );
    t.equal(
      (await exec(...F, '-w', 'h[1-4]', '--diff', '--', 'echo a; echo $((NUMBER / 4)); echo c')).stdout,
      '==> h[1-3] (3 of 4) <==\na\n0\nc\n==> h4 (1 of 4), unlike h[1-3] <==\n@ 2\n-0\n+1\n',
    );
  });

  t.test('--json gives a line for each host, once it has ended', async (t) => {
    const { exec } = line(t);
    const script = 'echo out; echo err >&2; case $NUMBER in 2) exit 3;; 3) kill -9 $$;; esac';
    const ended = await exec(...F, '-w', 'h5,h[1-4]', '--json', '-f', '1', '--max-fail', '2', '--', script);
    const ends = ended.stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, unknown>);
    t.same(
      ends.map(({ host, type, exitCode, signal }) => [host, type, exitCode ?? signal]),
      [
        ['h5', 'unreachable', undefined],
        ['h1', 'ok', 0],
        ['h2', 'failed', 3],
        ['h3', 'failed', 'SIGKILL'],
        ['h4', 'skipped', undefined],
      ],
    );
    t.match(ends[1], { stdout: 'out\n', stderr: 'err\n' });
    t.match(ends[0], { reason: { type: 'connection', phase: 'connect', sent: 'no' }, stdout: '' });
    t.match(ended.stderr, /^sluice: 1 of 5 ok\n[^]*h4: not begun\n$/);
    t.equal(ended.status, 3);
  });

  t.test('--failed: those that did not succeed the last time', async (t) => {
    const { exec, state } = line(t);
    await exec(...F, '-w', 'h[1-5]', '--', 'test $NUMBER != 2');
    t.match(JSON.parse(readFileSync(state, 'utf8')), { failed: ['h2', 'h5'], command: 'test $NUMBER != 2' });
    const again = await exec(...F, '--failed', '-x', 'h5', '--', 'echo again');
    t.match(again, { status: 0, stdout: 'h2 | again\n' });
    const none = await exec(...F, '--failed', '--', 'echo again');
    t.match(none, { status: 0, stdout: '', stderr: 'sluice: the last time it succeeded everywhere (echo again)\n' });
    await exec(...F, '-w', 'h[1-4]', '--', 'exit 1');
    t.equal((await exec(...F, '--failed', '-w', 'h[3-9]', '--', 'echo x')).stdout.length, 'h3 | x\nh4 | x\n'.length);
    writeFileSync(state, 'nonsense');
    t.match(await exec(...F, '--failed', '--', 'true'), { status: 2, stderr: /is not what exec has written/ });
    rmSync(state);
    mkdirSync(state);
    t.match(await exec(...F, '-w', 'h1', '--', 'exit 1'), { status: 1, stderr: /--failed will not know of this/ });
    t.same(readdirSync(dirname(state)), ['exec.json'], 'nothing is left beside it');
  });

  t.test('--transcript writes what each host says', async (t) => {
    const { exec, state } = line(t);
    const folder = join(t.testdirName, 'log');
    await exec(...F, '-w', 'h[1-2],h5', '--transcript', folder, '-b', '--', 'echo "out $NUMBER"; echo err >&2');
    const file = (name: string): string => readFileSync(join(folder, name), 'utf8');
    t.same(['h1.out', 'h2.out', 'h1.err', 'h5.out'].map(file), ['out 1\n', 'out 2\n', 'err\n', '']);
    // A file that can't be written is a failure of its host alone, which is told and kept.
    rmSync(join(folder, 'h1.out'));
    mkdirSync(join(folder, 'h1.out'));
    const ended = await exec(...F, '-w', 'h[1-2]', '--transcript', folder, '--', 'echo again');
    t.match(ended, { status: 1, stdout: 'h2 | again\n', stderr: /sluice: 1 of 2 ok\n {2}h1: Error: EISDIR/ });
    t.match(JSON.parse(readFileSync(state, 'utf8')), { failed: ['h1'] });
  });

  t.test('a canary that fails, and batches', async (t) => {
    const { exec } = line(t);
    const ended = await exec(...F, '-w', 'h[1-4]', '--canary', '1', '--', 'exit 3');
    t.equal(ended.status, 1);
    t.match(ended.stderr, /a canary failed; 3 are not begun/);
    t.match(ended.stderr, /sluice: 0 of 4 ok\n {2}h1: failed with exit code 3\n {2}h\[2-4\]: not begun\n$/);
    const batches = await exec(...F, '-w', 'h[1-4]', '--batch', '25%', '--', 'echo $NUMBER');
    t.equal(batches.stdout, 'h1 | 1\nh2 | 2\nh3 | 3\nh4 | 4\n');
  });

  t.test('settings of ssh', async (t) => {
    const { exec } = line(t);
    const h1 = rig.hosts[0]!;
    const o = ['-o', `Port=${h1.port}`, '-o', `UserKnownHostsFile ${rig.knownHosts}`, '-o', 'IdentitiesOnly=yes'];
    const ended = await exec('-w', h1.address, '-i', rig.identity, ...o, '--', 'echo $NUMBER');
    t.match(ended, { status: 0, stdout: `${h1.address} | 1\n`, stderr: '' });
    const nobody = await exec(...F, '-w', 'h1', '-u', 'nobody-here', '--', 'true');
    t.match(nobody, { status: 3, stderr: /h1: unreachable: auth: Permission denied/ });
    const behind = await exec(...F, '-w', 'h[2-3]', '-J', 'h1', '--', 'echo $NUMBER');
    t.same(sorted(behind.stdout), ['h2 | 2', 'h3 | 3']);
  });

  t.test('--sudo, with a password from the environment, and a wrong one', async (t) => {
    const { exec, begin } = line(t);
    installSudo(rig.hosts[0]!, 'open sesame');
    installSudo(rig.hosts[1]!, undefined);
    const script = 'echo $RIG_SUDO $SLUICE_SUDO_PASSWORD';
    const given = { SLUICE_SUDO_PASSWORD: 'open sesame' };
    const ended = await begin.with(given)(...F, '-w', 'h[1-2]', '--sudo', '--', script).ended;
    t.same(sorted(ended.stdout), ['h1 | root', 'h2 | root']);
    t.equal(ended.status, 0);
    const none = await exec(...F, '-w', 'h[1-2]', '--sudo', '--', script);
    t.match(none, { status: 1, stdout: 'h2 | root\n', stderr: /h1 \| sudo: a password is required/ });
    const wrong = await begin.with({ SLUICE_SUDO_PASSWORD: 'wrong' })(...F, '-w', 'h1', '--sudo', '--', script).ended;
    t.match(wrong, { status: 1, stdout: '', stderr: /the password was refused/ });
    t.notMatch(wrong.stderr, /wrong\b/);
  });

  t.test('Ctrl-C leaves no remote process, and what was said is shown', async (t) => {
    const { begin, state } = line(t);
    for (const how of ['--prefix', '--gather']) {
      const log = join(t.testdirName, how);
      const command = 'echo $$; test $NUMBER = 1 || exec sleep 1000';
      const living = begin(...F, '-w', 'h[1-4]', how, '--transcript', log, '--', command);
      // The transcript of one that has ended is complete.
      const ended1 = (): boolean => existsSync(join(log, 'h1.out')) && readFileSync(join(log, 'h1.out')).length > 0;
      await until('all have begun', () => ended1() && rig.hosts.slice(1).every((host) => host.commands().length > 0));
      living.signal('SIGINT');
      const ended = await living.ended;
      t.equal(ended.signal, 'SIGINT');
      t.match(ended.stdout, how === '--prefix' ? /h1 \| \d+\n/ : /==> h1 \(1 of 4\) <==\n\d+\n/);
      await allEnded();
      t.match((JSON.parse(readFileSync(state, 'utf8')) as { failed: string[] }).failed, ['h2', 'h3', 'h4']);
    }
  });

  t.test('a reader that has gone ends it', async (t) => {
    const { begin } = line(t);
    const living = begin(...F, '-w', 'h[1-2]', '--', 'while :; do echo y; done');
    await living.says(/y/);
    living.stdout.destroy();
    t.equal((await living.ended).status, 141);
    await allEnded();
  });
});
