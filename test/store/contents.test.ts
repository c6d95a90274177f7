import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sha256 } from '../../lib/store/digest.ts';
import { atOnce } from '../../lib/store/paced.ts';
import { otherFileSystem, rig } from './support.ts';

t.test('texts come back by their digest, in one file however often they are put', async (t) => {
  const { store, told, warn } = rig(t.testdir());
  for (const text of ['', 'a', 'é\u2028\0', 'x'.repeat(3_000_000)]) {
    const digest = store.contents.putText(text);
    t.equal(digest, sha256(text));
    t.equal(store.contents.putText(text), digest);
    t.equal(store.contents.getText(digest, warn), text);
  }
  t.equal(store.contents.getText(sha256('never put'), warn), undefined);
  t.same(told, []);
  t.same(readdirSync(join(store.folder, 'tmp')), []);
  t.equal(readFileSync(join(store.folder, '.gitignore'), 'utf8'), '*\n');
});

t.test('damaged content is a miss, told of once, and can be put again', async (t) => {
  const { store, told, warn } = rig(t.testdir());
  for (const [index, damage] of [
    (path: string) => truncateSync(path, 3),
    (path: string) => writeFileSync(path, ''),
    (path: string) => writeFileSync(path, 'other!'),
    (path: string) => (rmSync(path), mkdirSync(path)),
  ].entries()) {
    const text = `text ${index}`;
    const digest = store.contents.putText(text);
    const path = store.contents.path(digest);
    damage(path);
    t.equal(store.contents.getText(digest, warn), undefined);
    t.equal(store.contents.getText(digest, warn), undefined);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) continue;
    t.equal(store.contents.putText(text), digest);
    t.equal(store.contents.getText(digest, warn), text);
  }
  t.equal(new Set(told).size, told.length, 'once each');
  t.match(told[0], /^warning: .*contents.* can't be used: it is not what was written/);
});

t.test('what was cut short is put anew even if nobody has looked at it', async (t) => {
  const folder = t.testdir({ file: 'the content' });
  const { store, warn } = rig(folder);
  const digest = store.contents.putText('the content');
  truncateSync(store.contents.path(digest), 0);
  store.contents.putText('the content');
  t.equal(store.contents.getText(digest, warn), 'the content');
  truncateSync(store.contents.path(digest), 0);
  await atOnce(store.contents.putFile(join(folder, 'file'), digest));
  t.equal(store.contents.getText(digest, warn), 'the content');
});

t.test('files are kept and put back whole, with their mode, small ones and large ones', async (t) => {
  const folder = t.testdir();
  const { store, told, warn } = rig(folder);
  for (const [size, mode] of [
    [0, 0o644],
    [10, 0o755],
    [3_000_000, 0o600],
    [3_000_000, 0o400],
  ] as const) {
    const file = join(folder, `${size}-${mode}`);
    writeFileSync(file, Buffer.alloc(size, mode));
    chmodSync(file, mode);
    const digest = (await atOnce(store.files.digest(file))).slice(1);
    await atOnce(store.contents.putFile(file, digest));
    rmSync(file);
    const to = join(folder, 'new', 'folder', `${size}-${mode}`);
    t.equal(await atOnce(store.contents.getFile(digest, to, (mode & 0o100) !== 0, warn)), true);
    t.equal(sha256(readFileSync(to)), digest);
    t.equal(statSync(to).mode & 0o777, ((mode & 0o100) === 0 ? 0o666 : 0o777) & ~process.umask());
  }
  t.same(told, []);
  t.same(readdirSync(join(store.folder, 'tmp')), []);
});

t.test('a damaged file is never put back, and what is there stays', async (t) => {
  const folder = t.testdir({ file: 'kept', now: 'mine' });
  const { store, told, warn } = rig(folder);
  const digest = sha256('kept');
  await atOnce(store.contents.putFile(join(folder, 'file'), digest));
  writeFileSync(store.contents.path(digest), 'tpek');
  t.equal(await atOnce(store.contents.getFile(digest, join(folder, 'now'), false, warn)), false);
  t.equal(await atOnce(store.contents.getFile(digest, join(folder, 'now'), false, warn)), false);
  t.equal(readFileSync(join(folder, 'now'), 'utf8'), 'mine');
  t.equal(told.length, 1);
  t.same(readdirSync(join(store.folder, 'tmp')), []);
});

t.test('a store on another file system than what it keeps', { skip: otherFileSystem() }, async (t) => {
  const other = mkdtempSync('/dev/shm/sluice-');
  t.teardown(() => rmSync(other, { recursive: true }));
  const folder = t.testdir({ file: 'content' });
  const { store, warn } = rig(other);
  const digest = sha256('content');
  await atOnce(store.contents.putFile(join(folder, 'file'), digest));
  rmSync(join(folder, 'file'));
  t.equal(await atOnce(store.contents.getFile(digest, join(folder, 'file'), true, warn)), true);
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'content');
  t.equal(statSync(join(folder, 'file')).mode & 0o777, 0o777 & ~process.umask());
  t.same(readdirSync(folder), ['file']);
});
