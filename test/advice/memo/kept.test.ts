import { chmodSync, mkdirSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { program } from '../../../lib/runners/program.ts';
import { filesIn, projectIn, script } from './support.ts';

t.test('files, folders, links and modes come back', async (t) => {
  const p = projectIn(t, { a: 'A' });
  const step = program(
    'echo run >> runs; echo said; rm -rf d f l; mkdir -p d/in/empty; cp a d/in/f; cp a d/x; chmod 755 d/x; ln -s in/f d/l; test $(cat a) = A && cp a f || mkdir -p f/g; ln -s a l; printf x > "d/new\nline"',
  ).with(p.memo({ inputs: ['a'], outputs: ['d', 'f', 'l'], keep: true }));
  const tree = (): unknown =>
    readdirSync(p.folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /^[dfl]/.test(name))
      .sort()
      .map((name) => {
        const stats = statSync(p.path(name));
        return [name, stats.mode, stats.isFile() ? p.read(name) : ''];
      });
  const trees: Record<string, unknown> = {};
  for (const [index, text] of ['A', 'B', 'A', 'B', 'A'].entries()) {
    p.write('a', text);
    if (index === 4) rmSync(p.path('d'), { recursive: true });
    const { error, notes, lines } = await p.run(step);
    t.equal(error, undefined);
    trees[text] ??= tree();
    t.same(tree(), trees[text]);
    t.equal(readlinkSync(p.path('d/l')), 'in/f');
    if (index < 2) continue;
    t.match(notes, [/^put back: .*d, .*f/, 'unchanged']);
    t.same(lines, ['~said']);
  }
  t.equal(p.runs(), 2);
});

t.test('contents that are missing, damaged or cut short: it runs, and says so once', async (t) => {
  for (const damage of ['missing', 'damaged', 'cut', 'folder'] as const) {
    const p = projectIn(t, { a: 'A' }, `.store-${damage}`);
    const step = program('echo run >> runs; mkdir -p d; cp a d/o').with(
      p.memo({ inputs: ['a'], outputs: ['d'], keep: true }),
    );
    await p.run(step);
    for (const name of filesIn(join(p.store, 'contents'))) {
      const path = join(p.store, 'contents', name);
      if (damage === 'cut') writeFileSync(path, '');
      else if (damage === 'damaged') writeFileSync(path, Buffer.from('XYZ'));
      else rmSync(path);
      if (damage === 'folder') mkdirSync(path);
    }
    rmSync(p.path('d'), { recursive: true });
    const before = p.runs();
    const { error, notes } = await p.run(step);
    t.equal(error, undefined, damage);
    t.equal(p.runs(), before + 1);
    t.equal(p.read('d/o'), 'A');
    t.ok(notes.filter((text) => text.startsWith('warning')).length <= 1, damage);
    t.ok(
      notes.some((text) => /^runs: output .*d is gone/.test(text)) || notes.some((text) => text.startsWith('runs:')),
      notes.join(),
    );
  }
});

t.test('what was edited by hand is kept before it is put back or overwritten', async (t) => {
  const p = projectIn(t, { a: 'A' });
  const step = program('mkdir -p d; cp a d/o; cp a o; chmod +x o').with(
    p.memo({ inputs: ['a'], outputs: ['d', 'o'], keep: true }),
  );
  const plain = program('cp a plain').with(p.memo({ inputs: ['a'], outputs: ['plain'] }));
  await p.run([step, plain]);
  p.write('d/o', 'hand in folder');
  p.write('o', 'by hand');
  p.write('plain', 'by hand too');
  chmodSync(p.path('o'), 0o644);
  const { notes, events } = await p.run([step, plain]);
  t.equal(p.read('o'), 'A');
  t.equal(p.read('plain'), 'A');
  const hand = events.flatMap((event) =>
    event.type === 'note' && event.text.includes('by hand') ? [event.data as any] : [],
  );
  t.equal(hand.length, 3, notes.join('\n'));
  const texts = hand.map(({ copy, digest }) => {
    t.match(copy, digest.slice(2));
    return filesIn(join(p.store, 'contents')).length > 0 && statSync(copy).isFile() ? copy : undefined;
  });
  t.notOk(texts.includes(undefined));
  const contents = filesIn(join(p.store, 'contents')).map((name) => p.read(join(`.store/contents`, name)));
  for (const text of ['hand in folder', 'by hand', 'by hand too']) t.ok(contents.includes(text), text);
  const before = projectIn(t, { o: 'mine' }, '.other');
  const over = program('echo > o').with(before.memo({ outputs: ['o'] }));
  t.match((await before.run(over)).notes, [
    /o was there before, and no run made it: what it was \([0-9a-f]{12}\) is kept as/,
  ]);
  t.same((await before.run(over)).notes, ['unchanged']);
});

t.test('something else in the way of an output', async (t) => {
  const p = projectIn(t, { a: 'A' });
  const step = program('cp a o').with(p.memo({ inputs: ['a'], outputs: ['o'], keep: true }));
  await p.run(step);
  rmSync(p.path('o'));
  mkdirSync(p.path('o'));
  writeFileSync(p.path('o/mine'), 'mine');
  const { notes } = await p.run(step);
  t.match(notes.join(), /o was changed by hand/);
  t.equal(p.read('o'), 'A');
  t.ok(filesIn(join(p.store, 'contents')).some((name) => p.read(`.store/contents/${name}`) === 'mine'));
});

t.test('what another step has made is no hand edit', async (t) => {
  const p = projectIn(t);
  await p.run(program('echo 1 > a; echo 2 > b').with(p.memo({ outputs: ['a', 'b'] })));
  const code = `
    import { memo, program, runCommandGens } from 'sluice';
    const step = program('echo 3 > b').with(memo({ outputs: ['b'], store: '.store' }));
    await runCommandGens([step], { onEvent: (event) => event.type === 'note' && console.log(event.text) });`;
  t.equal(await script(p.folder, 'x.ts', code), '');
  t.equal(p.read('b'), '3\n');
  p.write('b', 'by hand');
  t.match(await script(p.folder, 'x.ts', code), /b was changed by hand/);
});

t.test('of many outputs that are put back a few are told', async (t) => {
  const p = projectIn(t);
  const outputs = Array.from({ length: 50 }, (_, n) => `o${n}`);
  const step = program(['touch', ...outputs]).with(p.memo({ outputs, keep: true }));
  await p.run(step);
  for (const name of outputs) rmSync(p.path(name));
  t.same((await p.run(step, { dryRun: true })).notes, [
    `would put back: ${outputs.slice(0, 10).join(', ')}, … and 40 more`,
  ]);
  t.match((await p.run(step)).notes, [`put back: ${outputs.slice(0, 10).join(', ')}, … and 40 more`]);
  t.ok(outputs.every((name) => p.has(name)));
});
