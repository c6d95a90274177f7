import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { ensureDir } from '../../../lib/fleet/steps/ensureDir.ts';
import '../../support.ts';
import { notesOf } from './support.ts';

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => ensureDir(''), /ensureDir: the path is the string ""/],
    [() => ensureDir('a', { mode: -1 }), /mode is a number like/],
    [() => ensureDir('a', { absent: 'yes' as never }), /absent is true or false/],
    [() => ensureDir('a', { absent: true, mode: 0o755 }), /what is absent has no mode/],
    ...['/', '//', '.', '..', '../', 'a/..', '/.'].map((path): [() => unknown, RegExp] => [
      () => ensureDir(path, { absent: true }),
      /can't be removed; name the folder itself/,
    ]),
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

t.test('made with those above it, and once only', async (t) => {
  const path = join(t.testdir(), 'a b/-c/d\n');
  const first = await notesOf(ensureDir(path, { mode: 0o2750 }));
  t.match(first.value, { changed: true, before: undefined, after: { mode: 0o2750 } });
  t.equal(statSync(path).mode & 0o7777, 0o2750);
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o777 & ~process.umask(), 'its mode is its own');
  const second = await notesOf(ensureDir(`${path}/`, { mode: 0o2750 }));
  t.match(second.value, { changed: false, before: { mode: 0o2750 } });
  t.same([second.notes, second.programs], [['ok'], 1]);
  const third = await notesOf(ensureDir(path, { mode: 0o755 }));
  t.same(third.notes, ['changed: mode 0755 (was 2750)'], 'its set-group bit goes too');
  t.equal(statSync(path).mode & 0o7777, 0o755);
});

t.test('relative paths, with a hyphen in front too', async (t) => {
  const folder = t.testdir();
  await within({ cwd: folder }, ensureDir('-rf/-x', { mode: 0o700 })).run();
  t.equal(statSync(join(folder, '-rf/-x')).mode & 0o777, 0o700);
  await within({ cwd: folder }, ensureDir('-rf', { absent: true })).run();
  t.same(readdirSync(folder), []);
});

t.test('absent', async (t) => {
  const folder = t.testdir({ full: { of: { things: 'x' } }, kept: { f: 'x' }, file: 'x' });
  symlinkSync('kept', join(folder, 'link'));
  t.match((await notesOf(ensureDir(join(folder, 'full'), { absent: true, check: true }))).notes, [
    'would change: removed',
  ]);
  t.ok(existsSync(join(folder, 'full/of/things')));
  t.match(await ensureDir(join(folder, 'full'), { absent: true }).run(), { changed: true, after: undefined });
  t.match(await ensureDir(join(folder, 'full'), { absent: true }).run(), { changed: false, before: undefined });
  await ensureDir(join(folder, 'link/'), { absent: true }).run();
  t.same(readdirSync(folder).sort(), ['file', 'kept']);
  t.same(readdirSync(join(folder, 'kept')), ['f']);
  await t.rejects(ensureDir(join(folder, 'file'), { absent: true }).run(), { message: /it is no folder/ });
});

t.test('check and dry run change nothing', async (t) => {
  const path = join(t.testdir(), 'a/b');
  const check = await notesOf(ensureDir(path, { check: true, mode: 0o700 }));
  t.match(check.value, { changed: true, after: { mode: 0o700 } });
  t.same(check.notes, ['would change: created']);
  const dry = await notesOf(ensureDir(path, { mode: 0o700 }), { dryRun: true });
  t.same([dry.notes, dry.programs], [[`would ensure the folder ${path}, mode 0700`], 0]);
  t.notOk(existsSync(join(path, '..')));
});

t.test('what is in the way', async (t) => {
  const folder = t.testdir({ file: 'x' });
  symlinkSync('nowhere', join(folder, 'dangling'));
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  writeFileSync(join(folder, 'real/f'), '');
  chmodSync(join(folder, 'real'), 0o711);
  await t.rejects(ensureDir(join(folder, 'file')).run(), {
    message: /^ensureDir .*file: failed with exit code 1\n.*file: it is no folder$/,
  });
  await t.rejects(ensureDir(join(folder, 'dangling')).run(), { message: /it is a link to nothing/ });
  await t.rejects(ensureDir(join(folder, 'file/under')).run(), { message: /Not a directory|File exists/i });
  t.equal((await ensureDir(join(folder, 'link'), { mode: 0o711 }).run()).changed, false);
  t.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
});
