// Files as inputs and outputs, of every kind.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  closeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { setInterval } from 'node:timers';
import t, { type Test } from 'tap';
import { dir, glob } from '../../../lib/advice/memo.ts';
import { program } from '../../../lib/runners/program.ts';
import type { Runner } from '../../../lib/kernel/index.ts';
import { projectIn, type Project } from './support.ts';

/** A program that counts its runs, with these inputs. */
const reads = (p: Project, inputs: readonly unknown[], more = {}): Runner<any> =>
  program('echo run >> runs', {}).with(p.memo({ inputs, ...more }));

/** Runs it, and says whether it ran. */
async function ran(t: Test, p: Project, step: Runner<any>): Promise<boolean> {
  const before = p.runs();
  const { error, notes } = await p.run(step);
  t.equal(error, undefined);
  const did = p.runs() > before;
  t.equal(notes.includes('unchanged'), !did);
  return did;
}

t.test('glob: added, removed, renamed, changed; dots and ignored ones not', async (t) => {
  const p = projectIn(t, { 'a.c': '1', 'b.c': '2', 'c.h': '3' });
  const step = reads(p, [glob(['**/*.c', '*.x'], { ignore: ['gen_*', 'skip/**'] })]);
  t.ok(await ran(t, p, step));
  t.notOk(await ran(t, p, step));
  const changes: [string, () => void, boolean][] = [
    ['changed', () => p.write('a.c', 'x'), true],
    ['another is changed', () => p.write('c.h', 'x'), false],
    ['added', () => p.write('n.c', ''), true],
    ['removed: as it was once', () => unlinkSync(p.path('n.c')), false],
    ['renamed', () => execFileSync('mv', [p.path('b.c'), p.path('d.c')]), true],
    ['in a folder', () => (mkdirSync(p.path('s/t'), { recursive: true }), p.write('s/t/e.c', '')), true],
    ['hidden', () => p.write('.h.c', ''), false],
    ['ignored', () => p.write('gen_a.c', ''), false],
    ['in an ignored folder', () => (mkdirSync(p.path('skip')), p.write('skip/a.c', '')), false],
    ['in node_modules', () => (mkdirSync(p.path('node_modules')), p.write('node_modules/a.c', '')), false],
    ['a link to nothing', () => symlinkSync('nothing', p.path('l.c')), false],
    ['that leads somewhere now', () => p.write('nothing', ''), true],
    ['which is changed', () => p.write('nothing', '1'), true],
    ['a name with a line end', () => p.write('x\ny.c', ''), true],
    ['a long name', () => p.write(`${'n'.repeat(250)}.c`, ''), true],
    ['made executable', () => chmodSync(p.path('a.c'), 0o755), true],
  ];
  for (const [what, change, runs] of changes) {
    change();
    t.equal(await ran(t, p, step), runs, what);
    t.notOk(await ran(t, p, step), what);
  }
  const dots = reads(p, [glob('*.c', { dot: true })]);
  await ran(t, p, dots);
  p.write('.h.c', 'x');
  t.ok(await ran(t, p, dots));
  t.ok(await ran(t, p, reads(p, [glob('none-*')])), 'none is none, not an error');
  p.write('none-1', '');
  t.ok(await ran(t, p, reads(p, [glob('none-*')])));
});

t.test('glob that takes in an output of its own is refused', async (t) => {
  const p = projectIn(t, { 'a.c': '1' });
  const step = program('cat a.c > b.c').with(p.memo({ inputs: [glob('*.c')], outputs: ['b.c'] }));
  t.equal((await p.run(step)).error, undefined, 'it is not there yet');
  t.match((await p.run(step)).error, {
    name: 'TypeError',
    message: /takes in the output .*b\.c; leave it out with ignore/,
  });
});

t.test('folders: all that is in them, at any depth; the store is passed over', async (t) => {
  const p = projectIn(t, { a: '1' });
  mkdirSync(p.path('d/e'), { recursive: true });
  p.write('d/e/f', '');
  const step = program('true', { cwd: p.path('d') }).with(p.memo({ inputs: [dir('.')] }));
  const whole = program('true').with(p.memo({ inputs: [dir('.')] }));
  for (const one of [step, whole]) {
    await p.run(one);
    t.same((await p.run(one)).notes, ['unchanged']);
  }
  const changes: (() => void)[] = [
    () => p.write('d/e/f', 'x'),
    () => mkdirSync(p.path('d/empty')),
    () => p.write('d/e/new', ''),
    () => chmodSync(p.path('d/e/new'), 0o700),
    () => symlinkSync('f', p.path('d/e/link')),
    () => (unlinkSync(p.path('d/e/link')), symlinkSync('new', p.path('d/e/link'))),
    () => rmSync(p.path('d/e'), { recursive: true }),
    () => p.write('d/\n', ''),
  ];
  for (const [index, change] of changes.entries()) {
    change();
    t.match((await p.run(whole)).notes, [/^runs: input .* changed/], `${index}`);
    t.same((await p.run(whole)).notes, ['unchanged'], `${index}`);
  }
});

t.test('links: what they lead to', async (t) => {
  const p = projectIn(t, { a: '1', b: '3' });
  symlinkSync('a', p.path('link'));
  const step = reads(p, ['link']);
  t.ok(await ran(t, p, step));
  p.write('a', '2');
  t.ok(await ran(t, p, step));
  unlinkSync(p.path('link'));
  symlinkSync('b', p.path('link'));
  t.ok(await ran(t, p, step));
  p.write('a', '1');
  t.notOk(await ran(t, p, step));
  unlinkSync(p.path('link'));
  symlinkSync('nowhere', p.path('link'));
  t.match((await p.run(step)).error, {
    reason: { type: 'file', path: p.path('link') },
    message: /link does not exist; nothing was started/,
  });
  unlinkSync(p.path('link'));
  symlinkSync('link', p.path('link'));
  t.match((await p.run(step)).error, { reason: { type: 'file' }, message: /link can't be read.*ELOOP/s });
});

t.test('what is neither file nor folder is an error at once, as input and output', async (t) => {
  const p = projectIn(t);
  execFileSync('mkfifo', [p.path('pipe')]);
  const server = createServer();
  const short = mkdtempSync(`${tmpdir()}/memo-`);
  await new Promise<void>((resolve) => server.listen(`${short}/sock`, resolve));
  t.teardown(() => (server.close(), rmSync(short, { recursive: true })));
  mkdirSync(p.path('d'));
  execFileSync('mkfifo', [p.path('d/pipe')]);
  for (const path of ['pipe', `${short}/sock`, '/dev/null', '/dev/zero', 'd']) {
    const { error } = await p.run(reads(p, [path]));
    t.match(
      error,
      { reason: { type: 'file' }, message: /its input .* can't be read.*neither a file nor a folder/s },
      path,
    );
    const writes = await p.run(reads(p, [], { outputs: [path] }));
    t.match(
      writes.error,
      { reason: { type: 'file' }, message: /its output .* can't be read.*neither a file nor a folder/s },
      path,
    );
  }
  t.match(await p.run(reads(p, [glob('pip*')])), {});
  t.equal(p.runs() <= 1, true);
  const makes = program('mkfifo new').with(p.memo({ outputs: ['new'] }));
  t.match((await p.run(makes)).error, { reason: { type: 'file' }, message: /its output .*new can't be read/ });
  t.notOk(p.has('new'), 'it went out of the way');
  t.same(p.locks(), []);
});

t.test('names that are no UTF-8 are never overlooked', async (t) => {
  const p = projectIn(t, { a: '' });
  mkdirSync(p.path('d'));
  const odd = Buffer.concat([Buffer.from(`${p.path('d')}/`), Buffer.from([0x61, 0xff])]);
  writeFileSync(odd, '1');
  const step = reads(p, ['d']);
  t.match((await p.run(step)).error, { reason: { type: 'file' }, message: /not UTF-8/ });
  t.match((await p.run(reads(p, [glob('d/*')]))).error, { reason: { type: 'file' }, message: /not UTF-8/ });
  unlinkSync(odd);
  p.write('d/\uFFFD', '1');
  t.ok(await ran(t, p, step));
  t.notOk(await ran(t, p, step));
});

t.test('what cannot be read, and what is missing', async (t) => {
  const p = projectIn(t);
  t.match((await p.run(reads(p, ['none']))).error, {
    reason: { type: 'file' },
    message: /input .*none does not exist; nothing was started/,
  });
  t.match((await p.run(reads(p, ['none/../../none/x']))).error, { reason: { type: 'file' } });
  t.match((await p.run(reads(p, ['package.json/x']))).error, { reason: { type: 'file' } });
  t.match((await p.run(reads(p, ['n'.repeat(300)]))).error, { reason: { type: 'file' }, message: /ENAMETOOLONG/ });
  t.match((await p.run(reads(p, ['/proc/self/mem']))).error, { reason: { type: 'file' } });
  t.match((await p.run(reads(p, [], { outputs: ['package.json/x'] }))).error, {
    reason: { type: 'file' },
    message: /nothing was started/,
  });
  t.equal(p.runs(), 0);
});

t.test('files of no bytes, and of many: the loop turns meanwhile', async (t) => {
  const p = projectIn(t, { empty: '' });
  closeSync(openSync(p.path('big'), 'w'));
  truncateSync(p.path('big'), 300 * 1024 * 1024);
  const step = reads(p, ['empty', 'big']);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  t.ok(await ran(t, p, step));
  clearInterval(timer);
  t.ok(turns >= 5, `${turns} turns`);
  t.notOk(await ran(t, p, step));
  p.write('empty', '1');
  t.ok(await ran(t, p, step));
});

t.test('outputs: folders, links, executables', async (t) => {
  const p = projectIn(t, { a: '1' });
  const step = program(
    'echo run >> runs; mkdir -p d/e; cat a > d/e/f; ln -sf e d/l; ln -sf a link; printf "#!/bin/sh\\n" > x; chmod +x x',
  ).with(p.memo({ inputs: ['a'], outputs: ['d', 'link', 'x'] }));
  t.ok(await ran(t, p, step));
  t.notOk(await ran(t, p, step));
  const changes: (() => void)[] = [
    () => p.write('d/e/f', 'x'),
    () => p.write('d/extra', 'x'),
    () => (unlinkSync(p.path('link')), symlinkSync('x', p.path('link'))),
    () => chmodSync(p.path('x'), 0o644),
    () => rmSync(p.path('d'), { recursive: true }),
  ];
  for (const [index, change] of changes.entries()) {
    change();
    t.ok(await ran(t, p, step), `${index}`);
  }
  const none = program('true', { label: 'none' }).with(p.memo({ outputs: ['sub/never'] }));
  t.match((await p.run(none)).error, {
    reason: { type: 'file', path: p.path('sub/never') },
    message: /sub\/never was declared as an output, and is not there/,
  });
});

t.test('an input that is gone afterwards: done, but not remembered', async (t) => {
  const p = projectIn(t, { a: '1' });
  const { error, notes } = await p.run(program('rm a').with(p.memo({ inputs: ['a'] })));
  t.equal(error, undefined);
  t.match(notes, [/^not remembered: while it ran, .*a does not exist/]);
});

t.test('globs that differ in nothing but dots or blanks are two', async (t) => {
  const p = projectIn(t, { '.h.c': '1', 'v.c': '1', 'a b': '1', a: '1', b: '1' });
  const step = reads(p, [glob('*.c', { dot: true }), glob('*.c'), glob('a b'), glob(['a', 'b'])]);
  t.ok(await ran(t, p, step));
  for (const name of ['.h.c', 'v.c', 'a b', 'a']) {
    p.write(name, '2');
    t.ok(await ran(t, p, step), name);
  }
});
