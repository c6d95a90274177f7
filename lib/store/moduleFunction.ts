// Whether a function is one that its module declares at its top level: then module and text tell it, and nothing else can be
// the same. JavaScript doesn't tell where a function came from, so its text is looked for among all functions of the module.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { AnyNode, Function as FunctionNode, Program } from 'acorn';
import type * as Acorn from 'acorn';
import { modulePath, stampOf } from './modules.ts';
import { stripTypes } from './typescript/strip.ts';

interface Declared {
  readonly text: string;
  /** Its code without spaces, comments and kinds of quotes. */
  readonly code: string | undefined;
  /** By what the top level of the module calls it; undefined: it stands somewhere else. */
  readonly name: string | undefined;
}

const load = createRequire(import.meta.url);
const known = new Map<string, { readonly stamp: string | undefined; readonly functions: readonly Declared[] }>();

/**
 * 'found' where the module at `url` declares `fn` at its top level, exported or not: `function* f() {…}`, `const f = () => …`,
 * `export default function …`, `exports.f = function …`. Else why not, in words that follow "it". A function made inside of another one may
 * use what that one holds; one whose text stands there twice may be either; one whose text isn't there was loaded from
 * other code than the file has now.
 */
export function moduleFunction(url: string, fn: (...args: any[]) => unknown): 'found' | { readonly problem: string } {
  if (typeof fn !== 'function') throw new TypeError(`moduleFunction: needs a function, not ${typeof fn}`);
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}$/.test(text))
    return { problem: 'is bound, a proxy or built in, so its code is not to be seen' };
  if (/^class\b/.test(text)) return { problem: 'is a class' };
  let path: string;
  let functions: readonly Declared[];
  try {
    path = modulePath(url);
    functions = functionsOf(path);
  } catch (error) {
    return { problem: `can't be looked up in its module: ${(error as Error).message}` };
  }
  let same = functions.filter((one) => one.text === text);
  // Loaders differ in spaces, comments and quotes.
  if (same.length === 0) {
    const wanted = codeOf(text);
    same = wanted === undefined ? [] : functions.filter((one) => one.code === wanted);
  }
  if (same.length === 0)
    return {
      problem: `is not declared in ${path} as it was loaded (made elsewhere, or the file was edited meanwhile)`,
    };
  const top = same.filter(({ name }) => name !== undefined);
  if (top.length === 0) return { problem: `is made inside of something else in ${path}, not at its top level` };
  if (top.length < same.length) return { problem: `stands in ${path} more than once, and not only at its top level` };
  if (top.length > 1 && top.filter(({ name }) => name === fn.name).length !== 1)
    return { problem: `stands at the top level of ${path} more than once` };
  return 'found';
}

function functionsOf(path: string): readonly Declared[] {
  const stamp = stampOf(path);
  const before = known.get(path);
  if (before !== undefined && before.stamp === stamp) return before.functions;
  const source = readFileSync(path, 'utf8');
  const code = /\.[cm]?tsx?$/.test(path) ? stripTypes(source, path, pathToFileURL(path).href) : source;
  const program = parse(code);
  const names = new Map(program.body.flatMap((statement) => topLevel(statement)));
  const functions = [...nodesOf(program)].filter(isFunction).map((node) => ({
    text: code.slice(node.start, node.end),
    get code() {
      return canonical(node);
    },
    name: names.get(node),
  }));
  known.set(path, { stamp, functions });
  return functions;
}

function parse(code: string): Program {
  const acorn = load('acorn') as typeof Acorn;
  try {
    return acorn.parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  } catch (error) {
    try {
      return acorn.parse(code, { ecmaVersion: 'latest', sourceType: 'commonjs', allowHashBang: true });
    } catch {
      throw error;
    }
  }
}

const isFunction = (node: AnyNode): node is FunctionNode & AnyNode =>
  node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression';

/** The functions that a statement of the top level declares, each with its name. */
function topLevel(statement: AnyNode): [AnyNode, string][] {
  switch (statement.type) {
    case 'FunctionDeclaration':
      return [[statement, (statement as { id: { name: string } | null }).id?.name ?? 'default']];
    case 'VariableDeclaration':
      return statement.declarations.flatMap(({ id, init }): [AnyNode, string][] =>
        id.type === 'Identifier' && init ? named(init, id.name) : [],
      );
    case 'ExportNamedDeclaration':
      return statement.declaration ? topLevel(statement.declaration) : [];
    case 'ExportDefaultDeclaration':
      return isFunction(statement.declaration) && statement.declaration.type === 'FunctionDeclaration'
        ? topLevel(statement.declaration)
        : named(statement.declaration, 'default');
    case 'ExpressionStatement': {
      const { expression } = statement;
      if (expression.type !== 'AssignmentExpression' || expression.operator !== '=') return [];
      const name = /^(?:module\.)?exports(?:\.(\w+))?$/.exec(memberText(expression.left) ?? '');
      return name === null ? [] : named(expression.right, name[1] ?? 'module.exports');
    }
    default:
      return [];
  }
}

/** Functions get the name of what they are assigned to unless they have one. */
function named(node: AnyNode, name: string): [AnyNode, string][] {
  if (!isFunction(node)) return [];
  return [[node, (node as { id?: { name: string } | null }).id?.name ?? name]];
}

function memberText(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name;
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier') return undefined;
  const object = memberText(node.object);
  return object === undefined ? undefined : `${object}.${node.property.name}`;
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** Without recursion: a sum of a thousand texts is a thousand deep. */
function* nodesOf(program: AnyNode): Generator<AnyNode> {
  const open: unknown[] = [program];
  while (open.length > 0) {
    const one = open.pop();
    if (Array.isArray(one)) for (const item of one as unknown[]) open.push(item);
    else if (isNode(one)) {
      yield one;
      for (const value of Object.values(one)) if (typeof value === 'object') open.push(value);
    }
  }
}

/** The code of a function's text; undefined where it is none by itself (a method). */
function codeOf(text: string): string | undefined {
  try {
    const [statement] = parse(`(${text});`).body;
    return statement?.type === 'ExpressionStatement' ? canonical(statement.expression) : undefined;
  } catch {
    return undefined;
  }
}

/** A function as it is parsed, less where and how it is written; undefined where it is too deep for that. */
function canonical(node: AnyNode): string | undefined {
  try {
    return JSON.stringify(node, function (this: object, key, value: unknown) {
      if (key === 'start' || key === 'end' || typeof value === 'bigint') return undefined;
      if (key === 'raw' && !('cooked' in this)) return undefined;
      return key === 'type' && value === 'FunctionDeclaration' ? 'FunctionExpression' : value;
    });
  } catch {
    return undefined;
  }
}
