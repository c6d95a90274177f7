// What `exec` gives to its commands: stdin, and sudo's password.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installSudo, startRig, sshdMissing } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';
import { at, command, line } from './execLine.ts';
import { missing } from '../missing.ts';
import { start, type Ended } from './support.ts';

const skip = sshdMissing() ?? false;

t.test('with real hosts', { skip }, async (t) => {
  const rig = await startRig({ hosts: [1, 2, 3].map((number) => ({ env: { NUMBER: String(number) } })) });
  t.teardown(() => rig.stop());
  const F = ['-F', rig.config];

  const allEnded = () => until('all has ended', () => rig.hosts.every((host) => host.commands().length === 0));

  t.test('--stdin gives all of it to each host, also to who begins later; else it is left alone', async (t) => {
    const { begin } = line(t);
    const big = Buffer.alloc(12_000_000, Buffer.from([...Array(251).keys()]));
    const sum = createHash('sha256').update(big).digest('hex');
    for (const way of [['-f', '1'], ['--sudo']]) {
      for (const host of rig.hosts) installSudo(host, undefined);
      const living = begin(
        ...F,
        '-w',
        'h[1-3]',
        ...way,
        '--stdin',
        '-b',
        '--',
        'case $NUMBER in 2) :;; *) sha256sum; esac',
      );
      living.stdin.end(big);
      t.equal((await living.ended).stdout, `==> h[1,3] (2 of 3) <==\n${sum}  -\n==> h2 (1 of 3) <==\n(nothing)\n`);
    }
    // The rest of a list that a shell reads.
    const folder = t.testdirName;
    writeFileSync(join(folder, 'list'), 'h1\nh2\nh3\n');
    const loop = `while read -r host; do ${['"$@"', 'exec', ...F, '-w'].join(' ')} "$host" -- 'cat; echo $NUMBER'; done < list`;
    const shell = start(['-c', loop, 'sh', ...command], { cwd: folder, env: { XDG_STATE_HOME: folder } }, ['/bin/sh']);
    t.equal((await shell.ended).stdout, 'h1 | 1\nh2 | 2\nh3 | 3\n');
  });

  t.test('--stdin that goes on: what was said is there at once, and Ctrl-C ends it', async (t) => {
    const { begin } = line(t);
    const living = begin(...F, '-w', 'h[1-2]', '--stdin', '--', 'read -r x; echo "got $x"; cat');
    living.stdin.write('one\n');
    await Promise.all([living.says(/h1 \| got one/), living.says(/h2 \| got one/)]);
    living.stdin.write('two\n');
    await Promise.all([living.says(/h1 \| two/), living.says(/h2 \| two/)]);
    living.signal('SIGINT');
    t.equal((await living.ended).signal, 'SIGINT');
    await allEnded();
  });

  t.test(
    '--ask-sudo-password asks once on the terminal, and shows nothing of it',
    { skip: missing('python3') },
    async (t) => {
      for (const host of rig.hosts) installSudo(host, 'open sesame');
      const folder = t.testdir({});
      const typing = at('../fixtures/typing.py');
      const exec = (answer: string, ...args: string[]): Promise<Ended> =>
        start(
          [typing, 'password on h[1-2]: ', answer, ...command, 'exec', ...F, '-w', 'h[1-2]', '--sudo', ...args],
          { env: { XDG_STATE_HOME: folder, NO_COLOR: '1' } },
          ['python3'],
        ).ended;
      const done = await exec(
        'opem\\x7fn sesame\r',
        '-K',
        '--',
        'echo $RIG_SUDO; cat /proc/[0-9]*/cmdline | tr -d "\\0" | grep -c "open sesam[e]" || :',
      );
      t.match(done.stdout, /h1 \| root/);
      t.match(done.stdout, /h2 \| root/);
      t.notMatch(done.stdout, /sesame|\| [1-9]/);
      t.equal(done.stdout.split("sudo's password").length, 2);
      const wrong = await exec('swordfish\r', '-K', '--', 'true');
      t.equal(wrong.status, 1);
      t.match(wrong.stdout, /h\[1-2\]: .*the password was refused/);
      t.notMatch(wrong.stdout, /swordfish/);
      t.match(await exec('\r', '-K', '--', 'true'), { status: 2, stdout: /no password was given/ });
      const interrupted = await exec('abc\\x03', '-K', '--', 'true');
      t.equal(interrupted.status, 254, 'SIGINT');
      const dry = await exec('', '-K', '--dry-run', '--', 'true');
      t.match(dry, { status: 0 });
      t.notMatch(dry.stdout, /password/);
      // Without a terminal.
      const none = start(
        ['-w', ...command, 'exec', ...F, '-w', 'h1', '--sudo', '-K', '--', 'true'],
        { env: { XDG_STATE_HOME: folder } },
        ['setsid'],
      );
      t.match(await none.ended, {
        status: 2,
        stderr: /no terminal to ask on; put the password into \$SLUICE_SUDO_PASSWORD/,
      });
      for (const host of rig.hosts) installSudo(host, undefined);
    },
  );
});
