// On other machines: what runs there is remembered by host, folder and variables there; inputs are files here.
import { resolve } from 'node:path';
import t from 'tap';
import { file } from '../../../lib/runners/programOptions.ts';
import { within } from '../../../lib/compose/within.ts';
import { ssh } from '../../../lib/fleet/ssh.ts';
import { via } from '../../../lib/fleet/via.ts';
import { program } from '../../../lib/runners/program.ts';
import * as rigs from '../../ssh/rig/rig.ts';
import { projectIn } from './support.ts';

const skip = rigs.sshdMissing() ?? false;

t.test('by ssh: another host, folder or variable is another run; local files are inputs', { skip }, async (t) => {
  const rig = await rigs.startRig({ hosts: 2 });
  t.teardown(() => rig.stop());
  const { config } = rig;
  const p = projectIn(t, { a: 'one' });
  const command = 'echo run >> count; wc -l < count';
  const steps = [
    () => ssh('h1', command, { config }).with(p.memo({ inputs: ['a', { level: 1 }] })),
    () => ssh('h2', command, { config }).with(p.memo({ inputs: ['a', { level: 1 }] })),
    () => within({ via: via.ssh('h1', { config }) }, program(command).with(p.memo({ inputs: ['a'] }))),
    () => within({ via: via.ssh('h1', { config }), env: { A: '1' } }, program(command).with(p.memo({ inputs: ['a'] }))),
    () => within({ via: via.ssh('h1', { config }), cwd: '/tmp' }, program('pwd').with(p.memo({ inputs: ['a'] }))),
    () => within({ via: via.ssh('h1', { config }) }, program('pwd').with(p.memo())),
  ];
  for (const [index, make] of steps.entries()) {
    const first = await p.run(make());
    t.equal(first.error, undefined, `${index}`);
    t.notOk(first.notes.includes('unchanged'), `${index}`);
    const { value, notes } = await p.run(make());
    t.same(notes, ['unchanged'], `${index}`);
    t.equal(value.stdout, first.value.stdout);
  }
  const { host } = (await p.run(steps[0]!())).value;
  t.equal(host.path('x').host, host, 'a host as before');
  p.write('a', 'two');
  t.match((await p.run(steps[0]!())).notes, [/^runs: input .*a changed/]);
  const stdin = () => ssh('h1', 'cat', { config, stdin: file(p.path('a')) }).with(p.memo());
  await p.run(stdin());
  p.write('a', 'three');
  t.match((await p.run(stdin())).value, { stdout: 'three' });
  const lost = ssh('h1', 'cat', { config, stdin: file('a-file-that-is-not-there') }).with(p.memo());
  t.match((await p.run(lost)).error, { reason: { path: resolve('a-file-that-is-not-there') } });
  t.match((await p.run(ssh('h1', 'true', { config }).with(p.memo({ inputs: ['none'] })))).error, {
    reason: { type: 'file' },
  });
});
