// Loader hooks that run TypeScript, in the two forms that Node knows: `moduleHooks` are called in place, for import and require
// alike (from Node 24 on); `resolve` and `load` run on Node's loader thread, for import only.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { beside } from '../../store/typescript/beside.ts';
import { stripTypes } from '../../store/typescript/strip.ts';
import { ownEntry } from './own.ts';

type Resolved = { url: string; format?: string | null; shortCircuit?: boolean };
type ResolveContext = { parentURL?: string; conditions: string[]; importAttributes: Record<string, string> };
type Loaded = { format: string; source: string | null; shortCircuit: true };
type LoadContext = { format?: string | null };

const TYPESCRIPT = /\.[cm]?tsx?$/;

/**
 * 'sluice' first; for the rest Node's own resolution, then the habits of TypeScript ('./a.js' for a.ts, './a'): what Node's
 * `error` is answered with. Throws it where there is nothing.
 */
function instead(error: unknown, specifier: string, parent: string | undefined): string {
  const code = (error as { code?: string }).code;
  const missing = ['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT', 'MODULE_NOT_FOUND'].includes(code ?? '');
  const found = missing ? beside(specifier, parent) : undefined;
  if (found === undefined) throw error;
  return found;
}

/** Node's hook `resolve`, for the thread of module.register(). */
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
    return next(instead(error, specifier, context.parentURL), context);
  }
}

/** Node's hook `load`, likewise. */
export async function load(
  url: string,
  context: LoadContext,
  next: (url: string, context: LoadContext) => Promise<unknown>,
): Promise<unknown> {
  const loaded = typescript(url);
  // CommonJS is loaded by require's own means, see register.ts: what it requires is nothing for these hooks.
  return loaded?.format === 'commonjs' ? { ...loaded, source: null } : (loaded ?? next(url, context));
}

/** Both for module.registerHooks(), which calls them in place. */
export const moduleHooks = {
  resolve(specifier: string, context: ResolveContext, next: (specifier: string, context: ResolveContext) => Resolved) {
    const own = ownEntry(specifier);
    // For a require() Node itself takes no URL.
    if (own !== undefined) return { url: own, format: 'module', shortCircuit: true };
    try {
      return next(specifier, context);
    } catch (error) {
      return next(instead(error, specifier, context.parentURL), context);
    }
  },
  load(url: string, context: LoadContext, next: (url: string, context: LoadContext) => unknown) {
    return typescript(url) ?? next(url, context);
  },
};

function typescript(url: string): Loaded | undefined {
  if (!url.startsWith('file:') || !TYPESCRIPT.test(new URL(url).pathname)) return undefined;
  const path = fileURLToPath(url);
  const source = stripTypes(readFileSync(path, 'utf8'), path, url);
  const format = path.endsWith('.cts') && isCommonJs(source) ? 'commonjs' : 'module';
  return { format, source, shortCircuit: true };
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
