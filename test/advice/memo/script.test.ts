import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import t from 'tap';
import { amend, glob, memo, type MemoOptions } from '../../../lib/advice/memo.ts';
import { task } from '../../../lib/compose/task.ts';
import { runCommandGens, type LoopOptions, type Runner } from '../../../lib/kernel/index.ts';
import { program } from '../../../lib/runners/program.ts';
import { projectIn, type Did, type Project } from './support.ts';

/** A step that makes these. */
function make(p: Project, outputs: readonly string[], options: MemoOptions = {}): Runner<any> {
  return program(['sh', '-c', 'for f; do mkdir -p "$(dirname "$f")"; echo made > "$f"; done', 'sh', ...outputs]).with(
    p.memo({ outputs, ...options }),
  );
}

const loop = (p: Project, outputs: readonly (readonly string[])[], options: LoopOptions = {}): Promise<Did> =>
  p.run([program('true'), ...outputs.map((one) => make(p, one))], { scope: 'build', clean: true, ...options });

const stale = (did: Did): readonly string[] => did.notes.filter((text) => text.includes('stale'));

t.test('what an earlier loop of the scope made and this one does not is deleted, with empty folders', async (t) => {
  const p = projectIn(t, {});
  await loop(p, [['a'], ['d/e/b', 'd/e/c'], ['d/keep']]);
  p.write('d/other', 'mine');
  const again = await loop(p, [['a']]);
  t.match(stale(again), [/^deleted 3 stale outputs: .*d\/e\/b, .*d\/e\/c, .*d\/keep$/]);
  t.ok(p.has('a'));
  t.notOk(p.has('d/e'));
  t.ok(p.has('d/other'));
  t.same(stale(await loop(p, [['a']])), []);
  const back = await loop(p, [['d/e/b', 'd/e/c'], ['a']]);
  t.equal(back.error, undefined);
  t.ok(p.has('d/e/b'));
});

t.test('without clean they are told; a dry run lists', async (t) => {
  const p = projectIn(t, {});
  await loop(p, [['a'], ['b']]);
  for (const _ of [1, 2])
    t.match(stale(await loop(p, [['a']], { clean: false })), [
      /^1 stale output of earlier runs: b \(--clean deletes them\)$/,
    ]);
  t.match(stale(await loop(p, [['a']], { dryRun: true })), [/^1 stale output would be deleted: b$/]);
  t.ok(p.has('b'));
  t.match(stale(await loop(p, [['a']])), [/^deleted 1 stale output: b$/]);
  t.notOk(p.has('b'));
});

t.test('nothing is deleted when something failed, was killed or was off, in another scope, or in none', async (t) => {
  const p = projectIn(t, {});
  const never = async (what: string, did: Promise<unknown>): Promise<void> => {
    await did;
    t.ok(p.has('b'), what);
  };
  await loop(p, [['a'], ['b']]);
  await never(
    'a step failed',
    p.run([make(p, ['a']), program('exit 1').with(p.memo())], { scope: 'build', clean: true }),
  );
  await never('something failed', p.run([make(p, ['a']), program('exit 1')], { scope: 'build', clean: true }));
  await never(
    'it was caught',
    p.run(
      [
        make(p, ['a']),
        function* () {
          try {
            yield* program('exit 1');
          } catch {}
        },
      ],
      { scope: 'build', clean: true },
    ),
  );
  await never('memos are off', loop(p, [['a']], { memo: 'off' }));
  await never('another scope', loop(p, [['a']], { scope: 'other' }));
  await never('no scope', loop(p, [['a']], { scope: undefined, clean: false }));
  await never('a dry run', loop(p, [['a']], { dryRun: true }));
  const killed = runCommandGens([make(p, ['a']), program('sleep 60')], { cwd: p.folder, scope: 'build', clean: true });
  killed.catch(() => {});
  killed.kill();
  await never(
    'killed',
    killed.then(
      () => t.fail(),
      () => {},
    ),
  );
  await never('timeout', p.run([make(p, ['a']), program('sleep 60')], { scope: 'build', clean: true, timeout: 20 }));
  t.throws(() => runCommandGens([program('true')], { clean: true }), /name the scope too/);
  t.match(stale(await loop(p, [['a']])), [/deleted 1/]);
});

t.test('what was edited by hand stays, also what is another thing now', async (t) => {
  const p = projectIn(t, {});
  await loop(p, [['a'], ['edited'], ['gone'], ['folder'], ['pipe']]);
  rmSync(p.path('pipe'));
  execFileSync('mkfifo', [p.path('pipe')]);
  p.write('edited', 'by hand');
  rmSync(p.path('gone'));
  rmSync(p.path('folder'));
  mkdirSync(p.path('folder'));
  p.write('folder/mine', '');
  t.same(stale(await loop(p, [['a']])), []);
  t.equal(p.read('edited'), 'by hand');
  t.ok(p.has('folder/mine'));
  t.ok(p.has('pipe'));
});

t.test('what another script has made too stays', async (t) => {
  const p = projectIn(t, {});
  await loop(p, [['a'], ['b']]);
  await loop(p, [['b']], { scope: 'other' });
  t.same(stale(await loop(p, [['a']])), []);
  t.ok(p.has('b'));
  t.match(stale(await loop(p, [['z']], { scope: 'other' })), [/deleted 1 stale output: .*b/]);
});

t.test('what this loop makes stays: in folders, as folders, in steps that are skipped', async (t) => {
  const p = projectIn(t, {});
  await loop(p, [['d/a'], ['e/b'], ['c']]);
  const folder = program('mkdir -p d; echo > d/a; echo > d/n').with(p.memo({ outputs: ['d'], key: 'f' }));
  await p.run([folder, make(p, ['c'])], { scope: 'build', clean: true });
  t.ok(p.has('d/a'));
  t.notOk(p.has('e'));
  t.ok(p.has('c'));
  const whole = projectIn(t, {}, '.whole');
  const makes = program('mkdir -p d; echo > d/a').with(whole.memo({ outputs: ['d'] }));
  await whole.run(makes, { scope: 'w', clean: true });
  await whole.run(program('true').with(whole.memo()), { scope: 'w', clean: true });
  t.notOk(whole.has('d'), 'a folder as a whole');
  await whole.run(makes, { scope: 'w', clean: true });
  whole.write('d/mine', '');
  await whole.run(program('true').with(whole.memo()), { scope: 'w', clean: true });
  t.ok(whole.has('d/mine'), 'not with something of mine in it');
});

t.test('what this loop reads by name stays until it does no more; what a pattern finds does not', async (t) => {
  const p = projectIn(t, {});
  const reader = (inputs: MemoOptions['inputs']): Promise<Did> =>
    p.run(program('true').with(p.memo({ inputs })), { scope: 'build', clean: true });
  await loop(p, [['a'], ['d/b'], ['d/c']]);
  for (const _ of [1, 2])
    t.match(stale(await reader(['a', 'd/b', glob('d/*')])), _ === 1 ? [/^deleted 1 .*: d\/c$/] : []);
  const finds = task(function* finds() {
    yield* amend({ inputs: ['a'] });
  }).with(p.memo({ key: 1 }));
  for (const _ of [1, 2])
    t.match(stale(await p.run(finds, { scope: 'build', clean: true })), _ === 1 ? [/^deleted 1 .*: d\/b$/] : []);
  t.ok(p.has('a'), 'also where it was found by an earlier run');
  t.match(stale(await reader([])), [/^deleted 1 .*: a$/]);
});

t.test('outputs that an earlier run found it writes stay where it is skipped', async (t) => {
  const p = projectIn(t, {});
  const writes = task(function* writes() {
    yield* amend({ outputs: ['found'] });
    yield* program('echo > found');
  }).with(p.memo({ key: 1, outputs: [] }));
  for (const _ of [1, 2, 3]) {
    t.same(stale(await p.run(writes, { scope: 'build', clean: true })), []);
    t.ok(p.has('found'));
  }
});

t.test('a project that was moved with its store is the same', async (t) => {
  const p = projectIn(t, {});
  const build = (folder: string, outputs: readonly string[]): Promise<Did> => {
    const moved = { ...p, memo: (options: MemoOptions = {}) => memo({ store: `${folder}/.store`, ...options }) };
    return loop(
      moved,
      outputs.map((one) => [one]),
      { cwd: folder },
    );
  };
  mkdirSync(p.path('x'));
  p.write('x/package.json', '{}');
  await build(p.path('x'), ['a', 'b']);
  renameSync(p.path('x'), p.path('y'));
  t.match(stale(await build(p.path('y'), ['a'])), [/^deleted 1 stale output: b$/]);
});

t.test('never outside of the project, also where a folder became a link', async (t) => {
  const elsewhere = mkdtempSync(`${tmpdir()}/memo-script-`);
  t.teardown(() => rmSync(elsewhere, { recursive: true, force: true }));
  const p = projectIn(t, {});
  await loop(p, [['a'], [`${elsewhere}/x`], ['d/b'], ['l/c']]);
  renameSync(p.path('d'), `${elsewhere}/d`);
  symlinkSync(`${elsewhere}/d`, p.path('d'));
  await loop(p, [['a']]);
  t.ok(existsSync(`${elsewhere}/x`));
  t.ok(existsSync(`${elsewhere}/d/b`));
  t.ok(p.has('d'));
  t.notOk(p.has('l'));
});

t.test('loops inside a task, and outputs of runs that never began', async (t) => {
  const p = projectIn(t, {});
  const inner = (outputs: readonly string[]) =>
    task(async function () {
      await runCommandGens(
        outputs.map((one) => make(p, [one])),
        { cwd: p.folder },
      );
    });
  await p.run(inner(['a', 'b']), { scope: 'build', clean: true });
  t.ok(p.has('b'));
  await p.run(inner(['a']), { scope: 'build', clean: true });
  t.notOk(p.has('b'));
  t.ok(p.has('a'));
});

t.test('what failed halfway is known the next time', async (t) => {
  const p = projectIn(t, {});
  await p.run([make(p, ['a']), make(p, ['b'])], { scope: 'build' });
  await p.run([make(p, ['a']), program('echo > c; exit 1').with(p.memo({ outputs: ['c'], partial: 'keep' }))], {
    scope: 'build',
  });
  t.ok(p.has('c'));
  t.match(stale(await loop(p, [['a']])), [/deleted 2 stale outputs/]);
  t.notOk(p.has('b'));
  t.notOk(p.has('c'));
});

t.test('a list that is damaged, and many outputs', async (t) => {
  const p = projectIn(t, {});
  const many = Array.from({ length: 30 }, (_, index) => [`o${index}`]);
  await loop(p, [['a'], ...many]);
  const [list] = p.stored().filter((name) => name.startsWith('scripts/'));
  const text = p.read(`.store/${list}`);
  writeFileSync(
    p.path(`.store/${list}`),
    `${text}garbage\n["/etc/passwd","${'0'.repeat(64)}"]\n["../../../x","${'0'.repeat(64)}"]\n{"cut":`,
  );
  const did = await loop(p, [['a']]);
  t.equal(did.error, undefined);
  t.match(stale(did), [/^deleted 30 stale outputs: .*, … \(30\)$/]);
  t.notOk(p.has('o7'));
  t.ok(existsSync('/etc/passwd'));
});
