import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { filesIn } from '../advice/memo/support.ts';
import { outside, sluice } from './support.ts';

const files = (outputs: readonly string[]) => ({
  'package.json': '{}',
  'build.ts': `
    import { memo, program } from 'sluice';
    export default function* (...names: string[]) {
      for (const name of names.length > 0 ? names : ${JSON.stringify(outputs)})
        yield* program(['sh', '-c', 'echo ran >> runs; echo $0 > $0', name], { label: 'make ' + name }).with(memo({ outputs: [name], keep: true }));
    }`,
});

t.test('sluice clean: what was not used for long, what is too much', async (t) => {
  const cwd = outside(t, files(['a', 'b', 'c']));
  t.match(sluice(['clean'], { cwd }), { status: 2, stderr: /there is no store/ });
  sluice(['run', 'build.ts'], { cwd });
  const store = join(cwd, '.sluice');
  const steps = readdirSync(join(store, 'steps'));
  t.equal(steps.length, 3);
  t.match(
    sluice(['clean', '--older', '30d'], { cwd }).stdout,
    /^0 files deleted \(0 B\); \d+ \(.*iB\) left in .*\.sluice\n$/,
  );
  const old = Date.now() / 1000 - 40 * 86_400;
  utimesSync(join(store, 'steps', steps[0]!), old, old);
  t.match(sluice(['clean', '--older', '30d', '--dry-run'], { cwd }).stdout, /^1 file would be deleted/);
  t.equal(readdirSync(join(store, 'steps')).length, 3);
  t.match(sluice(['clean', '--older', '30d'], { cwd }).stdout, /^1 file deleted/);
  t.equal(readdirSync(join(store, 'steps')).length, 2);
  t.match(sluice(['clean', '--larger', '5GiB'], { cwd }).stdout, /^0 files deleted/);
  t.match(sluice(['clean', '--larger', '0B'], { cwd }).stdout, /; 0 \(0 B\) left in/);
  t.same(filesIn(join(store, 'steps')), []);
  t.equal(sluice(['run', 'build.ts'], { cwd }).status, 0, 'all is made anew');
  for (const [args, stderr] of [
    [['--older', 'soon'], /--older: 'soon' is no duration/],
    [['--larger', 'big'], /--larger: .*big/],
    [['--older'], /older/],
    [['--oldest', '1d'], /oldest/],
  ] as const)
    t.match(sluice(['clean', ...args], { cwd }), { status: 2, stderr });
});

t.test('sluice run --clean deletes what is made no more, and nothing else', async (t) => {
  const cwd = outside(t, files(['a', 'd/b', 'c']));
  const has = (name: string): boolean => existsSync(join(cwd, name));
  sluice(['run', 'build.ts'], { cwd });
  writeFileSync(join(cwd, 'build.ts'), files(['a'])['build.ts']);
  writeFileSync(join(cwd, 'c'), 'by hand');
  t.match(sluice(['run', 'build.ts'], { cwd }).stderr, /1 stale output of earlier runs: d\/b \(--clean deletes them\)/);
  t.match(sluice(['run', 'build.ts', '--dry-run', '--clean'], { cwd }), {
    stdout: '',
    stderr: /1 stale output would be deleted: d\/b/,
  });
  t.ok(has('d/b'));
  sluice(['run', 'build.ts', '--clean', 'other'], { cwd });
  t.ok(has('d/b'), 'with other arguments it is another script');
  t.match(sluice(['run', './build.ts', '--clean'], { cwd }).stderr, /deleted 1 stale output: d\/b/);
  t.notOk(has('d'));
  t.ok(has('c') && has('a') && has('other'));
  writeFileSync(
    join(cwd, 'build.ts'),
    `import { program } from 'sluice'; export default function* () { yield* program('true'); }`,
  );
  t.match(
    sluice(['run', 'build.ts', '--clean'], { cwd }).stderr,
    /deleted 1 stale output: a/,
    'no memo at all is left',
  );
  t.notOk(has('a'));
});

t.test('sluice run --no-memo, --refresh', async (t) => {
  const cwd = outside(t, files(['a', 'b']));
  const ran = (...args: string[]) => {
    const runs = (): number => (existsSync(join(cwd, 'runs')) ? lines(cwd) : 0);
    const before = runs();
    const { stderr, status } = sluice(['run', 'build.ts', ...args], { cwd });
    return { ran: runs() - before, stderr, status };
  };
  t.match(ran('--no-memo'), { ran: 2, stderr: '' });
  t.notOk(existsSync(join(cwd, '.sluice')));
  t.equal(ran().ran, 2);
  t.match(ran(), { ran: 0, stderr: /make a \* unchanged\nmake b \* unchanged/ });
  t.match(ran('--refresh', 'make a'), { ran: 1, stderr: /make a \* runs: it was asked for\nmake b \* unchanged/ });
  t.equal(ran('--refresh', 'make a', '--refresh', 'make b').ran, 2);
  t.match(ran('--refresh', 'make x'), {
    ran: 0,
    status: 0,
    stderr: /--refresh: no step that began is called make x; did you mean make a\?/,
  });
  t.match(ran('--no-memo', '--clean'), { ran: 0, status: 2, stderr: /--clean and --no-memo/ });
  t.match(ran('--no-memo', '--refresh', 'make a'), { ran: 0, status: 2, stderr: /--refresh and --no-memo/ });
  t.equal(ran('--memo').ran, 0);
});

function lines(cwd: string): number {
  return readFileSync(join(cwd, 'runs'), 'utf8').split('\n').length - 1;
}

t.test('sluice clean of a folder that is no store deletes nothing', async (t) => {
  const cwd = outside(t, { 'package.json': '{}', 'failed/mine': '1', 'steps/one': '1' });
  for (const name of ['failed/mine', 'steps/one']) utimesSync(join(cwd, name), 1, 1);
  t.match(sluice(['clean', '--store', '.', '--older', '1d'], { cwd }), {
    status: 2,
    stderr: /\. is no store: there is package\.json in it/,
  });
  t.ok(existsSync(join(cwd, 'failed/mine')) && existsSync(join(cwd, 'steps/one')));
  t.match(sluice(['clean', '--store', 'package.json'], { cwd }), { status: 2, stderr: /can't be read: ENOTDIR/ });
});
