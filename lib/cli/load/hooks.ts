// Loader hooks that run TypeScript. They run on Node's loader thread, where nothing else of the library is loaded.
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { ownEntry } from './own.ts';
import { stripTypes } from './strip.ts';

type Resolved = { url: string; format?: string | null; shortCircuit?: boolean };
type ResolveContext = { parentURL?: string; conditions: string[]; importAttributes: Record<string, string> };
type Loaded = { format: string; source: string; shortCircuit: true };
type LoadContext = { format?: string | null };

const TYPESCRIPT = /\.[cm]?tsx?$/;
const swaps: Record<string, string[]> = { '.js': ['.ts', '.tsx'], '.mjs': ['.mts'], '.cjs': ['.cts'] };

/** 'sluice' first; for the rest Node's own resolution, then the habits of TypeScript ('./a.js' for a.ts, './a'). */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  const own = ownEntry(specifier);
  if (own !== undefined) return next(own, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_UNSUPPORTED_DIR_IMPORT') throw error;
    const found = beside(specifier, context.parentURL);
    if (found === undefined) throw error;
    return next(found, context);
  }
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
  // CommonJS is loaded by require's own means, see register.ts: what it requires is nothing for these hooks.
  if (path.endsWith('.cts') && isCommonJs(code)) return { format: 'commonjs', source: null, shortCircuit: true };
  return { format: 'module', source: code, shortCircuit: true } satisfies Loaded;
}

/** Compilers make CommonJS of a .cts file that has imports; here it is what it says. */
function isCommonJs(code: string): boolean {
  try {
    compileFunction(code, ['exports', 'require', 'module', '__filename', '__dirname']);
    return true;
  } catch {
    return false;
  }
}
