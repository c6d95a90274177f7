import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { markIn, stateOf } from '../../../lib/advice/memo/partial.ts';
import { amend } from '../../../lib/advice/memo.ts';
import { task } from '../../../lib/compose/task.ts';
import { runCommandGens } from '../../../lib/kernel/index.ts';
import { program } from '../../../lib/runners/program.ts';
import { until } from '../../../lib/testing/record.ts';
import { filesIn, node, projectIn, script } from './support.ts';

t.test('outputs that failed work has changed go out of the way, with what they hold', async (t) => {
  const p = projectIn(t, { a: '1', untouched: 'old', same: 'old' });
  const step = program('echo half > o; mkdir -p d/e; echo half > d/e/f; ln -s a l; echo x > undeclared; exit 3', {
    label: 'half way/../x',
  }).with(p.memo({ outputs: ['o', 'd', 'l', 'untouched'] }));
  const { error, notes } = await p.run(step);
  t.match(error, { reason: { exitCode: 3 } });
  for (const name of ['o', 'd', 'l']) t.notOk(p.has(name), name);
  t.equal(p.read('untouched'), 'old');
  t.ok(p.has('undeclared'));
  const note = notes.find((text) => text.startsWith('failed: what it left of its outputs is in '));
  const failed = filesIn(join(p.store, 'failed'));
  t.same(failed.map((name) => name.slice(name.indexOf('/') + 1)).toSorted(), ['d/e/f', 'l', 'o']);
  t.equal(failed.length, 3);
  t.ok(note?.includes(join(p.store, 'failed', failed[0]!.split('/')[0]!)));
  t.match(failed[0], /^\d{4}-\d\d-\d\d-\d{6}-half_way_.._x-/);
  t.equal(
    readFileSync(
      join(
        p.store,
        'failed',
        failed.find((name) => name.endsWith('/o'))!,
      ),
      'utf8',
    ),
    'half\n',
  );
  t.same(p.locks(), []);
});

t.test('an old output that failed work has written over goes too; the next run makes it again', async (t) => {
  const p = projectIn(t, { a: '1' });
  const step = program('cat a > o; test $(cat a) != bad').with(p.memo({ inputs: ['a'], outputs: ['o'] }));
  await p.run(step);
  p.write('a', 'bad');
  t.match((await p.run(step)).error, { reason: { exitCode: 1 } });
  t.notOk(p.has('o'));
  p.write('a', '1');
  t.match((await p.run(step)).notes, [/^runs: /]);
  t.equal(p.read('o'), '1');
});

t.test(`partial: 'keep' leaves them, and they are no hand edits`, async (t) => {
  const p = projectIn(t);
  const step = program('echo half > o; exit 3').with(p.memo({ outputs: ['o'], partial: 'keep' }));
  for (const _ of [1, 2]) {
    const { notes } = await p.run(step);
    t.equal(p.read('o'), 'half\n');
    t.notOk(notes.some((text) => text.includes('by hand')));
  }
  t.same(filesIn(join(p.store, 'failed')), []);
});

t.test('killed work likewise; outputs that were found, too', async (t) => {
  const p = projectIn(t);
  const step = task(function* () {
    yield* amend({ outputs: ['found'] });
    yield* program('echo 1 > found; echo 2 > declared; echo; exec sleep 60');
  }).with(p.memo({ key: 1, outputs: ['declared'] }));
  const loop = runCommandGens([step], {
    cwd: p.folder,
    onEvent: (event) => event.type === 'line' && loop.kill('enough'),
  });
  await t.rejects(loop, { reason: { type: 'killed' } } as never);
  t.notOk(p.has('found'));
  t.notOk(p.has('declared'));
  t.equal(filesIn(join(p.store, 'failed')).length, 2);
});

t.test('work whose process died: found by the next one', async (t) => {
  const p = projectIn(t, { a: '1' });
  const code = (command: string) => `
    import { memo, program, runCommandGens } from 'sluice';
    const step = program(process.argv[2] === 'die' ? 'kill -9 $PPID; echo half > o; sleep 1' : 'echo whole > o', { label: 'make o' });
    await runCommandGens([step.with(memo({ key: 1, outputs: ['o'], ${command} }))], { onEvent: (event) => event.type === 'note' && console.log(event.text) });`;
  await script(p.folder, 'x.ts', code(''), ['die']).catch(() => {});
  await until(() => p.has('o') || filesIn(p.path('.sluice/locks')).length > 0);
  if (!p.has('o')) p.write('o', 'half');
  const said = await node(p.folder, [p.path('x.ts')]);
  t.match(said, /process \d+ died while it made o: what it left is in /);
  t.equal(p.read('o'), 'whole\n');
  t.equal(filesIn(p.path('.sluice/failed')).length, 1);
  t.match(await node(p.folder, [p.path('x.ts')]), /^unchanged/);
});

t.test('the state of a path', async (t) => {
  const p = projectIn(t, { a: '1' });
  mkdirSync(p.path('d'));
  symlinkSync('a', p.path('l'));
  execFileSync('mkfifo', [p.path('p')]);
  for (const [name, change] of [
    ['a', 'echo 2 > a'],
    ['d', 'touch d/x'],
    ['l', 'ln -sf x l'],
    ['p', 'chmod +x p'],
    ['new', 'touch new'],
    ['new', 'rm new'],
  ] as const) {
    const before = stateOf(p.path(name));
    t.equal(stateOf(p.path(name)), before);
    execFileSync('sh', ['-c', change], { cwd: p.folder });
    t.not(stateOf(p.path(name)), before, change);
  }
  t.equal(stateOf(p.path('none/x')), '-');
});

t.test('marks that are none', async (t) => {
  const good = { label: 'l', path: '/p', name: 'n', before: '-', partial: 'move' };
  t.same(markIn(good), good);
  for (const bad of [
    null,
    undefined,
    1,
    'x',
    [],
    {},
    { ...good, path: 'p' },
    { ...good, partial: 'x' },
    { ...good, label: 1 },
  ])
    t.equal(markIn(bad), undefined);
});

t.test('an output that was found, and half made by a process that died', async (t) => {
  const p = projectIn(t);
  const code = `
    import { amend, memo, program, runCommandGens, task } from 'sluice';
    const [how] = process.argv.slice(2);
    const step = task(function* find() {
      yield* amend({ outputs: ['found'] });
      yield* program(how === 'die' ? 'echo half > found; kill -9 $PPID; sleep 1' : 'echo whole > found');
    });
    await runCommandGens([step.with(memo({ key: 1 }))], { onEvent: (event) => event.type === 'note' && console.log(event.text) });`;
  await script(p.folder, 'x.ts', code, ['die']).catch(() => {});
  const said = await node(p.folder, [p.path('x.ts')]);
  t.match(said, /process \d+ died while it made found: what it left is in /);
  t.notMatch(said, /by hand|was there before/);
  t.equal(p.read('found'), 'whole\n');
  t.same(
    filesIn(p.path('.sluice/failed')).map((name) => p.read(join('.sluice/failed', name))),
    ['half\n'],
  );
});
