import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { moduleFunction } from '../../lib/store/moduleFunction.ts';

type Functions = Record<string, (...args: any[]) => any>;

async function loaded(t: Test, name: string, code: string): Promise<{ module: Functions; url: string; path: string }> {
  const path = join(t.testdir({ [name]: code }), name);
  const url = pathToFileURL(path).href;
  return { module: (await import(url)) as Functions, url, path };
}

const inside = { problem: /is made inside of something else in .*, not at its top level/ };
const elsewhere = { problem: /is not declared in .* as it was loaded/ };

const javascript = `
  function hidden() {}
  export const get = () => hidden;
  export function* generator() { yield 1; }
  export async function* asyncGenerator() { yield 'a\\n'; }
  export const arrow = async () => 1, expression = function* named() {};
  export let plain = function () { return /a\\/b/g.test(\`\${1n}\`); };
  export default () => { return 'default'; };
  export const made = ((x) => () => x)(5);
  export const factory = (x) => function* inner() { return x; };
  export const inner = factory(1);
  export const wrapped = ((fn) => fn)(function* wrapped() {});
  export const object = { *method() {}, arrow: () => 0 };
  export class Class { static *task() {} *own() {} }
  const first = () => 'same'; const second = () => 'same';
  export { first, second };
  export const twice = () => 'twice';
  export const nested = () => () => 'twice';
  let later; later = function* later() {};
  export { later };
  if (true) { var conditional = function* conditional() {}; }
  export { conditional };
  export const sum = () => ${Array.from({ length: 2000 }, (_, index) => index).join(' + ')};
`;

t.test('functions of the top level are found, and no others', async (t) => {
  const { module, url, path } = await loaded(t, 'a.mjs', javascript);
  const found = [
    'generator',
    'asyncGenerator',
    'arrow',
    'expression',
    'plain',
    'default',
    'factory',
    'first',
    'second',
    'nested',
    'sum',
  ];
  for (const name of found) t.equal(moduleFunction(url, module[name]!), 'found', name);
  t.equal(moduleFunction(path, module['get']!()), 'found', 'one that is not exported');
  t.equal(moduleFunction(`${url}?t=5`, module['get']!), 'found');
  for (const name of ['made', 'inner', 'wrapped', 'later', 'conditional'])
    t.match(moduleFunction(url, module[name]!), inside, name);
  const { object, Class, twice } = module as any;
  for (const fn of [object.method, object.arrow, Class.task, Class.prototype.own])
    t.not(moduleFunction(url, fn), 'found');
  t.match(moduleFunction(url, twice), { problem: /more than once, and not only at its top level/ });
  t.match(moduleFunction(url, module['nested']!()), { problem: /more than once/ });
  t.match(moduleFunction(url, Class), { problem: 'is a class' });
  for (const fn of [module['plain']!.bind(null), new Proxy(module['plain']!, {}), Math.max])
    t.match(moduleFunction(url, fn), { problem: /is bound, a proxy or built in/ });
  t.match(
    moduleFunction(url, () => 'elsewhere'),
    elsewhere,
  );
  t.match(moduleFunction(url, new Function('return 1') as () => unknown), elsewhere);
  t.match(
    moduleFunction('file:///no/such.js', () => 0),
    { problem: /can't be looked up in its module: there is no module/ },
  );
  t.throws(() => moduleFunction(url, 5 as never), /needs a function/);
});

t.test('the same text twice at the top level is told apart by its name only', async (t) => {
  const { module, url } = await loaded(t, 'b.mjs', 'export const a = () => 1; export const b = () => 1;');
  t.equal(moduleFunction(url, module['a']!), 'found');
  Object.defineProperty(module['a'], 'name', { value: 'c' });
  t.match(moduleFunction(url, module['a']!), { problem: /top level of .* more than once/ });
});

t.test('TypeScript, as its types were taken away', async (t) => {
  const types = `
    type T = { a: string };
    export async function* task<const A extends T>(this: void, a?: A, ...rest: readonly unknown[]): AsyncGenerator<A> {
      // a comment
      const b = a! as unknown as A satisfies A; yield b;
    }
    export const arrow = <A,>(a: A): A => a;
    export default function (a: number) { return <number>a; }
  `;
  const { module, url } = await loaded(t, 'c.mts', types);
  for (const name of ['task', 'arrow', 'default']) t.equal(moduleFunction(url, module[name]!), 'found', name);
  const transformed = await loaded(
    t,
    'd.ts',
    `${types} enum E { A = 'x' } export class P { constructor(readonly a: E) {} }`,
  );
  for (const name of ['task', 'arrow', 'default'])
    t.equal(
      moduleFunction(transformed.url, transformed.module[name]!),
      'found',
      `${name}, with code that blanks can't replace`,
    );
});

t.test('other spaces, comments and quotes are the same code, other code is not', async (t) => {
  const { module, url, path } = await loaded(
    t,
    'e.mjs',
    `export function* f(a) {\n  return ['x', a, 1n, /r/]; // why\n}`,
  );
  writeFileSync(path, 'export function*f(a){return ["x",a,1n,/r/]}');
  t.equal(moduleFunction(url, module['f']!), 'found');
  for (const other of ['"y",a,1n,/r/', '"x",a,2n,/r/', '"x",a,1n,/s/', '"x",b,1n,/r/']) {
    writeFileSync(path, `export function* f(a) { return [${other}]; }`);
    t.match(moduleFunction(url, module['f']!), elsewhere, other);
  }
  writeFileSync(path, 'export function* f(a { }');
  t.match(moduleFunction(url, module['f']!), {
    problem: /can't be looked up in its module: .*Unexpected token|e\.mjs/,
  });
});

t.test('CommonJS', async (t) => {
  const code = `with ({}) {} exports.a = function* () {}; module.exports.b = () => 0; function c() {} exports.c = c; exports.d = { e() {} }.e; return;`;
  const path = join(t.testdir({ 'f.cjs': code, 'g.cjs': 'module.exports = () => 5;' }), 'f.cjs');
  const module = createRequire(path)(path) as Functions;
  for (const name of ['a', 'b', 'c']) t.equal(moduleFunction(path, module[name]!), 'found', name);
  t.not(moduleFunction(path, module['d']!), 'found');
  const other = path.replace('f.cjs', 'g.cjs');
  t.equal(moduleFunction(other, createRequire(other)(other) as () => unknown), 'found');
});
