// Behind `ready` a login shell of sh's kind runs commands itself, whatever its .bashrc has set.
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { promise, runCommandGens, spawn, ssh, until, type SshOptions } from '../../lib/index.ts';
import { lacking } from '../missing.ts';
import { until as soon } from './rig/procs.ts';
import { startRig, sshdMissing } from './rig/rig.ts';

const skip =
  sshdMissing() ??
  (userInfo().shell?.endsWith('/bash') === true ? false : lacking('the shell of this user is not bash'));

t.test('bash with settings of its user', { skip }, async (t) => {
  const rig = await startRig({ hosts: 2 });
  t.teardown(() => rig.stop());
  const [plain, set] = rig.hosts;
  const own = 'set -euf; IFS=0123456789; set -C; cd() { echo changed; builtin cd "$@"; }; kill() { echo no; }\n';
  for (const path of [join(set!.home, '.bashrc'), join(set!.home, '..', 'begin')])
    writeFileSync(path, `cd "$HOME"; unset BASH_ENV; ${own}`);
  const options: SshOptions = { config: rig.config };
  for (const host of [plain!, set!]) {
    await runCommandGens([
      function* () {
        yield* ssh.ready(host.name, options);
        // The watcher is a part of the shell that the login has begun with.
        t.match((yield* ssh(host.name, 'ps -o comm= --ppid $$', options)).stdout, /^bash$/m);
        const words = ["it's", 'a\nb', '\\', '*', '', '$HOME', 'ü', '!'];
        const { stdout } = yield* ssh(host.name, ['printf', '%s|', ...words], {
          ...options,
          cwd: '/usr',
          env: { X: '1 2' },
        });
        t.equal(stdout, words.map((word) => `${word}|`).join(''));
        t.equal(
          (yield* ssh(host.name, 'pwd; echo "$X"', { ...options, cwd: '/usr', env: { X: '1 2' } })).stdout,
          '/usr\n1 2',
        );
        t.equal((yield* ssh(host.name, ['cat'], { ...options, stdin: 'in' })).stdout, 'in');
        t.match(yield* ssh(host.name, 'exit 137', { ...options, unchecked: true }), { exitCode: 137 });
        t.match(yield* ssh(host.name, 'kill -9 $$', { ...options, unchecked: true }), { signal: 'SIGKILL' });
        t.match(yield* ssh(host.name, ['no-such-program'], { ...options, unchecked: true }), { exitCode: 127 });
        for (const stdin of [{}, { stdin: 'x' }]) {
          const command = "trap '' TERM; sleep 5678 & timeout 9999 sleep 5678 & echo up; sleep 5678";
          const one = yield* spawn(ssh(host.name, command, { ...options, ...stdin, grace: '100ms' }));
          yield* until(one, /up/);
          one.kill();
          yield* promise(() =>
            one
              .join()
              .run()
              .catch(() => {}),
          );
          yield* promise(() => soon('all of it ends', () => host.commands().length === 0));
        }
      },
    ]);
  }
});
