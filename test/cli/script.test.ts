// What is told when a script is not there, or can not be loaded.
import t from 'tap';
import { sluice } from './support.ts';

t.test('a file that is not there: the one that was probably meant', async (t) => {
  const cwd = t.testdir({ 'deploy.ts': '', 'notes.txt': '', samples: { 'provision.ts': '' } });
  const meant: Record<string, RegExp> = {
    'deplyo.ts': /there is no file deplyo\.ts\n {2}did you mean deploy\.ts\?/,
    deploy: /did you mean deploy\.ts\?/,
    'deploy.js': /did you mean deploy\.ts\?/,
    'provision.ts': /did you mean samples\/provision\.ts\?/,
    'samples/provison.ts': /did you mean samples\/provision\.ts\?/,
    'nowhere/deploy.ts': /did you mean deploy\.ts\?/,
  };
  for (const [given, text] of Object.entries(meant)) {
    const { stderr, status } = sluice(['run', given], { cwd });
    t.match(stderr, text);
    t.equal(status, 2);
  }
  t.notMatch(sluice(['run', 'something-else.ts'], { cwd }).stderr, /did you mean/);
  t.match(sluice(['run', 'samples'], { cwd }), { status: 2, stderr: /samples is a folder/ });
});

t.test('no default export, or none that can be run', async (t) => {
  const cases: Record<string, RegExp> = {
    'export const x = 1;':
      /x\.ts has no default export\n {2}write: export default function\* main\(\) \{ … \}; it exports x/,
    'export function* main() {}': /write: export default main/,
    'export default 3;': /the default export of x\.ts is the number 3\n/,
    'export default () => 3;': /the default function of x\.ts gave the number 3\n/,
    'export default async () => {};': /gave undefined\n.*function\*/,
    "import { runCommandGens } from 'sluice'; export default runCommandGens([]);":
      /the default export of x\.ts is a loop that runs already\n {2}leave runCommandGens to sluice/,
    "import { runCommandGens } from 'sluice'; export default () => runCommandGens([]);":
      /what the default function of x\.ts gave is a loop that runs already\n/,
  };
  for (const [code, text] of Object.entries(cases)) {
    const cwd = t.testdir({ 'x.ts': code });
    t.match(sluice(['run', 'x.ts'], { cwd }), { status: 2, stderr: text }, code);
  }
});

t.test('syntax errors show the place', async (t) => {
  const wrong = 'const a = 1;\n\nlet b = = 3;\n';
  const cases: Record<string, [files: Record<string, string>, text: RegExp]> = {
    'a.ts': [{ 'a.ts': wrong.replace('b', 'b: number') }, /SyntaxError: \S*a\.ts:3:17: [^]*let b: number = = 3;\n/],
    'b.ts': [{ 'b.ts': `import './wrong.ts';`, 'wrong.ts': wrong }, /wrong\.ts:3:9: /],
    'c.mjs': [{ 'c.mjs': wrong }, /c\.mjs:3\nlet b = = 3;\n/],
    'd.ts': [{ 'd.ts': `import './wrong.mjs';`, 'wrong.mjs': wrong }, /wrong\.mjs:3\nlet b = = 3;\n/],
    'e.cjs': [{ 'e.cjs': wrong }, /e\.cjs:3\nlet b = = 3;\n/],
    'f.cts': [{ 'f.cts': wrong }, /f\.cts:3:9: /],
    'g.ts': [
      { 'g.ts': `import { T } from './t.ts';`, 't.ts': 'export type T = 1;' },
      /g\.ts:1\n[^]*named 'T'\nif T is a type: import \{ type T \}\n$/,
    ],
  };
  for (const [file, [files, text]] of Object.entries(cases)) {
    const { stderr, status } = sluice(['run', file], { cwd: t.testdir(files) });
    t.match(stderr, text, file);
    t.notMatch(stderr, /hooks\.js|strip\.js|lib\/cli/, file);
    t.equal(status, 1, file);
  }
});

t.test('what a script throws has its own places, of TypeScript too', async (t) => {
  const cases: Record<string, [code: string, text: RegExp]> = {
    'at import': [
      `interface A { a: 1 }\n\nfunction f(): never {\n  throw new TypeError('boom', { cause: new Error('why') });\n}\nf();`,
      /^sluice: TypeError: boom\n {4}at f \(.*x\.ts:4:9\)\n {4}at .*x\.ts:6:1\n {2}cause: Error: why\n {6}at f .*x\.ts:4:40\)\n.*x\.ts:6:1\n$/,
    ],
    'at import, with code that is transformed': [
      `enum A { a }\n\nfunction f(): never {\n  throw new TypeError('boom');\n}\nf();`,
      /^sluice: TypeError: boom\n.* f .*x\.ts:4:9\)\n.*x\.ts:6:1\)?\n$/,
    ],
    'in a generator': [
      `interface A { a: 1 }\nimport { sleep } from 'sluice';\nexport default function* main(): any {\n  yield* sleep(1);\n  throw new TypeError('boom');\n}`,
      /^sluice: TypeError: boom\n {4}at main \(.*x\.ts:5:9\)\n$/,
    ],
    'in a function': [
      `export default () => {\n  throw new TypeError('boom');\n}`,
      /^sluice: TypeError: boom\n {4}at default \(.*x\.ts:2:9\)\n$/,
    ],
    'something else than an error': [`throw 3;`, /^sluice: it threw the number 3\n$/],
    'a package that is missing': [
      `import 'no-such-package';`,
      /^sluice: Error.*: Cannot find package 'no-such-package' imported from .*x\.ts\n$/,
    ],
  };
  for (const [what, [code, text]] of Object.entries(cases)) {
    const { stderr, status, stdout } = sluice(['run', 'x.ts'], { cwd: t.testdir({ 'x.ts': code }) });
    t.match(stderr, text, what);
    t.equal(stdout, '', what);
    t.equal(status, 1, what);
  }
});
