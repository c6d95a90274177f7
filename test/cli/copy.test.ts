// `sluice copy` and `sluice fetch`, with real sshds.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { refuses, rigMissing, sshdMissing, startRig, type Rig } from '../ssh/rig/rig.ts';

const binary = join(dirname(fileURLToPath(import.meta.url)), '../../dist/bin/sluice.js');

/** Runs the command line in a folder. */
function sluice(cwd: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [binary, ...args], { cwd, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const missing = rigMissing();
if (missing !== undefined) t.test('copies by the command line', { skip: missing }, () => {});
else {
  let rig: Rig;
  let where: string[];
  t.before(async () => {
    rig = await startRig({ hosts: 3 });
    refuses(rig, 'h9');
    where = ['-F', rig.config];
  });

  // Folders go by sftp.
  t.test('copy, then fetch', { skip: sshdMissing() ?? false }, async (t) => {
    const folder = t.testdir({ 'a:b': 'one', two: 'two', more: { deep: 'three' } });
    const copied = await sluice(folder, 'copy', '-w', 'h[1-3]', ...where, '-r', 'a:b', 'two', 'more', '.');
    t.match(copied, { code: 0, stdout: '', stderr: /^3 of 3 hosts: 9 files, 33 bytes\n$/ });
    for (const { home } of rig.hosts) {
      t.equal(readFileSync(join(home, 'a:b'), 'utf8'), 'one');
      t.equal(readFileSync(join(home, 'more/deep'), 'utf8'), 'three');
    }
    const fetched = await sluice(folder, 'fetch', '-w', 'h[1-2]', ...where, 'more/deep', 'got');
    t.match(fetched, { code: 0, stderr: /^2 of 2 hosts: 2 files, 10 bytes\n$/ });
    for (const name of ['h1', 'h2']) t.equal(readFileSync(join(folder, 'got', name, 'deep'), 'utf8'), 'three');
  });

  t.test('what failed is told, by ranges', async (t) => {
    const folder = t.testdir({ two: 'two' });
    const away = await sluice(folder, 'copy', '-w', 'h[1-2,9]', ...where, 'two', '.');
    t.match(away, { code: 3, stderr: /^2 of 3 hosts: 2 files, 6 bytes\nh9: unreachable: connect/ });
    const none = await sluice(folder, 'fetch', '-w', 'h[1-2]', ...where, 'no-such', 'got');
    t.match(none, { code: 1, stderr: /^0 of 2 hosts: 0 files, 0 bytes\nh\[1-2\]|h1/ });
    t.match(await sluice(folder, 'copy', '-w', 'h1', ...where, 'no-such', '.'), { code: 1, stderr: /no-such/ });
  });

  t.test('names as they are; nothing comes to lie beside its host', async (t) => {
    const names = ['a b', '-dash', 'new\nline', "q'$(touch PWNED)", 'ünï'];
    const folder = t.testdir({ ...Object.fromEntries(names.map((name) => [name, name])), plain: '' });
    const copied = await sluice(folder, 'copy', '-w', 'h[1-2]', ...where, '--', ...names, '.');
    t.match(copied, { code: 0, stderr: /^2 of 2 hosts: 10 files/ });
    for (const name of names) t.equal(readFileSync(join(rig.hosts[0]!.home, name), 'utf8'), name);
    for (const path of ['..', '.', '/', 'x/..'])
      t.notMatch(await sluice(folder, 'fetch', '-w', 'h1', ...where, path, 'got'), { code: 0 });
    await sluice(folder, 'fetch', '-w', '../up', '-F', rig.config, 'x', 'got');
    t.notOk(existsSync(join(folder, 'up')), 'nor does a host');
    const missing = await sluice(folder, 'copy', '-w', 'h[1-2]', ...where, 'a b', '/no/such/');
    t.equal(
      missing.stderr,
      '0 of 2 hosts: 0 files, 0 bytes\nh[1-2]: failed with exit code 1 (/no/such/: no such folder)\n',
    );
    const unmade = await sluice(folder, 'copy', '-w', 'h[1-2]', ...where, 'a b', '/proc/x');
    t.match(unmade.stderr, /\nh\[1-2\]: [^\n]*could not be written\)\n$/);
  });

  t.test('wrong usage', async (t) => {
    const folder = t.testdir({});
    t.match(await sluice(folder, 'copy', '-w', 'h1', 'one'), { code: 2, stderr: /where to/ });
    t.match(await sluice(folder, 'fetch', '-w', 'h1', 'one'), { code: 2, stderr: /a path and a folder/ });
    t.match(await sluice(folder, 'copy', '-w', 'h1', '', 'b'), { code: 2, stderr: /a path is empty/ });
    t.match(await sluice(folder, 'fetch', '-w', 'h1', 'x', '/proc/x'), { code: 2, stderr: /\/proc\/x is no folder/ });
    t.match(await sluice(folder, 'copy', 'a', 'b'), { code: 2, stderr: /hosts/ });
    t.match(await sluice(folder, 'copy', '-w', 'h1', '--nonsense', 'a', 'b'), { code: 2, stderr: /nonsense/ });
  });

  t.test('the rig is stopped', () => rig.stop());
}
