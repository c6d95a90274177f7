// Ctrl-C and its like: nothing of `exec` is left on its hosts, and it says how far it has come.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { installSudo, startRig, sshdMissing } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';
import { line } from './execLine.ts';

const skip = sshdMissing() ?? false;

t.test('with real hosts', { skip }, async (t) => {
  const rig = await startRig({ hosts: [1, 2, 3, 4].map((number) => ({ env: { NUMBER: String(number) } })) });
  t.teardown(() => rig.stop());
  const F = ['-F', rig.config];

  for (const host of rig.hosts) installSudo(host, undefined);
  const allEnded = () => until('all has ended', () => rig.hosts.every((host) => host.commands().length === 0));

  t.test('each ending of it ends what runs there, and says where it was', async (t) => {
    const { begin, state } = line(t);
    const command =
      'case $NUMBER in 1) exit 0;; 2) exit 3;; esac; test $STUBBORN && trap "" TERM INT HUP; sleep 1000 & wait; cat; sleep 1000';
    for (const [signal, stubborn, ...how] of [
      ['SIGINT', ''],
      ['SIGTERM', '', '--sudo'],
      ['SIGHUP', 'STUBBORN=1; ', '--stdin', '--sudo'],
      ['SIGKILL', ''],
      ['SIGKILL', 'STUBBORN=1; ', '--stdin', '--sudo'],
    ] as const) {
      const living = begin(...F, '-w', 'h[1-4]', '-f', '3', ...how, '--json', '--', stubborn + command);
      await Promise.all([living.says(/"h1"/), living.says(/"h2"/)]);
      await until('they have begun', () => rig.hosts.slice(2).every((host) => host.commands().length > 1));
      living.signal(signal);
      const ended = await living.ended;
      t.equal(ended.signal, signal);
      await until(`${signal} ${how.join(' ')}: all has ended`, () =>
        rig.hosts.every((host) => host.commands().length === 0),
      );
      if (signal === 'SIGKILL') continue;
      t.match(
        ended.stderr,
        /sluice: interrupted; 1 of 4 ok\n {2}h1: ok\n {2}h2: failed with exit code 3\n {2}h\[3-4\]: interrupted\n$/,
      );
      t.match((JSON.parse(readFileSync(state, 'utf8')) as { failed: string[] }).failed, ['h2', 'h3', 'h4']);
    }
    const living = begin(...F, '-w', 'h[1-4]', '-f', '1', '--', 'echo up; test $NUMBER = 1 || sleep 1000');
    await living.says(/h2 \| up/);
    living.signal('SIGINT');
    t.match(
      (await living.ended).stderr,
      /interrupted; 1 of 4 ok\n {2}h1: ok\n {2}h2: interrupted\n {2}h\[3-4\]: not begun\n$/,
    );
    await allEnded();
  });
});
