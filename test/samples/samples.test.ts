// Every sample runs, through the command line, as a user would run it.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const run = promisify(execFile);

/** Arguments that make a sample quick, and what it must print. */
const samples: Record<string, { args?: string[]; prints: RegExp[] }> = {
  'serial-then-parallel.ts': {
    args: [join(root, 'samples')],
    prints: [/wc samples|wc [\w-]+\.ts/, /no mark yet/, /flaky: done at try 2/, /all sums verified/],
  },
  'weaksauce.ts': { args: ['0.001'], prints: [/what is up/, /that is cool/, /another thing running concurrently/] },
  'rx-live.ts': { prints: [/./] },
  'provision.ts': { args: ['3'], prints: [/node2 has name=node2/, /retry 1 of 3/, /3 machines are up/] },
  'build.ts': { prints: [/book +\* unchanged/, /two +\* runs: input \S+two\.txt changed/, /"two":5/] },
  'steps.ts': { prints: [/1\.0: 4 of 4 steps/, /1\.0: 0 of 4 steps/, /this is 1\.1/, /\+version 2\.0/] },
};

t.strictSame(readdirSync(join(root, 'samples')).sort(), Object.keys(samples).sort(), 'each sample is here');

for (const [name, { args = [], prints }] of Object.entries(samples)) {
  t.test(name, async (t) => {
    const binary = join(root, 'dist/bin/sluice.js');
    const { stdout, stderr } = await run(process.execPath, [binary, 'run', join('samples', name), '--', ...args], {
      cwd: root,
      timeout: 60_000,
    });
    for (const pattern of prints) t.match(stdout + stderr, pattern);
  });
}
