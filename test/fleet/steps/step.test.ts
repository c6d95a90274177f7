import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { ensureDir } from '../../../lib/fleet/steps/ensureDir.ts';
import { ensureFile } from '../../../lib/fleet/steps/ensureFile.ts';
import { ensureLine } from '../../../lib/fleet/steps/ensureLine.ts';
import { via } from '../../../lib/fleet/via.ts';
import { runCommandGens, type Event } from '../../../lib/kernel/index.ts';
import '../../support.ts';
import { refuses, rigMissing, startRig } from '../../ssh/rig/rig.ts';
import { notesOf } from './support.ts';

t.test('on hosts', { skip: rigMissing() ?? false }, async (t) => {
  const rig = await startRig();
  t.teardown(() => rig.stop());
  const { home } = rig.hosts[0]!;
  const settings = { config: rig.config };

  t.test('within one: several steps, and again', async (t) => {
    const odd = "a b'\n-c";
    function* setUp() {
      const folder = yield* ensureDir(`srv/${odd}`, { mode: 0o750 });
      const big = yield* ensureFile(`srv/${odd}/-big`, '0123456789'.repeat(100_000), { mode: 0o640 });
      yield* ensureLine('conf', 'port 80', { create: true });
      const line = yield* ensureLine('conf', 'port 81', { match: '^port' });
      return [folder.changed, big.changed, line.changed, line.before];
    }
    const run = () => within({ via: via.ssh('h1', settings) }, setUp).run();
    t.same(await run(), [true, true, true, 'port 80']);
    t.equal(statSync(join(home, 'srv', odd)).mode & 0o7777, 0o750);
    t.equal(statSync(join(home, 'srv', odd, '-big')).size, 1_000_000);
    t.equal(readFileSync(join(home, 'conf'), 'utf8'), 'port 81\n');
    t.same((await run()).slice(0, 2), [false, false]);
  });

  t.test('by the option host; a check shows the diff', async (t) => {
    writeFileSync(join(home, 'f'), 'old\n');
    const there = { host: 'h1', ...settings };
    const events: Event[] = [];
    const value = await ensureFile('f', 'new\n', { ...there, check: true }).run({
      onEvent: (event) => void events.push(event),
    });
    t.match(value, { changed: true, diff: /-old\n\+new\n$/ });
    t.ok(events.some((event) => event.type === 'start' && event.label === 'h1: ensureFile f'));
    t.equal((await ensureFile('f', 'new\n', there).run()).changed, true);
    const { value: again, programs } = await notesOf(ensureFile('f', 'new\n', there));
    t.same([again.changed, programs], [false, 1]);
  });

  t.test('what fails there', async (t) => {
    mkdirSync(join(home, 'd'));
    await t.rejects(ensureFile('d', 'x', { host: 'h1', ...settings }).run(), {
      reason: { type: 'exit', exitCode: 1 },
      message: /^h1: ensureFile d: failed with exit code 1\nd: it is a folder$/,
    });
    const none = refuses(rig);
    await t.rejects(ensureDir('d', { host: none.name, ...settings }).run(), {
      reason: { type: 'connection', phase: 'connect', sent: 'no' },
    } as object as Error);
  });
});

t.test('a kill ends it', async (t) => {
  const path = join(t.testdir(), 'f');
  const loop = runCommandGens([ensureFile(path, randomBytes(1_000_000))], {
    onEvent: (event) => {
      if (event.type === 'start' && event.spec.type === 'program') loop.kill('me');
    },
  });
  await t.rejects(loop, { reason: { type: 'killed', by: 'me' } } as object as Error);
});
