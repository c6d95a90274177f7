import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { all, runCommandGens, spawn, ssh, until } from '../../lib/index.ts';
import { conformance } from './conformance.ts';
import { rigMissing, startRig } from './rig/rig.ts';

const missing = rigMissing();
if (missing !== undefined) t.test('steps of a shell that stays', { skip: missing }, () => {});
else {
  t.test('what is particular to a lane', async (t) => {
    const rig = await startRig({ hosts: [{}] });
    t.teardown(() => rig.stop());
    const options = { config: rig.config, lane: true, stripFinalNewline: false } as const;

    await t.test('steps are children of one shell, one at a time; after a kill of another', async (t) => {
      const parent = ssh('h1', ['sh', '-c', 'echo $PPID'], options);
      const [shells] = await runCommandGens([
        function* () {
          const before = (yield* all([1, 2, 3].map(() => parent))).map(({ stdout }) => stdout);
          const one = yield* spawn(ssh('h1', 'echo up; sleep 7777', { ...options, unchecked: true }));
          yield* until(one, /up/);
          one.kill();
          try {
            yield* one.join();
          } catch {
            // It was killed.
          }
          const { stdout } = yield* parent;
          return [...before, stdout];
        },
      ]);
      const [first, second, third, after] = shells as string[];
      t.match(first, /^\d+\n$/);
      t.same([second, third], [first, first]);
      t.not(after, first);
    });

    await t.test('output is kept to the byte, and nothing else is said', async (t) => {
      const results = await all([
        ssh('h1', 'printf a; printf b >&2', options),
        ssh('h1', 'printf "\\n\\n"; echo >&2', options),
        ssh('h1', ['true'], options),
        ssh('h1', 'kill -KILL $$', { ...options, unchecked: true }),
      ]).run();
      t.match(results, [
        { exitCode: 0, stdout: 'a', stderr: 'b' },
        { exitCode: 0, stdout: '\n\n', stderr: '\n' },
        { exitCode: 0, stdout: '', stderr: '' },
        { exitCode: 137, signal: undefined, stdout: '', stderr: '' },
      ]);
    });

    await t.test('what would end the shell, or read its steps, does not', async (t) => {
      const results = await all(
        [
          ['exit', '3'],
          ['cat'],
          ['exec', 'true'],
          ['sh', '-c', ')'],
          ['sh', '-c', 'kill -TERM $$'],
          ['echo', 'last'],
        ].map((argv) => ssh('h1', argv as [string], { ...options, unchecked: true })),
      ).run();
      t.same(
        results.map(({ exitCode }) => exitCode),
        [127, 0, 127, 2, 143, 0],
      );
      t.equal(results.at(-1)!.stdout, 'last\n');
    });

    await t.test('steps longer than what a shell reads at once', async (t) => {
      const lengths = [8_190, 8_191, 8_192, 8_193, 16_384, 100_000];
      const results = await all(
        lengths.map((length) =>
          ssh('h1', ['sh', '-c', 'echo ${#1}', 'sh', "'".repeat(length / 8) + 'a'.repeat(length)], options),
        ),
      ).run();
      t.same(
        results.map(({ stdout }) => Number(stdout)),
        lengths.map((length) => Math.floor(length / 8) + length),
      );
    });

    await t.test('a step that is told to end may do so in its own way', async (t) => {
      const got = join(t.testdir(), 'got');
      await runCommandGens([
        function* () {
          const script = `trap "echo got >>${got}; exit 5" TERM; echo up; while :; do sleep 0.05; done`;
          const one = yield* spawn(ssh('h1', script, { ...options, unchecked: true }));
          yield* until(one, /up/);
          one.kill();
          try {
            yield* one.join();
          } catch {
            // It was killed.
          }
        },
      ]);
      t.equal(readFileSync(got, 'utf8'), 'got\n');
    });
  });

  // A signal that has ended a step is the exit code that a shell has for it.
  conformance(t, { lane: true, kex: 'classical' }, ['tells a signal from an exit code']);
}
