// Every example of the README runs, and prints what the README says.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { rigMissing, startRig } from '../ssh/rig/rig.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const text = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
  language,
  body,
}));
const run = promisify(execFile);

t.ok(blocks.filter(({ language }) => language === 'ts').length >= 8, 'there are examples');

// The machines of the examples: real sshds that ~/.ssh/config names.
const missing = rigMissing();
const rig =
  missing === undefined ? await startRig({ hosts: ['web1', 'web2', 'web3'].map((name) => ({ name })) }) : undefined;
const home = t.testdir({ '.ssh': { config: rig === undefined ? '' : readFileSync(rig.config, 'utf8') } });

for (const [index, { language, body }] of blocks.entries()) {
  if (language !== 'ts') continue;
  const name = `example: ${body.split('\n').find((line) => line !== '' && !line.startsWith('import'))}`;
  const skip = /\bssh\b/.test(body) && missing !== undefined ? missing : false;
  t.test(name, { skip }, async (t) => {
    const folder = t.testdir({});
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/sluice'));
    symlinkSync(join(root, 'node_modules/rxjs'), join(folder, 'node_modules/rxjs'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'example.ts'), body);
    const register = join(root, 'dist/lib/cli/load/register.js');
    const { stdout, stderr } = await run(process.execPath, ['--import', register, 'example.ts'], {
      cwd: folder,
      timeout: 30_000,
      env: { ...process.env, HOME: home },
    });
    const next = blocks[index + 1];
    t.equal(stdout.trim(), next?.language === 'text' ? next.body.trim() : '');
    t.equal(stderr, '');
  });
}

t.test('the machines are stopped', async () => rig?.stop());

t.test('the commands at the top are the ones that CI runs', async (t) => {
  const commands = blocks.find(({ language }) => language === 'sh')!.body;
  const ci = readFileSync(join(root, '.ci/run'), 'utf8');
  t.match(commands, /npm ci && npx sluice run samples\/serial-then-parallel\.ts/);
  t.match(commands, /npm ci && npm test/);
  t.match(ci, 'npm ci && npm test');
  t.match(ci, 'npx sluice run samples/serial-then-parallel.ts');
});
