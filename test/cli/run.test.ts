import { mkdirSync, realpathSync } from 'node:fs';
import t from 'tap';
import { outside, sluice } from './support.ts';

t.test('a generator function gets the arguments, before and behind --', async (t) => {
  const cwd = t.testdir({
    'a.ts': `
      import { program } from 'sluice';
      export default function* main(...args: string[]) {
        yield* program(['printf', '%s,', ...args], { label: 'args' });
      }`,
  });
  const { stdout, stderr, status } = sluice(['run', 'a.ts', 'x', '007', '', '--slots', '2', '--', '--y', '-z', '--'], {
    cwd,
  });
  t.equal(stdout, 'args | x,007,,--y,-z,--,\n');
  t.equal(stderr, '');
  t.equal(status, 0);
});

t.test('what a default export may be', async (t) => {
  const start = `import { program, task } from 'sluice';
    function* say(...words: string[]) { yield* program(['echo', ...words], { label: 'say' }); }
    async function* sayAsync(...words: string[]) { yield* program(['echo', ...words], { label: 'say' }); }\n`;
  const exports: Record<string, [code: string, lines: string[]]> = {
    'an async generator function': ['export default sayAsync', ['a']],
    'a function that gives a list': [
      'export default (...names: string[]) => [...names, "b"].map((name) => say(name))',
      ['a', 'b'],
    ],
    'an async function': ['export default async (name: string) => [say(name), say("c")]', ['a', 'c']],
    'a function that gives an iterable': [
      'export default function (name: string) { return new Set([say(name)]) }',
      ['a'],
    ],
    'a function that gives an async iterable': [
      'async function* list(name: string) { yield say(name); yield say("d"); }\nexport default (name: string) => ({ [Symbol.asyncIterator]: () => list(name) })',
      ['a', 'd'],
    ],
    'a function that gives a generator': ['export default (name: string) => say(name, "once")', ['a once']],
    'a function that gives a runner': [
      'export default (name: string) => program(["echo", name], { label: "say" })',
      ['a'],
    ],
    'a list of functions and runners': [
      'export default [say, sayAsync, program("echo r", { label: "say" }), task(say, "t"), say("g")]',
      ['a', 'a', 'g', 'r', 't'],
    ],
    'a runner': ['export default program("echo r", { label: "say" })', ['r']],
    'a generator': ['export default say("g")', ['g']],
    'a promise of such': ['export default Promise.resolve(say)', ['a']],
  };
  for (const [what, [code, lines]] of Object.entries(exports)) {
    const cwd = t.testdir({ 'x.ts': start + code });
    const { stdout, stderr, status } = sluice(['run', 'x.ts', 'a'], { cwd });
    const said = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^say.* \| /, ''));
    t.same(said.toSorted(), lines, what);
    t.equal(stderr, '', what);
    t.equal(status, 0, what);
  }
});

t.test('TypeScript and JavaScript of every kind, outside of any package', async (t) => {
  const say = (what: string) => `function* () { yield* program(['echo', '${what}']) }`;
  const cwd = outside(t, {
    'a.ts': `import { program, type Runner } from 'sluice';
      import { observe } from 'sluice/rx';
      import { Color } from './lib/color.js';
      import { one } from './lib';
      import { two } from './lib/two';
      import { three } from './lib/three.mjs';
      import { four } from './lib/four.cts';
      export default function* (): Generator<Runner> {
        yield program(['echo', Color.Red, one, two, three, four, typeof observe].map(String));
      }`,
    'lib/color.ts': `export enum Color { Red = 'red' }`,
    'lib/index.ts': `export const one: number = 1;`,
    'lib/two.ts': `export const two = 2 as const;`,
    'lib/three.mts': `export const three: number = 3;`,
    'lib/four.cts': `const four: number = require('./five.cts').five - 1; module.exports = { four };`,
    'lib/five.cts': `exports.five = 5 satisfies number;`,
    'a.mts': `import { program } from 'sluice'; export default ${say('mts')};`,
    'a.cts': `const { program } = require('sluice'); const n: number = 1; module.exports = ${say('cts')};`,
    'b.cts': `import { program } from 'sluice'; export default ${say('cts, as a module')};`,
    'a.js': `import { program } from 'sluice'; export default ${say('js')};`,
    'a.mjs': `import { program } from 'sluice'; export default ${say('mjs')};`,
    'a.cjs': `const { program } = require('sluice'); module.exports = ${say('cjs')};`,
    'b.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); const { program } = require('sluice'); exports.default = ${say('compiled')};`,
  });
  const says: Record<string, string> = {
    'a.ts': 'red 1 2 3 4 function',
    'a.mts': 'mts',
    'a.cts': 'cts',
    'b.cts': 'cts, as a module',
    'a.js': 'js',
    'a.mjs': 'mjs',
    'a.cjs': 'cjs',
    'b.cjs': 'compiled',
  };
  for (const [file, said] of Object.entries(says)) {
    const { stdout, stderr, status } = sluice(['run', file], { cwd });
    t.match(stdout, new RegExp(`^echo .* \\| ${said}\\n$`), file);
    t.equal(stderr, '', file);
    t.equal(status, 0, file);
  }
});

t.test('the script and its programs agree on --cwd; the file is looked for before', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program } from 'sluice';
      export default function* () { console.log(process.cwd(), process.argv.slice(2)); yield* program('pwd'); yield* program('echo $PWD', { label: 'env' }); }`,
    sub: {},
  });
  const sub = realpathSync(`${cwd}/sub`);
  const { stdout } = sluice(['run', 'a.ts', '--cwd', 'sub', 'x'], { cwd });
  t.equal(stdout, `${sub} [ 'x' ]\npwd | ${sub}\nenv | ${sub}\n`);
  mkdirSync(`${cwd}/other`);
  t.match(sluice(['run', 'a.ts', '--cwd', 'othe'], { cwd }), { status: 2, stderr: /there is no folder othe/ });
  t.match(sluice(['run', 'a.ts', '--cwd', 'a.ts'], { cwd }), { status: 2, stderr: /a\.ts is no folder/ });
});

t.test('a dry run starts nothing and says what would be', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, sleep, all } from 'sluice';
      export default function* () {
        const { exitCode } = yield* program('touch made');
        yield* sleep('1h');
        yield* all([program(['echo', 'a b']), program('exit ' + exitCode)]);
      }`,
  });
  const { stdout, status } = sluice(['run', 'a.ts', '--dry-run'], { cwd });
  t.same(
    stdout.split('\n').map((line) => line.replace(/^.* \| /, '')),
    ['$ touch made', '{"type":"sleep","ms":3600000}', `$ echo 'a b'`, '$ exit 0', ''],
  );
  t.equal(status, 0);
  t.match(
    sluice(['run', 'a.ts', '--dry-run', '--report', 'json'], { cwd }).stdout,
    /"spec":\{"type":"program","command":"touch made"\}/,
  );
});

t.test('--slots limits programs, --fail-fast ends the others, --timeout all', async (t) => {
  const cwd = t.testdir({
    'slots.ts': `import { program } from 'sluice';
      export default () => [1, 2, 3].map(function* (n) { yield* program('echo begin; sleep 0.1; echo end', { label: 'p' }); });`,
    'fast.ts': `import { program } from 'sluice';
      export default [program('sleep 100'), program('exit 4')];`,
  });
  const { stdout } = sluice(['run', 'slots.ts', '--slots', '1'], { cwd });
  t.same(
    stdout.split('\n').map((line) => line.replace(/^.* \| /, '')),
    ['begin', 'end', 'begin', 'end', 'begin', 'end', ''],
  );
  t.match(sluice(['run', 'fast.ts', '--fail-fast'], { cwd }), { status: 4, stderr: /sleep 100 +\* killed: failFast/ });
  const late = sluice(['run', 'fast.ts', '--timeout', '1s'], { cwd });
  t.equal(late.status, 1);
  t.match(
    late.stderr,
    /sluice: 2 failed\n {2}the loop: timed out after 1000 ms\n {2}exit 4: failed with exit code 4\n$/,
  );
});

t.test('what ends tries from outside is told, after all that they said', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, retry, timeout } from 'sluice';
      export default program('exit 3').with(timeout('500ms'), retry({ backoff: '1h' }));`,
  });
  const { stderr } = sluice(['run', 'a.ts'], { cwd });
  t.match(stderr, /\* failed with exit code 3 .*\n.*\* retry 1 of 3 in .*\nsluice: exit 3: timed out after 500 ms\n$/);
});

t.test('reports: json on stdout is nothing but JSON, quiet nothing at all', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, retry } from 'sluice';
      let tries = 0;
      export default function* () {
        yield* program('echo out; echo err >&2');
        try { yield* program('exit 3'); } catch {}
      }`,
  });
  const json = sluice(['run', 'a.ts', '--report', 'json'], { cwd });
  const events = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  t.same(
    events
      .filter(({ type }) => type === 'line')
      .map((event) => (event as unknown as { line: string }).line)
      .toSorted(),
    ['err', 'out'],
  );
  t.equal(json.stderr, '');
  t.match(sluice(['run', 'a.ts', '--report', 'quiet'], { cwd }), { stdout: '', stderr: '', status: 0 });
});
