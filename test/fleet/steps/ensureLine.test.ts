import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { ensureLine, type EnsureLineOptions } from '../../../lib/fleet/steps/ensureLine.ts';
import { missing } from '../../missing.ts';
import '../../support.ts';
import { bin, notesOf } from './support.ts';

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => ensureLine('', 'x'), /ensureLine: the path is the string ""/],
    [() => ensureLine('f', 'a\nb'), /line has a newline or a NUL/],
    [() => ensureLine('f', 1 as never), /line is a text, not the number 1/],
    [() => ensureLine('f', 'x', { match: /x/ as never }), /match is a text that grep -E takes, not a RegExp/],
    [() => ensureLine('f', 'x', { match: '' }), /match is empty/],
    [() => ensureLine('f', 'x', { after: 'a\nb' }), /after has a newline/],
    [() => ensureLine('f', 'x', { absent: 1 as never }), /absent is true or false/],
    [() => ensureLine('f', 'x', { absent: true, create: true }), /what is absent comes after nothing/],
    [() => ensureLine('f', 'x', { matches: 'x' } as never), /unknown option matches/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

t.test('what becomes of a file', async (t) => {
  const path = join(t.testdir(), 'f');
  const cases: [before: string, line: string, EnsureLineOptions, after: string, note: string][] = [
    ['', 'a', {}, 'a\n', 'changed: a line added'],
    ['a\n', 'a', {}, 'a\n', 'ok'],
    ['a', 'a', {}, 'a', 'ok'],
    ['b', 'a', {}, 'b\na\n', 'changed: a line added'],
    ['ab\n', 'a', {}, 'ab\na\n', 'changed: a line added'],
    ['a.c\n', 'a.c', {}, 'a.c\n', 'ok'],
    ['abc\n', 'a.c', {}, 'abc\na.c\n', 'changed: a line added'],
    ['#x 1\ny\n', 'x 2', { match: '^#?x ' }, 'x 2\ny\n', 'changed: a line replaced'],
    ['x 1\nx 1\ny', 'x 2', { match: '^x' }, 'x 1\nx 2\ny', 'changed: a line replaced'],
    ['y\nx 1', 'x 2', { match: '^x' }, 'y\nx 2\n', 'changed: a line replaced'],
    ['x 2\ny\n', 'x 2', { match: '^x' }, 'x 2\ny\n', 'ok'],
    ['z\ny\n', 'z', { match: '^x' }, 'z\ny\n', 'ok'],
    ['z\ny\n', 'x 2', { match: '^x' }, 'z\ny\nx 2\n', 'changed: a line added'],
    ['xx\n', '-e', { match: '^x{2}$' }, '-e\n', 'changed: a line replaced'],
    ['[a]\n[b]\n', 'k', { after: '^\\[a\\]' }, '[a]\nk\n[b]\n', 'changed: a line added'],
    ['a\nb', 'k', { after: 'b' }, 'a\nb\nk\n', 'changed: a line added'],
    ['a\n', 'k', { after: 'none' }, 'a\nk\n', 'changed: a line added'],
    ['a\nb\na\n', 'a', { absent: true }, 'b\n', 'changed: 2 lines removed'],
    ['a\n', 'a', { absent: true }, '', 'changed: a line removed'],
    ['ab\n', 'a', { absent: true }, 'ab\n', 'ok'],
    ['ab\nc', '', { match: '^a', absent: true }, 'c\n', 'changed: a line removed'],
    ['a\n\n', '', {}, 'a\n\n', 'ok'],
    ['a\n', '\\n\\c%s$(x)`y`\'"', {}, 'a\n\\n\\c%s$(x)`y`\'"\n', 'changed: a line added'],
    ['é\n', 'ü', { match: '^é$' }, 'ü\n', 'changed: a line replaced'],
  ];
  for (const [before, line, options, after, note] of cases) {
    const name = JSON.stringify([before, line, options]);
    writeFileSync(path, before);
    const check = await ensureLine(path, line, { ...options, check: true }).run();
    t.equal(readFileSync(path, 'utf8'), before, 'only looked at');
    const { value, notes, programs } = await notesOf(ensureLine(path, line, options));
    t.equal(readFileSync(path, 'utf8'), after, name);
    t.same(notes, [note], name);
    t.same(check, value, `${name}: what was told is what was done`);
    t.equal(programs, note === 'ok' ? 1 : 2);
    if (note !== 'ok') t.equal(patched(before, value.diff!), after, `${name}: the diff tells it`);
    t.equal((await ensureLine(path, line, options).run()).changed, false, `${name}: once`);
  }
  t.same(readdirSync(join(path, '..')), ['f']);
});

/** What `patch` makes of a text. */
function patched(text: string, diff: string): string {
  const folder = t.testdir({ f: text, d: diff });
  execFileSync('patch', ['-s', '-o', join(folder, 'out'), join(folder, 'f'), join(folder, 'd')]);
  const out = join(folder, 'out');
  return existsSync(out) ? readFileSync(out, 'utf8') : '';
}

t.test('any lines', async (t) => {
  const path = join(t.testdir(), 'f');
  const line = fc.stringMatching(/^[ab\\$'"* -]{0,4}$/);
  const run = async (lines: string[], ends: boolean, one: string, absent: boolean) => {
    const before = lines.join('\n') + (ends && lines.length > 0 ? '\n' : '');
    writeFileSync(path, before);
    await ensureLine(path, one, { absent }).run();
    const all = before === '' ? [] : before.replace(/\n$/, '').split('\n');
    const has = all.includes(one);
    const after = absent ? all.filter((other) => other !== one) : has ? all : [...all, one];
    const same = has === !absent;
    t.equal(readFileSync(path, 'utf8'), same ? before : after.map((one) => `${one}\n`).join(''));
  };
  await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 5 }), fc.boolean(), line, fc.boolean(), run), {
    numRuns: 25,
  });
});

t.test('the file stays what it was', async (t) => {
  const folder = t.testdir({ f: 'a\n' });
  chmodSync(join(folder, 'f'), 0o604);
  symlinkSync('f', join(folder, 'link'));
  const value = await ensureLine(join(folder, 'link'), 'b', { match: 'a' }).run();
  t.match(value, { before: 'a', after: 'b', changed: true });
  t.equal(readFileSync(join(folder, 'f'), 'utf8'), 'b\n');
  t.equal(statSync(join(folder, 'f')).mode & 0o777, 0o604);
  t.same(readdirSync(folder).sort(), ['f', 'link']);
});

t.test('a file that is missing', async (t) => {
  const path = join(t.testdir(), 'f');
  await t.rejects(ensureLine(path, 'a').run(), {
    message: /^ensureLine .*f: failed with exit code 1\n.*no such file$/,
  });
  t.equal((await ensureLine(path, 'a', { absent: true }).run()).changed, false);
  t.match(await ensureLine(path, 'a', { create: true }).run(), { changed: true, diff: /^--- \/dev\/null/ });
  t.equal(readFileSync(path, 'utf8'), 'a\n');
  t.equal(statSync(path).mode & 0o777, 0o666 & ~process.umask());
});

t.test('what fails says why', async (t) => {
  const folder = t.testdir({ d: {}, f: 'a\n', zero: 'a\0b\n' });
  await t.rejects(ensureLine(join(folder, 'd'), 'a').run(), { message: /it is a folder/ });
  await t.rejects(ensureLine(join(folder, 'zero'), 'a').run(), { message: /it is no text/ });
  await t.rejects(ensureLine(join(folder, 'f'), 'a', { match: '(a' }).run(), { message: /[Uu]nmatched|parenthes/ });
});

t.test('a file that grows while it is looked at is a text all the same', async (t) => {
  const path = join(t.testdir({ f: 'a\n' }), 'f');
  const PATH = bin(t, { tr: `echo more >>'${path}'; PATH=/usr/bin:/bin; exec tr "$@"` });
  const env = { PATH: `${PATH}:${process.env['PATH']}` };
  t.equal((await within({ env }, ensureLine(path, 'b')).run()).changed, true);
  t.equal(readFileSync(path, 'utf8'), 'a\nmore\nmore\nb\n');
});

t.test('several at once lose none', { skip: missing('flock') }, async (t) => {
  const path = join(t.testdir({ f: 'a\n' }), 'f');
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  await Promise.all(lines.map((line) => ensureLine(path, line).run()));
  t.same(readFileSync(path, 'utf8').trimEnd().split('\n').sort(), ['a', ...lines].sort());
});

t.test('a dry run', async (t) => {
  const { notes, programs } = await notesOf(ensureLine('/f', 'a', { match: 'b', absent: true }), { dryRun: true });
  t.same([notes, programs], [['would ensure that /f has no line "b"'], 0]);
  t.same((await notesOf(ensureLine('/f', 'a b'), { dryRun: true })).notes, ['would ensure /f has the line "a b"']);
});
