import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inFolder, readSealed, seal, temporaryIn, writeAtomically } from '../../lib/store/sealed.ts';

t.test('what was sealed is read again, as that kind only', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  t.equal(readSealed('steps', path), 'missing');
  t.equal(readSealed('steps', join(path, 'below')), 'missing');
  for (const text of ['', 'text', 'two\nlines\n', '\u2028é\0']) {
    writeFileSync(path, seal('steps', text));
    t.match(readSealed('steps', path), { text });
    t.same(readSealed('labels', path), { damage: 'it is a steps, not a labels' });
    t.equal(readSealed('steps', join(path, 'below')), 'missing', 'a file where a folder would be');
  }
});

t.test('what cannot be read is damage', async (t) => {
  // Root may read whatever has no permission; nobody reads a folder.
  t.match(readSealed('steps', t.testdir({})), { damage: /EISDIR/ });
});

t.test('a file is written aside and put in place; what fails leaves nothing', async (t) => {
  const folder = t.testdir({ old: 'old' });
  const aside = join(folder, 'aside');
  writeAtomically(join(folder, 'old'), 'new', aside);
  writeAtomically(join(folder, 'in', 'a', 'folder'), Buffer.from('bytes'), aside);
  t.equal(readFileSync(join(folder, 'old'), 'utf8'), 'new');
  t.equal(readFileSync(join(folder, 'in', 'a', 'folder'), 'utf8'), 'bytes');
  mkdirSync(join(folder, 'taken', 'by'), { recursive: true });
  t.throws(() => writeAtomically(join(folder, 'taken'), 'x', aside));
  t.same(readdirSync(aside), []);
});

t.test('readers see the old file or the new one', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  for (let i = 0; i < 200; i++) {
    writeAtomically(path, seal('steps', String(i).repeat(1000)), join(folder, 'aside'));
    t.match(readSealed('steps', path), { text: String(i).repeat(1000) });
  }
});

t.test('names of files that are being made differ', async (t) => {
  const names = new Set(Array.from({ length: 1000 }, () => temporaryIn('x')));
  t.equal(names.size, 1000);
});

t.test('a folder is made where it is missing, and other errors are told', async (t) => {
  const folder = join(t.testdir(), 'a', 'b');
  t.equal(
    inFolder(folder, () => readdirSync(folder).length),
    0,
  );
  t.throws(() => inFolder(folder, () => writeFileSync(folder, '')), { code: 'EISDIR' });
});
