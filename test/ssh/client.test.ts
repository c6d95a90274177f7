import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runCommandGens, spawn, ssh, until } from '../../lib/index.ts';
import { conformance } from './conformance.ts';
import { rigMissing, silent, sshdMissing, startRig } from './rig/rig.ts';

const missing = rigMissing();
if (missing !== undefined) t.test('commands by an ssh each', { skip: missing }, () => {});
else {
  t.test('what is particular to an ssh for each command', async (t) => {
    const banner = join(t.testdir(), 'banner');
    writeFileSync(banner, 'Welcome, stranger\n');
    const skip = sshdMissing() ?? false;
    const rig = await startRig({ hosts: [skip === false ? { config: [`Banner ${banner}`] } : {}] });
    t.teardown(() => rig.stop());
    const options = { config: rig.config, transport: 'client' } as const;

    await t.test('a signal is the exit code that a shell has for it, and nobody says more', async (t) => {
      for (const [signal, exitCode] of [
        ['KILL', 137],
        ['TERM', 143],
        ['SEGV', 139],
      ] as const) {
        const result = await ssh('h1', `kill -${signal} $$`, { ...options, unchecked: true }).run();
        t.match(result, { exitCode, signal: undefined, stdout: '', stderr: '' });
      }
    });

    await t.test('what the server says before is a note, once', { skip }, async (t) => {
      const notes: string[] = [];
      const results = await runCommandGens(
        [1, 2].map(() => ssh('h1', 'echo err >&2', options)),
        { onEvent: (event) => event.type === 'note' && notes.push(event.text) },
      );
      for (const { stderr } of results) t.equal(stderr, 'err');
      t.equal(notes.filter((note) => note.includes('Welcome')).length, 1);
    });

    await t.test('more on stderr than fits anywhere, without a newline at its end', async (t) => {
      const { stderr } = await ssh('h1', 'head -c 20000000 /dev/zero | tr "\\0" a >&2', {
        ...options,
        capture: '21MB',
        maxLine: '21MB',
      }).run();
      t.equal(stderr.length, 20_000_000);
    });

    await t.test('killed before it has logged in, at once', async (t) => {
      const nobody = await silent(rig, 'silent');
      const started = Date.now();
      const [result] = await Promise.allSettled([
        runCommandGens([ssh('silent', ['true'], { ...options, connectTimeout: '60s' })], { timeout: '300ms' }),
      ]);
      t.match(result, { status: 'rejected', reason: { reason: { type: 'timeout' } } });
      t.ok(Date.now() - started < 30_000);
      await nobody.stop();
    });

    await t.test('a signal of the user’s reaches the command, with stdin and without', async (t) => {
      for (const stdin of ['ignore', 'x'] as const) {
        const got = join(t.testdir(), `got-${stdin}`);
        const [result] = await runCommandGens([
          function* () {
            const script = `trap "echo got >>${got}; exit 5" TERM; echo up; while :; do sleep 0.05; done`;
            const one = yield* spawn(
              ssh('h1', script, { ...options, unchecked: true, ...(stdin === 'x' && { stdin }) }),
            );
            yield* until(one, /up/);
            one.kill();
            try {
              yield* one.join();
            } catch (error) {
              return error;
            }
            return undefined;
          },
        ]);
        t.match(result, { reason: { type: 'killed' } });
        t.equal(readFileSync(got, 'utf8'), 'got\n');
      }
    });
  });

  // A signal that has ended a command is the exit code that a shell has for it; nothing is shared.
  if (!process.env['QUICK'])
    conformance(t, { transport: 'client', kex: 'classical' }, [
      'tells a signal from an exit code',
      'one login at a jump host',
    ]);
}
