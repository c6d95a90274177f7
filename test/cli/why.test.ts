import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { outside, sluice, start } from './support.ts';

const BUILD = `
  import { glob, memo, program, task } from 'sluice';
  import { twice } from './helper.ts';
  export function* compute(n: number) { return twice(n); }
  export default function* () {
    yield* program('cat a > out.a', { label: 'build a' }).with(memo({ inputs: ['a'], outputs: ['out.a'] }));
    yield* program('cat b > dist/b', { label: 'build b' }).with(memo({ inputs: ['b', glob('*.x')], outputs: ['dist/b'], env: ['MODE'] }));
    yield* program('cat a', { label: 'cached' }).with(memo({ inputs: ['a', { level: 1 }] }));
    yield* task(import.meta, compute, 5).with(memo());
  }`;
const FILES = {
  'package.json': '{}',
  a: '1',
  b: '2',
  'build.ts': BUILD,
  'helper.ts': 'export const twice = (n: number) => n * 2;',
};

t.test('why each step ran, and what has changed since', async (t) => {
  const cwd = outside(t, FILES);
  const why = (...args: string[]) => sluice(['why', ...args], { cwd });
  t.match(why(), { status: 2, stderr: /there is no store .*\.sluice/ });
  t.equal(sluice(['run', 'build.ts'], { cwd }).status, 0);
  const all = why().stdout;
  for (const name of ['build a → out.a', 'build b → dist/b', 'cached', 'compute 5'])
    t.match(
      all,
      new RegExp(`^${name}\n  ran .* ago: for the first time\n  now: its files and variables are unchanged\n`, 'm'),
    );
  t.match(why('build b').stdout, / {2}not looked at: glob \*\.x\n$/);
  writeFileSync(join(cwd, 'a'), '3');
  const { stdout } = why('build a');
  t.match(
    stdout,
    /^build a → out\.a\n {2}ran .* ago: for the first time\n {2}now: input a changed \([0-9a-f]{12} → [0-9a-f]{12}\)\n$/,
  );
  t.match(
    sluice(['run', 'build.ts'], { cwd }).stderr,
    /build a \* runs: input a changed \([0-9a-f]{12} → [0-9a-f]{12}\)/,
  );
  t.match(why('out.a').stdout, /ran .* ago: input a changed .*\n {2}now: its files and variables are unchanged/);
  t.equal(why('cached').stdout.match(/^cached$/gm)?.length, 1, 'the latest of its label');
  rmSync(join(cwd, 'dist/b'));
  t.match(why('dist').stdout, /now: output dist\/b is gone \(was [0-9a-f]{12}\)/);
  t.match(sluice(['why', 'build b'], { cwd, env: { MODE: 'x' } }).stdout, /\$MODE is another one here/);
  writeFileSync(join(cwd, 'helper.ts'), 'export const twice = (n: number) => n + n;');
  t.match(why('compute').stdout, /now: code helper\.ts changed/);
  t.match(sluice(['run', 'build.ts'], { cwd }).stderr, /compute 5 \* runs: code helper\.ts changed/);
});

t.test('in a folder below, of another store, of a step that is not there', async (t) => {
  const cwd = outside(t, FILES);
  sluice(['run', 'build.ts'], { cwd });
  mkdirSync(join(cwd, 'sub'));
  t.match(sluice(['why', 'build a'], { cwd: join(cwd, 'sub') }).stdout, /now: its files and variables are unchanged/);
  t.match(sluice(['why', '--store', '../.sluice', 'cached'], { cwd: join(cwd, 'sub') }).stdout, /^cached\n/);
  t.match(sluice(['why', 'buildx'], { cwd }), { status: 2, stderr: /no step is called buildx\n.*did you mean build/ });
  t.match(sluice(['why', 'nonsense'], { cwd }), { status: 2, stderr: /known are .*build a.*dist\/b/ });
  t.match(sluice(['why', '--store', 'none'], { cwd }), { status: 2, stderr: /there is no store none/ });
  mkdirSync(join(cwd, 'empty'));
  t.match(sluice(['why', '--store', 'empty', 'x'], { cwd }), { status: 2, stderr: /empty knows of no step/ });
});

t.test('a damaged step is told of, the others are shown', async (t) => {
  const cwd = outside(t, FILES);
  sluice(['run', 'build.ts'], { cwd });
  writeFileSync(join(cwd, '.sluice/steps/garbage'), 'garbage');
  const { status, stdout, stderr } = sluice(['why'], { cwd });
  t.equal(status, 0);
  t.match(stderr, /^sluice: warning: .*garbage can't be used: it was written by something else/);
  t.match(stdout, /build a/);
});

t.test('a reader that leaves has seen enough', async (t) => {
  const cwd = outside(t, FILES);
  sluice(['run', 'build.ts'], { cwd });
  for (const command of ['why', 'clean']) {
    const child = start([command], { cwd });
    child.stdout.destroy();
    t.match(await child.ended, { status: 0, stderr: '' });
  }
});

t.test(
  'values are no files; what cannot be looked at hides nothing else; an output that is made no more is none',
  async (t) => {
    const cwd = outside(t, {
      'package.json': '{}',
      a: '1',
      'build.ts': `
      import { memo, program } from 'sluice';
      export default function* (outputs = 'o p') {
        for (let n = 0; n < 16; n++) yield* program('true', { label: 'value ' + n }).with(memo({ inputs: [{ n }] }));
        yield* program('cat a', { label: 'reads a' }).with(memo({ inputs: ['a'] }));
        yield* program('touch ' + outputs, { label: 'makes' }).with(memo({ outputs: outputs.split(' ') }));
      }`,
    });
    t.equal(sluice(['run', 'build.ts'], { cwd }).status, 0);
    const why = (...args: string[]) => sluice(['why', ...args], { cwd }).stdout;
    t.equal(why('value').match(/now: its files and variables are unchanged/g)?.length, 16);
    rmSync(join(cwd, 'a'));
    symlinkSync('a', join(cwd, 'a'));
    t.match(why(), /^reads a\n.*\n {2}now: input a can't be read: ELOOP/m);
    t.match(why(), /^makes → o, p$/m);
    rmSync(join(cwd, 'a'));
    writeFileSync(join(cwd, 'a'), '1');
    t.match(sluice(['run', 'build.ts', '--', 'o'], { cwd }).status, 0);
    rmSync(join(cwd, 'p'));
    t.match(why('makes'), /^makes → o\n.*\n {2}now: its files and variables are unchanged\n$/);
  },
);
