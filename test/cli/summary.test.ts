import t from 'tap';
import { sluice } from './support.ts';

t.test('failures are told once: at their place, and at the end where others came between', async (t) => {
  const cwd = t.testdir({
    'one.ts': `import { program } from 'sluice';
      export default function* main() { yield* program('echo why >&2; exit 3', { label: 'p' }); }`,
    'three.ts': `import { program } from 'sluice';
      export default [program('echo a; exit 3', { label: 'a' }), program('echo b; exit 3', { label: 'b' }), program('true')];`,
    'later.ts': `import { program, sleep, note, until, spawn } from 'sluice';
      export default [program('exit 3', { label: 'p' }), program('sleep 0.5; echo last', { label: 'q' })];`,
    'wrapped.ts': `import { program } from 'sluice';
      export default function* main() {
        try { yield* program('exit 7', { label: 'p' }); } catch (cause) { throw new Error('deploy failed', { cause }); }
      }`,
  });
  t.match(sluice(['run', 'one.ts'], { cwd }), {
    status: 3,
    stderr: /^p \| why\np \* failed with exit code 3 \([\d.]+ m?s\)\n$/,
  });
  const three = sluice(['run', 'three.ts'], { cwd });
  t.equal(three.status, 1);
  t.match(
    three.stderr,
    /sluice: 2 failed\n {2}echo a; exit 3: failed with exit code 3\n {2}echo b; exit 3: failed with exit code 3\n$/,
  );
  t.match(sluice(['run', 'later.ts'], { cwd }), { status: 3, stderr: /\nsluice: exit 3: failed with exit code 3\n$/ });
  t.match(sluice(['run', 'wrapped.ts'], { cwd }), {
    status: 7,
    stderr:
      /sluice: Error: deploy failed\n {4}at main .*wrapped\.ts:3:\d+\)\n {2}cause: exit 7: failed with exit code 7\n$/,
  });
  t.match(sluice(['run', 'one.ts', '--report', 'quiet'], { cwd }), {
    status: 3,
    stdout: '',
    stderr: 'echo why >&2; exit 3: failed with exit code 3\nwhy\n',
  });
});
