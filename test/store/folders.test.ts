import fs, { existsSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import t from 'tap';
import { fileNameOf, makeFolders } from '../../lib/store/folders.ts';

t.test('folders are made with those around them', (t) => {
  const folder = t.testdir({ file: '' });
  makeFolders(join(folder, 'a/b/c'));
  makeFolders(join(folder, 'a/b/c'));
  t.ok(existsSync(join(folder, 'a/b/c')));
  t.throws(() => makeFolders(join(folder, 'file')), { code: 'EEXIST' });
  t.throws(() => makeFolders(join(folder, 'file/x')), { code: 'ENOTDIR' });
  if (existsSync('/proc/self')) t.throws(() => makeFolders('/proc/x/y'), { code: 'ENOENT' });
  writeFileSync(join(folder, 'a/b/c/x'), '');
  t.end();
});

t.test('others make and delete the folders around it at the same time', (t) => {
  const { mkdirSync } = fs;
  t.teardown(() => {
    fs.mkdirSync = mkdirSync;
    syncBuiltinESMExports();
  });
  const root = t.testdir();
  // What another does between our call, which fails so, and our look at why.
  for (const [name, code, act] of [
    ['a', 'ENOENT', (path: string) => mkdirSync(dirname(path))],
    ['b', 'EEXIST', (path: string) => rmSync(path, { recursive: true })],
  ] as const) {
    const path = join(root, name, 'x');
    if (code === 'EEXIST') mkdirSync(path, { recursive: true });
    let acted = 0;
    fs.mkdirSync = ((at: string) => {
      try {
        mkdirSync(at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === code && acted++ === 0) act(path);
        throw error;
      }
    }) as typeof mkdirSync;
    syncBuiltinESMExports();
    makeFolders(path);
    t.ok(acted > 0);
    t.ok(existsSync(path));
  }
  t.end();
});

t.test('a host gives a name, not a path', (t) => {
  t.equal(fileNameOf('web01.example'), 'web01.example');
  for (const name of ['..', '.', '../up', '/etc', '.hidden']) t.notMatch(fileNameOf(name), /^\.|\//, name);
  t.end();
});
