import { mkdirSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { moduleCode } from '../../lib/store/modules.ts';

/** A folder of files, and what the code of one of them is made of. */
function folder(t: Test, files: Record<string, string>) {
  const root = realpathSync(t.testdir({}));
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const look = (name: string) => moduleCode(pathToFileURL(join(root, name)).href);
  const shown = (paths: readonly string[]): string[] => paths.map((path) => relative(root, path));
  return {
    root,
    write,
    files: (name: string) => shown(look(name).files),
    absent: (name: string) => shown(look(name).absent),
  };
}

t.test('all that is imported, at any distance, in every spelling', async (t) => {
  const { files, root } = folder(t, {
    'package.json': '{"type":"module"}',
    'main.js': `#!/usr/bin/env node
      import { a } from './a.js';
      import './effect.js?x=1#y';
      export * from "./star.mjs";
      export { d as default } from './named.js';
      import data from './data.json' with { type: 'json' };
      import fs from 'node:fs'; import path from 'path'; import 'data:text/javascript,1';
      const lazy = () => import('./lazy.js'); const tick = () => import(\`./tick.js\`);
      const any = (name) => import(name) ?? import(\`./\${name}.js\`);
      // import './comment.js'
      const text = "import './text.js'"; const regexp = /import '.\\/regexp.js'/;
    `,
    ...{ 'a.js': "import './deep/b.js'", 'deep/b.js': "import '../a.js'; import '../main.js'; import './c.cjs'" },
    'deep/c.cjs':
      "const d = require('./d'); const e = require(`./e.json`); require('./folder'); exports.x = require('fs')",
    ...{ 'deep/d.js': '', 'deep/e.json': '{}', 'deep/folder/index.js': '' },
    ...{
      'effect.js': '',
      'star.mjs': '',
      'named.js': '',
      'data.json': '{}',
      'lazy.js': '',
      'tick.js': '',
      'text.js': '',
      'comment.js': '',
    },
  });
  t.strictSame(files('main.js'), [
    ...[
      'main.js',
      'a.js',
      'effect.js',
      'star.mjs',
      'named.js',
      'data.json',
      'lazy.js',
      'tick.js',
      'deep/b.js',
      'deep/c.cjs',
    ],
    ...['deep/d.js', 'deep/e.json', 'deep/folder/index.js'],
  ]);
  t.same(moduleCode(join(root, 'lazy.js')).files, [join(root, 'lazy.js')], 'a path does, too');
  t.same(moduleCode(`${pathToFileURL(join(root, 'lazy.js')).href}?t=1`).files, [join(root, 'lazy.js')]);
});

t.test('TypeScript: types are no imports, and files are found by its habits', async (t) => {
  const { files } = folder(t, {
    'main.mts': `
      import type { T } from './types.ts';
      import { type U, u } from './u.js';
      export type { V } from './types.ts';
      import w from './w';
      import './x.mjs';
      type Z = import('./types.ts').Z;
      interface I { of: typeof import('./types.ts') }
      enum E { A }
      export async function* f<const A extends T>(a: A, b = a! as unknown as Promise<U>) { yield a satisfies T; await import('./y.ts') }
    `,
    ...{
      'types.ts': 'export type T = 1',
      'u.ts': "import './v.cts'",
      'v.cts': "import q = require('./q.cjs')",
      'q.cts': '',
    },
    ...{ 'w/index.ts': '', 'x.mts': '', 'y.ts': '' },
  });
  t.strictSame(files('main.mts'), ['main.mts', 'u.ts', 'w/index.ts', 'x.mts', 'y.ts', 'v.cts', 'q.cts']);
});

t.test("a package's own names, and linked workspaces, are local; packages are not", async (t) => {
  const { files, root, write } = folder(t, {
    'app/package.json': `{"name": "app", "exports": {"./self": {"import": "./esm.js", "require": "./cjs.cjs"}},
      "imports": {"#one": "./one.js", "#by/*": {"import": "./by/*.mjs", "default": "./no.js"}, "#out": "lib-b", "#fs": "node:fs"}}`,
    'app/main.mjs': `import '#one'; import '#by/x'; import '#out'; import '#fs'; import '#none'; import 'app/self';
      import 'plain'; import 'sluice'; import 'lib-a'; import 'lib-a/sub/thing'; import '@s/c'; import 'not-there'`,
    'app/cjs.js': "require('app/self'); require('lib-a'); require('plain')",
    ...{ 'app/one.js': '', 'app/by/x.mjs': '', 'app/esm.js': '', 'app/cjs.cjs': '', 'app/no.js': '' },
    'libs/a/package.json':
      '{"name": "lib-a", "exports": {".": {"import": "./src/in.js"}, "./sub/*": {"types": "./t.d.ts", "default": "./src/*.js"}}}',
    ...{ 'libs/a/src/in.js': "export * from './more.js'", 'libs/a/src/more.js': '', 'libs/a/src/thing.js': '' },
    ...{
      'libs/b/package.json': '{"main": "lib/b"}',
      'libs/b/lib/b.js': '',
      'libs/c/index.js': '',
      'libs/c/package.json': '{}',
    },
    ...{ 'node_modules/plain/index.js': "import './other.js'", 'node_modules/plain/package.json': '{}' },
    'node_modules/.store/linked/index.js': '',
  });
  symlinkSync('../libs/a', join(root, 'node_modules/lib-a'));
  symlinkSync('../libs/b', join(root, 'node_modules/lib-b'));
  mkdirSync(join(root, 'node_modules/@s'));
  symlinkSync('../../libs/c', join(root, 'node_modules/@s/c'));
  symlinkSync('.store/linked', join(root, 'node_modules/stored'));
  t.strictSame(files('app/main.mjs'), [
    ...[
      'app/main.mjs',
      'app/one.js',
      'app/by/x.mjs',
      'libs/b/lib/b.js',
      'app/esm.js',
      'libs/a/src/in.js',
      'libs/a/src/thing.js',
    ],
    ...['libs/c/index.js', 'libs/a/src/more.js'],
  ]);
  t.strictSame(files('app/cjs.js'), ['app/cjs.js', 'app/cjs.cjs'], 'lib-a has nothing for require');
  write('app/stored.mjs', "import 'stored'");
  t.strictSame(files('app/stored.mjs'), ['app/stored.mjs']);
});

t.test('a symbolic link is the file behind it', async (t) => {
  const { files, root } = folder(t, {
    'real/a.js': "import './b.js'",
    'real/b.js': '',
    'main.js': "import './link.js'; import './real/a.js'",
  });
  symlinkSync('real/a.js', join(root, 'link.js'));
  t.strictSame(files('main.js'), ['main.js', 'real/a.js', 'real/b.js']);
});

t.test('a file that is missing or unreadable is an error that names who imports it', async (t) => {
  const { files, absent, write } = folder(t, {
    'main.js': "import './a.js'",
    'a.js': "export { x } from './gone.js'",
    'broken.js': "import './worse.js'",
    'worse.js': 'import { "a',
    'optional.cjs': "try { require('./build/x.node') } catch {} import('./later.mjs').catch(() => {})",
  });
  t.throws(() => files('main.js'), {
    name: 'TypeError',
    message: /\/a\.js imports '\.\/gone\.js', but there is no .*\/gone\.js/,
  });
  t.throws(() => files('broken.js'), {
    name: 'TypeError',
    message: /\/worse\.js, imported by .*\/broken\.js, can't be read as a module/,
  });
  t.strictSame([files('optional.cjs'), absent('optional.cjs')], [['optional.cjs'], ['later.mjs', 'build/x.node']]);
  write('later.mjs', '');
  t.strictSame(files('optional.cjs'), ['optional.cjs', 'later.mjs']);
  t.throws(() => moduleCode('file:///no/such/module.js'), /there is no module \/no\/such\/module\.js/);
  for (const url of ['main.js', 'node:fs', 'data:text/javascript,1', undefined])
    t.throws(() => moduleCode(url as never), TypeError);
});

t.test('what has changed is read again, and what has not is not', async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [
      `m${index}.ts`,
      `import './m${(index + 1) % 400}.ts';\n${'// text\n'.repeat(500)}`,
    ]),
  );
  const { files, root, write } = folder(t, many);
  t.equal(files('m0.ts').length, 400);
  write('m1.ts', "import './m3.ts'");
  t.notOk(files('m0.ts').includes('m2.ts'));
  const text = "import './m2.ts'";
  write('m1.ts', text);
  utimesSync(join(root, 'm1.ts'), 1, 1);
  t.ok(files('m0.ts').includes('m2.ts'), 'of the same size');
  rmSync(join(root, 'm2.ts'));
  t.throws(() => files('m0.ts'), /m1\.ts imports '\.\/m2\.ts'/);
});
