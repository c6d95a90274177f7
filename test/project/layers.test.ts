// Layers point one way (docs/decisions.md, design): an import of a higher layer fails here.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const lib = join(dirname(fileURLToPath(import.meta.url)), '../../lib');

/** Lowest first; layers on one line know nothing of each other. */
const layers = [
  ['kernel'],
  ['store'],
  ['spawn'],
  ['runners'],
  ['ssh'],
  ['compose'],
  ['advice'],
  ['fleet'],
  ['rx', 'report', 'testing'],
  ['cli'],
];
const rank = new Map(layers.flatMap((names, index) => names.map((name) => [name, index] as const)));

function* modules(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* modules(path);
    else yield path;
  }
}

const imports = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, name]) =>
    resolve(dirname(path), name!),
  );

t.test('every folder of lib is a layer', async (t) => {
  for (const entry of readdirSync(lib, { withFileTypes: true })) {
    if (entry.isDirectory()) t.ok(rank.has(entry.name), `lib/${entry.name} has a place in the order`);
  }
});

t.test('no import points upward', async (t) => {
  for (const path of modules(lib)) {
    const [layer = '', ...rest] = relative(lib, path).split('/');
    if (rest.length === 0) continue; // lib/index.ts is above all
    for (const target of imports(path)) {
      const [other = ''] = relative(lib, target).split('/');
      const upward =
        other === 'index.ts'
          ? layer !== 'cli' && layer !== 'testing'
          : other !== layer && rank.get(other)! >= rank.get(layer)!;
      t.notOk(upward, `${relative(lib, path)} imports ${relative(lib, target)}`);
    }
  }
});

t.test('only the kernel knows the inside of a run', async (t) => {
  for (const path of modules(lib)) {
    if (path.startsWith(join(lib, 'kernel'))) continue;
    for (const target of imports(path))
      t.notOk(target.startsWith(join(lib, 'kernel/run/')), `${relative(lib, path)} imports ${relative(lib, target)}`);
  }
});

/** What a module imports when it runs: types alone are nothing then. */
const loads = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/^(?:import|export) (?!type )(?:([^;']*?) from )?'(\.[^']+)';$/gm)]
    .filter(([, names = '']) => !/^\{(\s*type [^,}]+,?)+\s*\}$/.test(names))
    .map(([, , name]) => resolve(dirname(path), name!));

t.test('imports that run go round nowhere, but for tasks, which yield what is made into tasks', async (t) => {
  const state = new Map<string, 'open' | 'done'>();
  const rounds: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (state.get(path) === 'open')
      rounds.push([...above.slice(above.indexOf(path)), path].map((one) => relative(lib, one)).join(' > '));
    if (state.has(path)) return;
    state.set(path, 'open');
    for (const target of loads(path)) visit(target, [...above, path]);
    state.set(path, 'done');
  };
  visit(join(lib, 'kernel/task.ts'), []);
  for (const path of modules(lib)) visit(path, []);
  t.same(rounds, ['kernel/task.ts > kernel/runnable.ts > kernel/task.ts']);
});

t.test('sluice imports rxjs nowhere but in lib/rx, and yargs nowhere but in lib/cli', async (t) => {
  for (const path of modules(lib)) {
    const [layer] = relative(lib, path).split('/');
    const text = readFileSync(path, 'utf8');
    for (const [name, only] of [
      ['rxjs', 'rx'],
      ['yargs', 'cli'],
      ['execa', 'spawn'],
      ['koffi', 'spawn'],
      ['split2', 'runners'],
      ['devalue', 'store'],
      ['acorn', 'store'],
      ['es-module-lexer', 'store'],
      ['resolve.exports', 'store'],
    ] as const) {
      if (layer !== only)
        t.notMatch(text, new RegExp(`(from|import) ?\\(?'${name}`), `${relative(lib, path)} and ${name}`);
    }
  }
});
