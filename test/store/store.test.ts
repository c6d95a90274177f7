import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { atOnce } from '../../lib/store/paced.ts';
import { seal } from '../../lib/store/sealed.ts';
import { projectOf, storeAt } from '../../lib/store/store.ts';
import { rig, settled } from './support.ts';

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
  const digest = store.contents.putText('but for what is put into it');
  t.equal(
    store.contents.getText(digest, () => {}),
    'but for what is put into it',
  );
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
  const digest = store.contents.putText('text');
  t.equal(store.contents.getText(digest, warn), 'text');
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
  const digest = store.contents.putText('text');
  const path = store.contents.path(digest);
  store.write('steps', 'a', 1, warn);
  const long = Math.floor(Date.now() / 1000) - 86_400;
  for (const old of [path, store.path('steps', 'a')]) utimesSync(old, long, long);
  store.read('steps', 'a', warn);
  t.equal(statSync(store.path('steps', 'a')).mtimeMs, long * 1000, 'who only looks does not use it');
  store.read('steps', 'a', warn, true);
  store.contents.putText('text');
  for (const old of [path, store.path('steps', 'a')])
    t.ok(Date.now() - statSync(old).mtimeMs < 60_000, 'it was used now');
  const { mtimeMs } = statSync(path);
  store.contents.putText('text');
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
