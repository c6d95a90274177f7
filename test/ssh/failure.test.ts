import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { runCommandGens, ssh } from '../../lib/index.ts';
import { folder } from '../../lib/ssh/folder.ts';
import '../support.ts';
import { sshdMissing, startRig } from './rig/rig.ts';

const skip = sshdMissing() ?? false;

t.test('a host key that is wrong: what ssh knows of it', { skip }, async (t) => {
  const rig = await startRig({ hosts: [{}, { known: 'other' }, { known: 'none' }] });
  t.teardown(() => rig.stop());
  const config = { config: rig.config };
  const wrong = (message: RegExp) => ({ reason: { type: 'connection', phase: 'host key', sent: 'no' }, message });
  for (const transport of ['mux', 'client'] as const) {
    const options = { ...config, transport };
    const changed = /IDENTIFICATION HAS CHANGED.*SHA256:\S+\n.*Offending \S+ key in \S+known_hosts:\d+\nHost key for/s;
    await t.rejects(ssh('h2', 'true', options).run(), wrong(changed));
    await t.rejects(ssh('h3', 'true', options).run(), wrong(/No \S+ host key is known for \S*127\.0\.0\.4/));
  }
  const none = join(rig.folder, 'none');
  const missing = wrong(/knownHosts: there is no file .*none; lines are given as an array/);
  await t.rejects(ssh('h1', 'true', { ...config, knownHosts: none }).run(), missing);
});

t.test('the folder of sockets is removed while we run', { skip }, async (t) => {
  const rig = await startRig({ hosts: 2 });
  t.teardown(() => rig.stop());
  const config = { config: rig.config };
  const before = folder();
  await runCommandGens([
    (function* () {
      yield* ssh('h1', 'true', config);
      rmSync(before, { recursive: true });
      // The connection that there is goes on, and others are made.
      for (const host of ['h1', 'h2'])
        for (const transport of ['mux', 'client'] as const) yield* ssh(host, 'true', { ...config, transport });
    })(),
  ]);
  t.not(folder(), before);
  t.equal(dirname(folder()), dirname(before));
});
