import t from 'tap';
import { sluice } from './support.ts';

t.test('the exit code is what a shell would make of the failure', async (t) => {
  const codes: Record<string, number> = {
    'exit 3': 3,
    'kill -TERM $$': 143,
    'kill -KILL $$': 137,
    'no-such-program': 127,
    'no-such-program | cat x-not-there': 1,
    '/': 126,
  };
  for (const [command, code] of Object.entries(codes)) {
    t.equal(sluice(['seq', command]).status, code, command);
  }
  const cwd = t.testdir({
    'code.ts': `process.exitCode = 9; export default [];`,
    'exit.ts': `import { program } from 'sluice'; export default function* () { yield* program('echo said'); process.exit(8); }`,
  });
  t.equal(sluice(['run', 'code.ts'], { cwd }).status, 9);
  t.match(sluice(['run', 'exit.ts'], { cwd }), { status: 8, stdout: 'echo said | said\n' });
});
