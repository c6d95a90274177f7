// Loader hooks that run TypeScript by removing its types. Types become blanks, so every position in a stack trace is the
// source's own; only code that types alone can't express (enum, namespace, parameter properties) is transformed, with a
// source map. They run on Node's loader thread, so this file imports nothing else of the library.
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dirname, join } from 'node:path';

type Resolved = { url: string; format?: string | null; shortCircuit?: boolean };
type ResolveContext = { parentURL?: string; conditions: string[]; importAttributes: Record<string, string> };
type Loaded = { format: string; source: string; shortCircuit: true };
type LoadContext = { format?: string | null };

const TYPESCRIPT = /\.[cm]?tsx?$/;
const OWN = /^sluice(\/rx|\/testing)?$/;
const swaps: Record<string, string[]> = { '.js': ['.ts', '.tsx'], '.mjs': ['.mts'], '.cjs': ['.cts'] };

const own = new URL('../../', import.meta.url); // dist/lib/, where the running copy is

/** Node's own resolution first; then the TypeScript habits ('./a.js' for a.ts, './a'), then 'sluice' from anywhere. */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  try {
    return await next(specifier, context);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_UNSUPPORTED_DIR_IMPORT') throw error;
    const found = OWN.test(specifier) ? ownEntry(specifier) : beside(specifier, context.parentURL);
    if (found === undefined) throw error;
    return next(found, context);
  }
}

function ownEntry(specifier: string): string {
  const part = OWN.exec(specifier)?.[1];
  return new URL(part === undefined ? 'index.js' : `${part.slice(1)}/index.js`, own).href;
}

function beside(specifier: string, parent: string | undefined): string | undefined {
  if (!/^(\.\.?\/|file:|\/)/.test(specifier)) return undefined;
  const url = new URL(specifier, parent).href;
  const extension = /\.[cm]?js$/.exec(url)?.[0];
  const candidates =
    extension === undefined
      ? ['.ts', '.tsx', '.mts', '.js', '/index.ts', '/index.js'].map((end) => url + end)
      : (swaps[extension] ?? []).map((end) => url.slice(0, -extension.length) + end);
  return candidates.find((candidate) => existsSync(fileURLToPath(candidate)));
}

export async function load(
  url: string,
  context: LoadContext,
  next: (url: string, context: LoadContext) => Promise<unknown>,
): Promise<unknown> {
  if (!url.startsWith('file:') || !TYPESCRIPT.test(new URL(url).pathname)) return next(url, context);
  const path = fileURLToPath(url);
  const code = stripTypes(await readFile(path, 'utf8'), path, url);
  if (path.endsWith('.cts')) return { format: 'module', source: commonJs(code, path), shortCircuit: true };
  return { format: 'module', source: code, shortCircuit: true } satisfies Loaded;
}

type Swc = {
  transformSync(
    code: string,
    options: { mode: 'strip-only' | 'transform'; sourceMap?: boolean; filename?: string; module?: boolean },
  ): { code: string; map?: string };
};
let swc: Swc | undefined;

function stripTypes(code: string, path: string, url: string): string {
  swc ??= createRequire(import.meta.url)('@swc/wasm-typescript') as Swc;
  try {
    return `${swc.transformSync(code, { mode: 'strip-only', filename: path }).code}\n//# sourceURL=${url}`;
  } catch (error) {
    if ((error as { code?: string }).code !== 'UnsupportedSyntax') throw syntaxError(error, path);
  }
  try {
    const { code: js, map } = swc.transformSync(code, { mode: 'transform', sourceMap: true, filename: url });
    const encoded = Buffer.from(map ?? '').toString('base64');
    return `${js}\n//# sourceMappingURL=data:application/json;base64,${encoded}`;
  } catch (error) {
    throw syntaxError(error, path);
  }
}

/** swc throws plain objects; a SyntaxError that shows the place is what a user can act on. */
function syntaxError(error: unknown, path: string): Error {
  if (error instanceof Error) return error;
  const { message, snippet, startLine, startColumn } = error as Record<string, string | number | undefined>;
  const place = startLine === undefined ? path : `${path}:${startLine}:${Number(startColumn) + 1}`;
  return new SyntaxError(`${place}: ${message ?? String(error)}${snippet === undefined ? '' : `\n${snippet}`}`);
}

/** Node's loader can't hand us CommonJS source on every version we support, so it is wrapped. */
function commonJs(code: string, path: string): string {
  const quoted = JSON.stringify(path);
  const folder = JSON.stringify(dirname(path));
  return [
    `import { createRequire } from 'node:module'; const module = { exports: {} }; (function (exports, require, module, __filename, __dirname) {`,
    code.replace(/\n\/\/# source(URL|MappingURL)=.*$/, ''),
    `\n})(module.exports, createRequire(${JSON.stringify(pathToFileURL(join(path)).href)}), module, ${quoted}, ${folder}); export default module.exports;`,
  ].join('');
}
