import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { move } from '../../lib/store/move.ts';
import { otherFileSystem } from './support.ts';

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
