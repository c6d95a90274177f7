import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createRunner, type Context } from '../../lib/kernel/index.ts';
import type { Connection } from '../../lib/ssh/connection.ts';
import { Sftp, type SftpError } from '../../lib/ssh/sftp.ts';
import { viaSsh } from '../../lib/ssh/via.ts';
import { promise } from '../../lib/runners/promise.ts';
import { program } from '../../lib/runners/program.ts';
import { within } from '../../lib/compose/within.ts';
import '../support.ts';
import { relay, sshdMissing, startRig, type Rig } from './rig/rig.ts';

const skip = sshdMissing() ?? false;
let rig: Rig;

/** Calls it with the files of a host. */
function withSftp<T>(name: string, use: (sftp: Sftp, context: Context) => Promise<T>): Promise<T> {
  const inner = createRunner<T>({
    spec: { type: 'test' },
    start(_sink, context) {
      const { connection } = context.spawner as unknown as { connection: Connection };
      const body = promise(async () => {
        const sftp = await Sftp.open(connection);
        try {
          return await use(sftp, context);
        } finally {
          sftp.close();
        }
      });
      return context.start(body, _sink as never);
    },
  });
  function* main() {
    yield* program(['true']); // the connection is the loop's from its first command on
    return yield* inner;
  }
  return within({ via: viaSsh(name, { config: rig.config }) }, main).run();
}

t.test('sftp', { skip }, async (t) => {
  rig = await startRig();
  t.teardown(() => rig.stop());
  const home = rig.hosts[0]!.home;

  t.test('files are written and read', async (t) => {
    const content = randomBytes(3_000_001);
    await withSftp('h1', async (sftp) => {
      const handle = await sftp.open('a b\n☃', 'create', 0o600);
      await sftp.write(handle, 0, content.subarray(0, 1_000_000));
      await sftp.write(handle, 1_000_000, content.subarray(1_000_000));
      await sftp.change(handle, { mode: 0o4751, times: { atime: 1, mtime: 1_000_000_000 } });
      t.match(await sftp.fstat(handle), { type: 'file', mode: 0o4751, size: 3_000_001, mtime: 1_000_000_000 });
      await sftp.closeFile(handle);
      const again = await sftp.open('a b\n☃', 'read');
      t.ok(Buffer.concat(await sftp.read(again, 0, 4_000_000)).equals(content), 'to the end');
      t.ok(Buffer.concat(await sftp.read(again, 2_999_999, 10)).equals(content.subarray(2_999_999)));
      t.same(await sftp.read(again, 3_000_001, 10), [], 'none behind it');
      await sftp.closeFile(again);
      await t.rejects(sftp.closeFile(again), { name: 'SftpError' });
    });
    t.ok(readFileSync(join(home, 'a b\n☃')).equals(content));
    t.equal(statSync(join(home, 'a b\n☃')).mtimeMs, 1e12);
  });

  t.test('folders, links, names', async (t) => {
    mkdirSync(join(home, 'f'));
    for (let i = 0; i < 300; i++) writeFileSync(join(home, 'f', `n${i}`), '');
    symlinkSync('n1', join(home, 'f/link'));
    await withSftp('h1', async (sftp) => {
      const entries = await sftp.list('f');
      t.equal(entries.length, 301);
      t.equal(entries.find(({ name }) => name === 'link')!.info.type, 'link');
      t.equal((await sftp.stat('f/link')).type, 'file');
      t.equal((await sftp.lstat('f/link')).type, 'link');
      t.equal(await sftp.realpath('f/link'), join(home, 'f/n1'));
      await sftp.mkdir('g', 0o750);
      t.match(await sftp.stat('g'), { type: 'folder', mode: 0o750 });
      await sftp.rename('f/n1', 'f/n2');
      await sftp.remove('f/n2');
      for (const path of ['f/n1', 'f/n2']) await t.rejects(sftp.stat(path), { code: 2, message: /No such file/ });
    });
    writeFileSync(Buffer.concat([Buffer.from(join(home, 'f/')), Buffer.from([0xff])]), '');
    await t.rejects(
      withSftp('h1', (sftp) => sftp.list('f')),
      { message: /"ÿ" is no UTF-8/ },
    );
  });

  t.test('what fails', async (t) => {
    await withSftp('h1', async (sftp) => {
      const results = await Promise.allSettled([sftp.open('none', 'read'), sftp.list('none'), sftp.mkdir('f')]);
      t.strictSame(
        results.map((one) => ((one as PromiseRejectedResult).reason as SftpError).code),
        [2, 2, 4],
      );
    });
    await rig.add({ name: 'chatty', config: ['ForceCommand echo Welcome to this host'] });
    await t.rejects(
      withSftp('chatty', async () => {}),
      { message: /does not speak SFTP/, phase: 'session' },
    );
  });

  t.test('a connection that is lost', async (t) => {
    const dropping = await relay(rig, rig.hosts[0]!);
    await withSftp(dropping.name, async (sftp) => {
      const handle = await sftp.open('a b\n☃', 'read');
      const reading = sftp.read(handle, 0, 3_000_000);
      dropping.drop();
      await t.rejects(reading, { name: 'ConnectionError', phase: 'lost' });
      await t.rejects(sftp.stat('f'), { name: 'ConnectionError', phase: 'lost' });
    });
  });
});
