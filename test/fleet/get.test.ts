import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { get } from '../../lib/fleet/get.ts';
import { put } from '../../lib/fleet/put.ts';
import { scp } from '../../lib/fleet/scp.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { host } from '../../lib/ssh/host.ts';
import '../support.ts';
import { rigMissing, sshdMissing, startRig } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';
import { execFileSync } from 'node:child_process';

const skip = rigMissing() ?? false;
const noSshd = sshdMissing() ?? false;

t.test('get', { skip }, async (t) => {
  const rig = await startRig();
  t.teardown(() => rig.stop());
  const { home } = rig.hosts[0]!;
  const config = { config: rig.config };

  t.test('content, exactly, and no lines of it', async (t) => {
    const events: Event[] = [];
    writeFileSync(join(home, 'f'), '\ufeffone\r\ntwo\n\n');
    const [text, bytes, boot] = await runCommandGens(
      [
        get('h1', 'f', config),
        get('h1', 'f', { ...config, encoding: 'buffer' }),
        get('h1', '/proc/sys/kernel/random/boot_id', config),
      ],
      { onEvent: (event) => void events.push(event) },
    );
    t.equal(text, '\ufeffone\r\ntwo\n\n');
    t.ok((bytes as Buffer).equals(Buffer.from('\ufeffone\r\ntwo\n\n')));
    t.match(boot, /^[0-9a-f-]{36}\n$/);
    t.notOk(events.some((event) => event.type === 'line'));
    t.match(get('h1', 'f').spec, { type: 'get', host: 'h1', path: 'f' });
  });

  t.test('what a start-up file of the shell prints is no part of the file', { skip: noSshd }, async (t) => {
    const chatty = await rig.add({ name: 'chatty' });
    writeFileSync(
      join(chatty.home, '..', 'begin'),
      'cd "$HOME"; echo welcome; printf "to this host> "; echo warn >&2\n',
    );
    await put('chatty', 'one\n', 'f', config).run();
    t.equal(readFileSync(join(chatty.home, 'f'), 'utf8'), 'one\n');
    t.equal(await get('chatty', 'f', config).run(), 'one\n');
    const up = await runCommandGens([scp(host({ name: 'chatty' }).path('f'), join(rig.folder, 'f'), config)]);
    t.match(up, [{ files: 1, bytes: 4 }]);
    t.equal(readFileSync(join(rig.folder, 'f'), 'utf8'), 'one\n');
  });

  t.test('errors are of the get, not of its script; a forced command is no file', { skip: noSshd }, async (t) => {
    await t.rejects(get('h1', 'none', config).run(), { message: /^get h1:none: failed with exit code [12]\n.*none/ });
    await rig.add({ name: 'forced', config: ['ForceCommand echo forced "$SSH_ORIGINAL_COMMAND"'] });
    await t.rejects(get('forced', 'f', config).run(), {
      reason: { type: 'reply' },
      message: /^get forced:f: .*the host runs no shell for us/,
    });
  });

  t.test('killed while it waits, nothing is left there', async (t) => {
    execFileSync('mkfifo', [join(home, 'fifo')]);
    const cats = () => rig.hosts[0]!.commands().length;
    const before = cats();
    const loop = runCommandGens([get('h1', 'fifo', config)]);
    loop.catch(() => {});
    await until('it waits', () => cats() > before);
    loop.kill('me');
    await t.rejects(loop, { name: 'RunError', reason: { type: 'killed', by: 'me' } });
    await until('it has ended there', () => cats() <= before);
    t.same(
      readdirSync(home).filter((name) => name.startsWith('.sluice')),
      [],
    );
  });
});
