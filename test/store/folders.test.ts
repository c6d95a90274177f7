import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

t.test('a host gives a name, not a path', (t) => {
  t.equal(fileNameOf('web01.example'), 'web01.example');
  for (const name of ['..', '.', '../up', '/etc', '.hidden']) t.notMatch(fileNameOf(name), /^\.|\//, name);
  t.end();
});
