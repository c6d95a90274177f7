import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { enter, lookAt } from '../../lib/cli/paths.ts';

t.test('what stands at a path is told; nothing is undefined', async (t) => {
  const folder = t.testdir({ file: 'x' });
  t.equal(lookAt(folder, 'it')?.isDirectory(), true);
  t.equal(lookAt(join(folder, 'file'), 'it')?.isFile(), true);
  t.equal(lookAt(join(folder, 'other'), 'it'), undefined);
  t.equal(lookAt(join(folder, 'file', 'below'), 'it'), undefined);
});

t.test('what can not be looked at or entered is a usage error that names it', async (t) => {
  const folder = t.testdir({});
  symlinkSync('b', join(folder, 'a'));
  symlinkSync('a', join(folder, 'b'));
  const told = { name: 'UsageError' };
  t.throws(() => lookAt(join(folder, 'a'), 'my.ts'), {
    ...told,
    message: "my.ts can't be reached: its symbolic links go in a circle",
  });
  t.throws(() => lookAt(join(folder, 'x'.repeat(300)), '--cwd: x'), {
    ...told,
    message: /^--cwd: x can't be reached: the name is too long/,
  });
  t.throws(() => enter(join(folder, 'a'), '--cwd: a'), {
    ...told,
    message: /^--cwd: a can't be reached: its symbolic/,
  });
  t.throws(() => enter(join(folder, 'none'), '--cwd: none'), {
    ...told,
    message: /^--cwd: none can't be reached: ENOENT/,
  });
});

t.test('a folder that this user may not enter is a usage error', async (t) => {
  const folder = t.testdir({});
  const locked = join(folder, 'locked');
  mkdirSync(locked, { mode: 0 });
  const isRoot = process.getuid!() === 0; // which may enter everything
  if (isRoot) process.seteuid!(65534);
  try {
    t.throws(() => lookAt(join(locked, 'file'), 'file'), { name: 'UsageError', message: /may not be entered/ });
    t.throws(() => enter(locked, '--cwd: locked'), { name: 'UsageError', message: /may not be entered/ });
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});
