// A part of the suite as it runs without an sshd: also where there is one, so that what stands in for it keeps working.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { rigMissing } from './rig/missing.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What the cases of a test file whose names match come to: 'ok', 'not ok', or why they are skipped. */
async function cases(file: string, match: RegExp, grep = String(match)): Promise<ReadonlyMap<string, string>> {
  const child = spawn(process.execPath, ['--import', here('../../dist/lib/cli/load/register.js'), here(file)], {
    // In CI the rest would fail for want of an sshd.
    env: { ...process.env, CI: '', SLUICE_TEST_SSHD: 'none', TAP_TIMEOUT: '100', TAP_GREP: grep },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await text(child.stdout);
  const results = new Map<string, string>();
  for (const [, result, name, reason] of said.matchAll(/^ *(ok|not ok) \d+ - (.*?)(?: # (?:time=|SKIP ?)(.*))?$/gm))
    if (match.test(name!)) results.set(name!, said.includes(`${name} # SKIP`) ? reason! : result!);
  if ([...results.values()].includes('not ok')) t.comment(said);
  return results;
}

const skip = rigMissing() ?? false;
const none = 'no rig of sshds: SLUICE_TEST_SSHD=none';

t.test('quoting and exit codes', { skip, timeout: 100_000 }, async (t) => {
  t.strictSame(
    Object.fromEntries(await cases('mux.test.ts', /output, exit|told from|arguments|logins|a jump|rig is stopped/)),
    {
      'output, exit codes and signals are the command’s own': 'ok',
      'a signal is told from an exit code': 'ok',
      'arguments arrive as they are': 'ok',
      'more commands than the server takes sessions, or logins': none,
      'a jump: one login there for all behind it': none,
      'the rig is stopped': 'ok',
    },
  );
});

t.test('copies', { skip, timeout: 100_000 }, async (t) => {
  t.strictSame(
    Object.fromEntries(
      await cases(
        '../fleet/put.test.ts',
        /content under|any bytes|without a shell/,
        '/^put$/\n/content under|any bytes|without a shell/',
      ),
    ),
    {
      'content under all sorts of names': 'ok',
      'any bytes, there and back': 'ok',
      'a host without a shell': none,
    },
  );
});
