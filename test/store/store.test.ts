import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { sha256 } from '../../lib/store/digest.ts';
import { atOnce } from '../../lib/store/paced.ts';
import { seal } from '../../lib/store/sealed.ts';
import { move, projectOf, Store, storeAt } from '../../lib/store/store.ts';
import { lacking } from '../missing.ts';
import { settled } from './settled.ts';

/** A store, and what it had to say. */
function rig(folder: string): { readonly store: Store; readonly told: string[]; warn(text: string): void } {
  const told: string[] = [];
  return { store: new Store(join(folder, '.sluice')), told, warn: (text) => void told.push(text) };
}

t.test('a store that was deleted doesn’t come back for what is known of files', async (t) => {
  const { store } = rig(t.testdir({ a: 'x' }));
  const file = join(store.folder, '..', 'a');
  settled(file);
  store.files.keep();
  await atOnce(store.files.digest(file));
  store.files.save();
  t.ok(existsSync(join(store.folder, 'digests')));
  rmSync(store.folder, { recursive: true });
  writeFileSync(file, 'y');
  settled(file);
  await atOnce(store.files.digest(file));
  store.files.save();
  t.notOk(existsSync(store.folder));
  const digest = store.putText('but for what is put into it');
  t.equal(
    store.getText(digest, () => {}),
    'but for what is put into it',
  );
});

t.test('texts come back by their digest, in one file however often they are put', async (t) => {
  const { store, told, warn } = rig(t.testdir());
  for (const text of ['', 'a', 'é\u2028\0', 'x'.repeat(3_000_000)]) {
    const digest = store.putText(text);
    t.equal(digest, sha256(text));
    t.equal(store.putText(text), digest);
    t.equal(store.getText(digest, warn), text);
  }
  t.equal(store.getText(sha256('never put'), warn), undefined);
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
    const digest = store.putText(text);
    const path = store.path('contents', digest);
    damage(path);
    t.equal(store.getText(digest, warn), undefined);
    t.equal(store.getText(digest, warn), undefined);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) continue;
    t.equal(store.putText(text), digest);
    t.equal(store.getText(digest, warn), text);
  }
  t.equal(new Set(told).size, told.length, 'once each');
  t.match(told[0], /^warning: .*contents.* can't be used: it is not what was written/);
});

t.test('what was cut short is put anew even if nobody has looked at it', async (t) => {
  const folder = t.testdir({ file: 'the content' });
  const { store, warn } = rig(folder);
  const digest = store.putText('the content');
  truncateSync(store.path('contents', digest), 0);
  store.putText('the content');
  t.equal(store.getText(digest, warn), 'the content');
  truncateSync(store.path('contents', digest), 0);
  await atOnce(store.putFile(join(folder, 'file'), digest));
  t.equal(store.getText(digest, warn), 'the content');
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
    await atOnce(store.putFile(file, digest));
    rmSync(file);
    const to = join(folder, 'new', 'folder', `${size}-${mode}`);
    t.equal(await atOnce(store.getFile(digest, to, (mode & 0o100) !== 0, warn)), true);
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
  await atOnce(store.putFile(join(folder, 'file'), digest));
  writeFileSync(store.path('contents', digest), 'tpek');
  t.equal(await atOnce(store.getFile(digest, join(folder, 'now'), false, warn)), false);
  t.equal(await atOnce(store.getFile(digest, join(folder, 'now'), false, warn)), false);
  t.equal(readFileSync(join(folder, 'now'), 'utf8'), 'mine');
  t.equal(told.length, 1);
  t.same(readdirSync(join(store.folder, 'tmp')), []);
});

t.test('JSON comes back; what is none of it is a miss with one warning', async (t) => {
  const { store, told, warn } = rig(t.testdir());
  t.equal(store.read('steps', 'a', warn), undefined);
  for (const value of [null, 0, '', false, { a: [1, { b: 'é' }] }]) {
    t.equal(store.write('steps', 'a', value, warn), true);
    t.same(store.read('steps', 'a', warn), value);
  }
  t.same(told, []);
  const whole = readFileSync(store.path('steps', 'a'), 'utf8');
  const damaged: Record<string, string> = {
    'is empty': '',
    'written by something else': 'hello\nworld',
    'written by something': seal('steps', '{"half'),
    'has format 2': whole.replace(' 1 ', ' 2 '),
    'is a labels, not a steps': seal('labels', '{}'),
    'is not what was written': whole.slice(0, -1),
    'not what was': whole.replace('é', 'e'),
  };
  for (const [index, [why, text]] of Object.entries(damaged).entries()) {
    writeFileSync(store.path('steps', String(index)), text);
    t.equal(store.read('steps', String(index), warn), undefined);
    t.equal(store.read('steps', String(index), warn), undefined);
    t.equal(told.length, index + 1, 'told once');
    t.match(told[index], why);
  }
  mkdirSync(store.path('steps', 'folder'));
  t.equal(store.read('steps', 'folder', warn), undefined);
  symlinkSync('loop', store.path('steps', 'loop'));
  t.equal(store.read('steps', 'loop', warn), undefined);
});

t.test('no byte of a sealed file can be changed, left out or added without being noticed', async (t) => {
  const { store, warn } = rig(t.testdir());
  store.write('steps', 'a', { some: 'value', list: [1, 2, 3] }, warn);
  const path = store.path('steps', 'a');
  const whole = readFileSync(path);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(2), fc.integer({ min: 1, max: 255 }), (at, kind, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = changed[at]! ^ byte;
      const bytes =
        kind === 0
          ? changed
          : kind === 1
            ? whole.subarray(0, at)
            : Buffer.concat([whole.subarray(0, at), Buffer.of(byte), whole.subarray(at)]);
      writeFileSync(path, bytes);
      return store.read('steps', 'a', warn) === undefined;
    }),
  );
});

t.test('a store that cannot be written says so once, and nothing fails', async (t) => {
  const folder = t.testdir({ '.sluice': 'a file' });
  const { store, told, warn } = rig(folder);
  t.equal(store.write('steps', 'a', 1, warn), false);
  t.equal(store.write('steps', 'b', 1, warn), false);
  t.equal(store.read('steps', 'a', warn), undefined);
  t.equal(told.length, 1);
  t.match(told[0], /can't be written: .*; nothing is remembered/);
  t.equal(readFileSync(join(folder, '.sluice'), 'utf8'), 'a file');
});

t.test('a store that is deleted while it is used is made again', async (t) => {
  const { store, told, warn } = rig(t.testdir());
  store.write('steps', 'a', 1, warn);
  rmSync(store.folder, { recursive: true });
  t.equal(store.write('steps', 'a', 2, warn), true);
  t.equal(store.read('steps', 'a', warn), 2);
  const digest = store.putText('text');
  t.equal(store.getText(digest, warn), 'text');
  rmSync(store.folder, { recursive: true });
  store.addLine('list', 'a');
  t.same(store.lines('list'), ['a']);
  t.same(told, []);
});

t.test('git leaves a store alone that is made again', async (t) => {
  const { store, warn } = rig(t.testdir());
  store.write('steps', 'a', 1, warn);
  rmSync(store.folder, { recursive: true });
  store.write('steps', 'a', 1, warn);
  t.ok(existsSync(join(store.folder, '.gitignore')));
});

t.test('lists grow by whole lines', async (t) => {
  const { store } = rig(t.testdir());
  t.same(store.lines('list'), []);
  store.addLine('list', 'a');
  store.addLine('list', 'b');
  t.same(store.lines('list'), ['a', 'b']);
  writeFileSync(store.path('scripts', 'list'), 'a\nb\nhalf of');
  t.same(store.lines('list'), ['a', 'b']);
  store.setLines('list', ['c']);
  t.same(store.lines('list'), ['c']);
});

t.test('a hit is noted on its file, for who cleans, and no oftener than is of use', async (t) => {
  const { store, warn } = rig(t.testdir());
  const digest = store.putText('text');
  const path = store.path('contents', digest);
  store.write('steps', 'a', 1, warn);
  const long = Math.floor(Date.now() / 1000) - 86_400;
  for (const old of [path, store.path('steps', 'a')]) utimesSync(old, long, long);
  store.read('steps', 'a', warn);
  t.equal(statSync(store.path('steps', 'a')).mtimeMs, long * 1000, 'who only looks does not use it');
  store.read('steps', 'a', warn, true);
  store.putText('text');
  for (const old of [path, store.path('steps', 'a')])
    t.ok(Date.now() - statSync(old).mtimeMs < 60_000, 'it was used now');
  const { mtimeMs } = statSync(path);
  store.putText('text');
  t.equal(statSync(path).mtimeMs, mtimeMs);
});

t.test('the project around a folder', async (t) => {
  // Outside of this one.
  const folder = mkdtempSync('/tmp/sluice-project-');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  mkdirSync(at('a/b/c/d'), { recursive: true });
  writeFileSync(at('a/b/package.json'), '{}');
  t.equal(projectOf(at('a/b/c/d')), at('a/b'));
  t.equal(projectOf(at('a/b')), at('a/b'));
  mkdirSync(at('a/b/c/.git'));
  t.equal(projectOf(at('a/b/c/d')), at('a/b/c'), 'the nearest');
  mkdirSync(at('a/.sluice'));
  t.equal(projectOf(at('a')), at('a'));
  t.equal(projectOf(at('a/b')), at('a/b'));
  t.equal(projectOf(at('none/of/it')), at('none/of/it'));
});

t.test('one object for a folder', async (t) => {
  const folder = t.testdir();
  t.equal(storeAt(join(folder, 'a')), storeAt(`${folder}/x/../a/`));
  t.not(storeAt(join(folder, 'a')), storeAt(join(folder, 'b')));
});

t.test('moving to another file system', { skip: otherFileSystem() }, async (t) => {
  const other = mkdtempSync('/dev/shm/sluice-');
  t.teardown(() => rmSync(other, { recursive: true }));
  const folder = t.testdir({ file: 'new', tree: { a: { b: '1' }, c: t.fixture('symlink', 'a/b') } });
  writeFileSync(join(other, 'file'), 'old');
  move(join(folder, 'file'), join(other, 'file'));
  move(join(folder, 'tree'), join(other, 'x', 'tree'));
  t.equal(readFileSync(join(other, 'file'), 'utf8'), 'new');
  t.equal(readFileSync(join(other, 'x', 'tree', 'c'), 'utf8'), '1');
  t.same(readdirSync(folder), []);
  t.same(readdirSync(other).sort(), ['file', 'x'], 'nothing is left beside it');
  writeFileSync(join(folder, 'file'), 'newer');
  mkdirSync(join(other, 'taken', 'by'), { recursive: true });
  t.throws(() => move(join(folder, 'file'), join(other, 'taken')));
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'newer', 'what cannot be moved stays');
  t.same(readdirSync(other).sort(), ['file', 'taken', 'x']);
});

t.test('a store on another file system than what it keeps', { skip: otherFileSystem() }, async (t) => {
  const other = mkdtempSync('/dev/shm/sluice-');
  t.teardown(() => rmSync(other, { recursive: true }));
  const folder = t.testdir({ file: 'content' });
  const { store, warn } = rig(other);
  const digest = sha256('content');
  await atOnce(store.putFile(join(folder, 'file'), digest));
  rmSync(join(folder, 'file'));
  t.equal(await atOnce(store.getFile(digest, join(folder, 'file'), true, warn)), true);
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'content');
  t.equal(statSync(join(folder, 'file')).mode & 0o777, 0o777 & ~process.umask());
  t.same(readdirSync(folder), ['file']);
});

function otherFileSystem(): string | false {
  const here = statSync(import.meta.dirname).dev;
  const there = statSync('/dev/shm', { throwIfNoEntry: false })?.dev;
  return there === undefined || there === here ? lacking('there is no other file system here') : false;
}
