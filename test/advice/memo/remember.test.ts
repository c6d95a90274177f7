// A store that is damaged, foreign, in the way or can't be written: work is done, right, and told of once.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { amend } from '../../../lib/advice/memo.ts';
import { task } from '../../../lib/compose/task.ts';
import { program } from '../../../lib/runners/program.ts';
import { seal } from '../../../lib/store/sealed.ts';
import { filesIn, projectIn, type Project } from './support.ts';

/** Steps of all kinds, and whether what they give is right. */
async function everything(p: Project, t: Test): Promise<readonly string[]> {
  const steps = [
    program('cat a > o; echo said').with(p.memo({ inputs: ['a'], outputs: ['o'], keep: true })),
    program('mkdir -p d/e; cat a > d/e/f; ln -sf f d/e/l').with(p.memo({ inputs: ['a'], outputs: ['d'], keep: true })),
    task(() => ({ text: 'x'.repeat(20_000) })).with(p.memo({ key: 'long' })),
    program('cat a; seq 3000').with(p.memo({ inputs: ['a'] })),
    task(function* () {
      yield* amend({ inputs: ['a'], outputs: ['m'] });
      yield* program('cat a > m');
    }).with(p.memo({ key: 'amends' })),
    program('echo fails > bad; exit 1').with(p.memo({ outputs: ['bad'] })),
  ];
  const { value: _, ...rest } = await p.run(steps, { scope: 's', clean: true });
  const a = p.read('a');
  t.equal(p.read('o'), a);
  t.equal(p.read('d/e/l'), a);
  t.equal(p.read('m'), a);
  t.match(rest.error, { reason: { exitCode: 1 } });
  const again = await p.run(steps.slice(0, 5));
  t.equal(again.error, undefined);
  const three = await p.run(steps[3]!);
  t.equal(three.value.stdout.split('\n')[0], `${a}1`);
  t.equal((await p.run(steps[2]!)).value.text.length, 20_000);
  return [...rest.notes, ...again.notes, ...three.notes].filter((text) => text.startsWith('warning'));
}

t.test('files flipped, cut, emptied, swapped, of other formats: never a wrong value, never an error', async (t) => {
  const real = projectIn(t, { a: 'one' }, '.real');
  t.same(await everything(real, t), []);
  const files = filesIn(real.store).filter((name) => name !== '.gitignore');
  t.ok(files.length > 10);
  let n = 0;
  const damage = fc.record({
    file: fc.nat(files.length - 1),
    other: fc.nat(files.length - 1),
    how: fc.constantFrom('flip', 'cut', 'empty', 'swap', 'append', 'newer', 'foreign', 'folder', 'gone'),
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('one', 'two'),
      async (all, a) => {
        const store = `.copy${n++}`;
        const p = { ...projectAt(real, store) };
        cpSync(real.store, p.store, { recursive: true });
        for (const { file, other, how, at } of all) {
          const path = join(p.store, files[file]!);
          const bytes = readFileSync(join(real.store, files[file]!));
          rmSync(path, { recursive: true, force: true });
          if (how === 'gone') continue;
          if (how === 'folder') mkdirSync(path);
          else if (how === 'swap') cpSync(join(real.store, files[other]!), path);
          else writeFileSync(path, how === 'empty' ? '' : how === 'foreign' ? 'PK\x03\x04 foreign' : bytes);
          const place = Math.floor(bytes.length * at);
          if (how === 'cut') truncateSync(path, place);
          else if (how === 'append') writeFileSync(path, 'x', { flag: 'a' });
          else if (how === 'newer')
            writeFileSync(path, bytes.toString('latin1').replace(/^(sluice \w+) 1 /, '$1 2 '), 'latin1');
          else if (how === 'flip' && bytes.length > 0) {
            bytes[place]! ^= 1 << (place % 8);
            writeFileSync(path, bytes);
          }
        }
        for (const name of ['o', 'd', 'm']) rmSync(p.path(name), { recursive: true, force: true });
        p.write('a', a);
        await everything(p, t);
        rmSync(p.store, { recursive: true });
      },
    ),
    { numRuns: 40 },
  );
});

function projectAt(real: Project, store: string): Project {
  const folder = resolve(real.folder, store);
  return { ...real, store: folder, memo: (options = {}) => real.memo({ ...options, store: folder }) };
}

t.test('sealed nonsense', async (t) => {
  const p = projectIn(t, { a: '1' });
  const step = program('echo run >> runs; cat a').with(p.memo({ inputs: ['a'] }));
  await p.run(step);
  const [name] = p.stored().filter((one) => one.startsWith('steps/'));
  const path = join(p.store, name!);
  const good = JSON.parse(readFileSync(path, 'utf8').split('\n').slice(1).join('\n'));
  const [entry] = good.entries;
  const bad = [
    'null',
    '1',
    '[]',
    '{}',
    '{"entries":1}',
    { ...good, entries: [null, 1, {}, []] },
    { ...good, left: { x: 1 } },
    { ...good, parts: [[1]] },
    { ...good, entries: [{ ...entry, value: { text: '[["Function",1],"x"]' } }] },
    { ...good, entries: [{ ...entry, value: { text: 'null' } }] },
    { ...good, entries: [{ ...entry, value: { content: '../../../etc/passwd' } }] },
    { ...good, entries: [{ ...entry, value: { content: '0'.repeat(64) } }] },
    { ...good, entries: [{ ...entry, lines: { text: '{"__proto__":1}' } }] },
    { ...good, entries: [{ ...entry, id: undefined }] },
    { ...good, entries: [{ ...entry, outputs: [['../../x', 'f0']] }] },
  ];
  for (const one of bad) {
    writeFileSync(path, seal('steps', typeof one === 'string' ? one : JSON.stringify(one)));
    const { value, error } = await p.run(step);
    t.equal(error, undefined, JSON.stringify(one).slice(-80));
    t.equal(value.stdout, '1');
  }
});

for (const [what, prepare] of [
  ['a file is in its place', (store: string) => writeFileSync(store, 'mine')],
  ['its folder cannot be', (store: string) => void store],
  [
    'a file is in the place of each of its folders',
    (store: string) => {
      mkdirSync(store);
      for (const kind of ['steps', 'locks', 'contents', 'tmp', 'scripts', 'labels', 'failed', 'digests', '.gitignore'])
        writeFileSync(join(store, kind), 'x');
    },
  ],
  [
    'its folders are folders too many',
    (store: string) => {
      mkdirSync(join(store, 'digests'), { recursive: true });
      mkdirSync(join(store, '.gitignore'));
    },
  ],
] as readonly (readonly [string, (store: string) => void])[])
  t.test(`a store that cannot be written: ${what}`, async (t) => {
    const p = projectIn(t, { a: 'one' }, what === 'its folder cannot be' ? 'package.json/store' : '.bad');
    prepare(p.store);
    t.ok((await everything(p, t)).length <= 2);
    p.write('a', 'two');
    p.write('o', 'by hand');
    t.same(await everything(p, t), [], 'told once');
    if (what === 'a file is in its place') t.equal(p.read('.bad'), 'mine');
  });

t.test('a full disk, and one that is read-only', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'memo-full-'));
  const mount = (...options: string[]): boolean =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options.join(), 'none', disk]).status === 0;
  const mounted = mount('size=16k');
  t.teardown(() => {
    if (mounted) execFileSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  if (!mounted) return;
  const p = projectAt(projectIn(t, { a: 'one'.repeat(200) }), join(disk, 'store'));
  try {
    writeFileSync(join(disk, 'fill'), Buffer.alloc(64 * 1024));
  } catch {
    // it is full now
  }
  t.ok((await everything(p, t)).length <= 2);
  t.same(await everything(p, t), [], 'told once');
  mount('remount', 'ro');
  p.write('a', 'x');
  t.ok((await everything(p, t)).length <= 2);
});

t.test('outputs that are called as the fields of all objects are', async (t) => {
  const p = projectIn(t);
  const step = program('echo 1 > constructor; echo 2 > __proto__').with(
    p.memo({ outputs: ['constructor', '__proto__'] }),
  );
  t.same((await p.run(step)).notes, []);
  t.same((await p.run(step)).notes, ['unchanged']);
  for (const name of ['constructor', '__proto__']) {
    p.write(name, 'by hand');
    t.match((await p.run(step)).notes, [/^runs: output/, new RegExp(`^${name} was changed by hand`)]);
  }
});
