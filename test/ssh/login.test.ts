import fc from 'fast-check';
import { join } from 'node:path';
import t from 'tap';
import { get, put, runCommandGens, spawn, ssh, until } from '../../lib/index.ts';
import { missing } from '../missing.ts';
import '../support.ts';
import { until as soon } from './rig/procs.ts';
import { sshdMissing, startRig } from './rig/rig.ts';

const skip = sshdMissing() ?? false;

// A forced command is run by the user's own shell, which gives what was asked for to another, as sshd gives it to a login shell.
for (const shell of ['zsh', 'tcsh', 'fish']) {
  t.test(`users whose login shell is ${shell}`, { skip: skip || missing(shell) }, async (t) => {
    const rig = await startRig({ config: [`ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`] });
    t.teardown(() => rig.stop());
    // fish makes its folders the first time, and several at once complain about that.
    await ssh('h1', ['true'], { config: rig.config, unchecked: true }).run();
    for (const more of [{}, { lane: true }, { transport: 'client', kex: 'classical' }] as const) {
      const options = { config: rig.config, unchecked: true, ...more };
      const by = JSON.stringify(more);

      await t.test(`exit codes and words ${by}`, async (t) => {
        const word = fc
          .array(fc.constantFrom(...'\'"\\!$`\n\r\t %~=*?[]{}<>|&;#^a☃', '!!', '%self', '\u{1f600}'), { maxLength: 6 })
          .map((parts) => parts.join(''));
        const samples = fc.sample(fc.array(word, { minLength: 1, maxLength: 12 }), 25);
        const script = 'for a; do printf "%s\\0" "$a"; done; exit 255';
        const results = await runCommandGens(
          samples.flatMap((words) =>
            (['ignore', 'stdin'] as const).map((stdin) =>
              ssh('h1', ['sh', '-c', script, 'sh', ...words], { ...options, stdin, stripFinalNewline: false }),
            ),
          ),
          { slots: 4 },
        );
        for (const [i, { exitCode, stdout, stderr }] of results.entries())
          t.strictSame([exitCode, stdout.split('\0').slice(0, -1), stderr], [255, samples[i >> 1], '']);
      });

      await t.test(`a folder, an environment, a signal ${by}`, async (t) => {
        t.match(await ssh('h1', 'pwd; echo "$A"', { ...options, cwd: '/usr', env: { A: 'x\n!\\y' } }).run(), {
          stdout: '/usr\nx\n!\\y',
        });
        const told = await ssh('h1', 'kill -9 $$', options).run();
        t.match(told, Object.keys(more).length === 0 ? { signal: 'SIGKILL' } : { exitCode: 137 });
      });

      await t.test(`killed, with stdin and without ${by}`, async () => {
        for (const stdin of ['ignore', 'stdin'] as const) {
          await runCommandGens([
            function* () {
              const one = yield* spawn(ssh('h1', 'echo up; sleep 1000 & sleep 1000', { ...options, stdin }));
              yield* until(one, /up/);
              one.kill();
              try {
                yield* one.join();
              } catch {
                // It was killed.
              }
            },
          ]);
          await soon('what it has started has ended', () => rig.hosts[0]!.commands().length === 0);
        }
      });
    }

    await t.test('copies', async (t) => {
      const path = join(rig.hosts[0]!.home, "it's !\n\\n %$x");
      await put('h1', 'there\n', path, { config: rig.config }).run();
      t.equal(await get('h1', path, { config: rig.config }).run(), 'there\n');
    });
  });
}
