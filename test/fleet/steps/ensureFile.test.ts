import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { cksum } from '../../../lib/fleet/digest.ts';
import { ensureFile } from '../../../lib/fleet/steps/ensureFile.ts';
import { isRunError } from '../../../lib/kernel/index.ts';
import '../../support.ts';
import { bin, notesOf } from './support.ts';

const root = process.getuid?.() === 0;

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => ensureFile('', 'x'), /ensureFile: the path is the string ""/],
    [() => ensureFile('a\0b', 'x'), /the path has a NUL/],
    [() => ensureFile('a/', 'x'), /"a\/" is the path of a folder/],
    [() => ensureFile('a', 5 as never), /the content is a string or bytes, not the number 5/],
    [() => ensureFile('a', '', { mode: 644.5 }), /mode is a number like 0o644/],
    [() => ensureFile('a', '', { owner: '-x' }), /owner is a name or a number/],
    [() => ensureFile('a', '', { owner: 'a:b' }), /owner is a name or a number/],
    [() => ensureFile('a', '', { group: -1 }), /group is a name or a number/],
    [() => ensureFile('a', '', { mod: 1 } as never), /unknown option mod/],
    [() => ensureFile('a', '', { check: 1 } as never), /check is true or false/],
    [() => ensureFile('a', '', { port: 22 }), /ensureFile: port is about a host; give host too/],
    [() => ensureFile('a', '', { host: '-h' }), /is no name/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

t.test('created, ok, changed; the content travels only then', async (t) => {
  const path = join(t.testdir(), 'app.conf');
  const first = await notesOf(ensureFile(path, 'port 80\n', { mode: 0o640 }));
  t.match(first.value, { changed: true, before: undefined, after: { size: 8, mode: 0o640 } });
  t.same(first.notes, ['changed: created']);
  t.equal(first.programs, 2);
  t.equal(statSync(path).mode & 0o7777, 0o640);
  const { ino } = statSync(path);

  const second = await notesOf(ensureFile(path, 'port 80\n', { mode: 0o640 }));
  t.match(second.value, { changed: false, before: { size: 8, mode: 0o640 }, after: { size: 8 } });
  t.same(second.notes, ['ok']);
  t.equal(second.programs, 1);
  t.equal(statSync(path).ino, ino);
  t.equal(second.lines, 0, 'what scripts answer is no output');

  const third = await notesOf(ensureFile(path, 'port 81\n'));
  t.match(third.value, { changed: true, before: { size: 8 }, after: { mode: 0o640 } });
  t.same(third.value.diff?.split('\n').slice(2), ['@@ -1,1 +1,1 @@', '-port 80', '+port 81', '']);
  t.equal(statSync(path).mode & 0o7777, 0o640, 'kept');

  const fourth = await notesOf(ensureFile(path, 'port 81\n', { mode: 0o4755 }));
  t.same(fourth.notes, ['changed: mode 4755 (was 0640)']);
  t.equal(statSync(path).mode & 0o7777, 0o4755);
  t.same(readdirSync(join(path, '..')), ['app.conf']);
});

t.test('check tells what would change, and changes nothing', async (t) => {
  const folder = t.testdir({ old: 'one\ntwo\n' });
  const { value, notes } = await notesOf(ensureFile(join(folder, 'old'), 'one\n2\n', { check: true, mode: 0o600 }));
  t.match(value, { changed: true, after: { size: 6, mode: 0o600 } });
  t.match(
    notes[0],
    /^would change: content, mode 0600 \(was 0\d+\)\n--- .*old\n\+\+\+ .*old\n@@ [^\n]*\n one\n-two\n\+2$/s,
  );
  t.equal(readFileSync(join(folder, 'old'), 'utf8'), 'one\ntwo\n');
  const none = await ensureFile(join(folder, 'none/new'), 'x\n', { check: true }).run();
  t.match(none, { changed: true, diff: /^--- \/dev\/null\n/ });
  t.notOk(existsSync(join(folder, 'none')));
});

t.test('a dry run starts nothing and tells what should be', async (t) => {
  const path = join(t.testdir(), 'new');
  const { value, notes, programs } = await notesOf(ensureFile(path, 'x', { mode: 0o644 }), { dryRun: true });
  t.same(value, { changed: false });
  t.same(notes, [`would ensure the file ${path}: 1 bytes, mode 0644`]);
  t.equal(programs, 0);
  t.notOk(existsSync(path));
});

t.test('all sorts of paths, also relative to the surrounding folder', async (t) => {
  const folder = t.testdir({ '-d': {} });
  const names = [
    'a b',
    "it's",
    '"q"',
    'new\nline',
    'ends\n',
    '-rf',
    '$(x)`y`\\',
    '☃',
    '*',
    '~',
    ' ',
    '!a',
    '=',
    '-d/-f',
  ];
  for (const name of names) {
    await within({ cwd: folder }, ensureFile(name, `in ${name}`)).run();
    t.equal(readFileSync(join(folder, name), 'utf8'), `in ${name}`, JSON.stringify(name));
    t.equal((await ensureFile(join(folder, name), `in ${name}`).run()).changed, false);
  }
});

t.test('any bytes', async (t) => {
  const path = join(t.testdir(), 'any');
  const put = async (bytes: Uint8Array) => {
    await ensureFile(path, bytes).run();
    t.ok(readFileSync(path).equals(bytes));
    t.equal((await ensureFile(path, bytes).run()).changed, false);
  };
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 50 }), put), { numRuns: 15 });
  await put(randomBytes(3_000_000));
});

t.test('cksum', async (t) => {
  const check = (bytes: Uint8Array) =>
    void t.equal(cksum(bytes), execFileSync('cksum', { input: bytes, encoding: 'utf8' }).trim());
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), check), { numRuns: 20 });
  check(randomBytes(70_000));
});

t.test('a host without sha256sum', async (t) => {
  const path = bin(t, {}, ['stat', 'wc', 'cat', 'cksum', 'rm', 'mv', 'chmod', 'chown', 'chgrp', 'readlink']);
  const file = join(t.testdir(), 'f');
  const there = (content: string) => within({ env: { PATH: path } }, ensureFile(file, content)).run();
  t.equal((await there('one')).changed, true);
  t.equal((await there('one')).changed, false);
  t.equal((await there('two')).changed, true);
  t.equal(readFileSync(file, 'utf8'), 'two');
});

t.test('links are followed', async (t) => {
  const folder = t.testdir({ real: { f: 'old' } });
  symlinkSync('real/f', join(folder, 'a'));
  symlinkSync('../b', join(folder, 'real/c'));
  symlinkSync('a', join(folder, 'b'));
  symlinkSync('real/none', join(folder, 'dangling'));
  await ensureFile(join(folder, 'real/c'), 'new').run();
  t.equal(readFileSync(join(folder, 'real/f'), 'utf8'), 'new');
  for (const link of ['a', 'b', 'real/c']) t.ok(lstatSync(join(folder, link)).isSymbolicLink());
  await ensureFile(join(folder, 'dangling'), 'there').run();
  t.equal(readFileSync(join(folder, 'real/none'), 'utf8'), 'there');
});

t.test('owner and group', { skip: !root }, async (t) => {
  const path = join(t.testdir(), 'f');
  writeFileSync(path, 'old');
  chownSync(path, 12, 34);
  chmodSync(path, 0o604);
  await ensureFile(path, 'new').run();
  t.match(statSync(path), { uid: 12, gid: 34 });
  t.equal(statSync(path).mode & 0o7777, 0o604);
  const { notes } = await notesOf(ensureFile(path, 'new', { owner: 'root', group: 0 }));
  t.match(notes[0], /^changed: owner root \(was .*\), group 0 \(was /);
  t.match(statSync(path), { uid: 0, gid: 0 });
  t.equal((await ensureFile(path, 'new', { owner: 0, group: 'root' }).run()).changed, false);
});

t.test('what fails says why, by its own name, and leaves nothing', async (t) => {
  const folder = t.testdir({ d: {}, f: 'x' });
  const cases: [string, RegExp][] = [
    ['d', /^ensureFile .*d: failed with exit code 1\n.*d: it is a folder$/],
    ['none/f', /none\/: no such folder$/],
    ['f/g', /f\/: no such folder$/],
  ];
  for (const [name, message] of cases)
    await t.rejects(ensureFile(join(folder, name), 'x').run(), { message, reason: { type: 'exit', exitCode: 1 } });
  await t.rejects(ensureFile('/dev/null', 'x').run(), { message: /it is no regular file/ });
  await t.rejects(ensureFile(join(folder, 'f'), 'new', { owner: 'nobody-of-that-name' }).run(), {
    message: /nobody-of-that-name/,
  });
  t.equal(readFileSync(join(folder, 'f'), 'utf8'), 'x');
  t.same(readdirSync(folder).sort(), ['d', 'f']);
  mkdirSync(join(folder, 'e'));
  const error = await ensureFile(join(folder, 'e'), 'x')
    .run()
    .catch((error: unknown) => error);
  t.ok(isRunError(error, 'exit') && error.spec?.type === 'ensureFile' && !error.message.includes('LC_ALL'));
});
