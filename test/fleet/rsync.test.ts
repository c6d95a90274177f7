import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rsync } from '../../lib/fleet/rsync.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { host } from '../../lib/ssh/host.ts';
import '../support.ts';
import { relay, sshdMissing, startRig } from '../ssh/rig/rig.ts';

const skip = sshdMissing() ?? false;
const installed = (() => {
  try {
    execFileSync('rsync', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

t.test('bad input is a TypeError at the call', async (t) => {
  for (const [from, to] of [
    ['a', 'b'],
    ['h:a', 'g:b'],
    ['h:a', 'h:b'],
  ] as const)
    t.throws(() => rsync(from, to), { name: 'TypeError', message: /either the sources are on one host/ });
  t.throws(() => rsync(['h:a', 'g:a'], 'b'), { message: /on one host/ });
  t.throws(() => rsync('a', 'h:b', { args: '-a' as never }), { name: 'TypeError', message: /rsync: args is a list/ });
});

t.test('before anything is connected', { skip }, async (t) => {
  const rig = await startRig();
  t.teardown(() => rig.stop());
  const counted = await relay(rig, rig.hosts[0]!);
  const none = { name: 'RunError', reason: { type: 'spawn', code: 'ENOENT' }, message: /rsync is not installed here/ };
  const before = process.env['PATH'];
  process.env['PATH'] = rig.folder;
  await t.rejects(rsync(rig.config, `${counted.name}:`, { config: rig.config }).run(), none);
  fs.writeFileSync(join(rig.folder, 'rsync'), '#!/bin/false\n', { mode: 0o755 });
  await t.rejects(rsync('/none', `${counted.name}:`, { config: rig.config }).run(), {
    name: 'RunError',
    reason: { type: 'file', path: '/none' },
  });
  process.env['PATH'] = before;
  t.equal(counted.accepted, 0);
});

t.test('by one login', { skip: skip || (!installed && 'rsync is not installed') }, async (t) => {
  const rig = await startRig();
  t.teardown(() => rig.stop());
  const [one] = rig.hosts as [(typeof rig.hosts)[0]];
  const counted = await relay(rig, one);
  const config = { config: rig.config };
  const tree = join(rig.folder, 'tree');
  fs.mkdirSync(join(tree, 'a b'), { recursive: true });
  fs.writeFileSync(join(tree, 'a b', "it's ☃"), 'x');
  function* main() {
    yield* rsync(`${tree}/`, host({ name: counted.name }).path("to $(x) 'y'"), config);
    yield* rsync(host({ name: counted.name }).path("to $(x) 'y'/a b"), join(rig.folder, 'back'), config);
    const { exitCode } = yield* rsync(`${counted.name}:~/`, join(rig.folder, 'home'), { ...config, args: ['-r'] });
    t.equal(exitCode, 0);
  }
  await runCommandGens([main()]);
  t.equal(fs.readFileSync(join(one.home, "to $(x) 'y'", 'a b', "it's ☃"), 'utf8'), 'x');
  t.equal(fs.readFileSync(join(rig.folder, 'back/a b', "it's ☃"), 'utf8'), 'x');
  t.equal(counted.accepted, 1);
  await t.rejects(rsync('h1:none', rig.folder, config).run(), {
    name: 'RunError',
    reason: { type: 'exit', exitCode: 23 },
  });
});
