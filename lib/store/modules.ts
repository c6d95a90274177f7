// What code a module-level function depends on: its module and the local modules that this imports, and whether the function is one.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Lexer from 'es-module-lexer';
import { Resolver, type How } from './resolve.ts';

/** The code of a module. */
export interface ModuleCode {
  /** Real absolute paths: the module, then what it imports, in the order of the imports. */
  readonly files: readonly string[];
  /** Where files were looked for that aren't there, of `import()` and `require()`, which may be meant to fail. */
  readonly absent: readonly string[];
}

interface Import {
  readonly specifier: string;
  readonly how: How;
  /** Fails with its module where it is missing. */
  readonly needed: boolean;
}

/** What a file is known by: another one, or one written again, differs. */
export function stampOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (stat?.isFile() !== true) return undefined;
  return [stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino, stat.dev].join();
}

const scanned = new Map<string, { readonly stamp: string; readonly imports: readonly Import[] }>();
const CODE = /\.[cm]?[jt]sx?$/;
const REQUIRE = /\brequire\s*\(\s*(['"`])((?:\.\.?\/|\/|#|@?[\w-])[^'"`\n\\$]*)\1\s*[,)]/g;

/** The real path behind a module's URL (or path). */
export function modulePath(url: string): string {
  if (typeof url !== 'string' || !(url.startsWith('file:') || isAbsolute(url)))
    throw new TypeError(`a module is told by its file: URL (import.meta.url), not by ${JSON.stringify(url)}`);
  const path = url.startsWith('file:') ? fileURLToPath(Object.assign(new URL(url), { search: '', hash: '' })) : url;
  if (stampOf(path) === undefined) throw new TypeError(`there is no module ${path}`);
  return realpathSync(path);
}

/**
 * The files of a module's code: its own, and all local ones that it imports, by `import`, `export … from`, `import('…')` and `require('…')` with
 * texts, at any distance. Resolved as Node does, with TypeScript's habits (lib/cli/load). Local is what is outside of
 * node_modules by its real path; packages and Node's modules are none, imports of types neither, and what is imported by a computed name
 * is not seen. TypeError: a file that is missing, or can't be read as a module; it names who imports it.
 */
export function moduleCode(url: string): ModuleCode {
  const resolver = new Resolver();
  const files = new Map<string, string | undefined>([[modulePath(url), undefined]]);
  const absent = new Set<string>();
  // A Map gives what is added while it is read.
  for (const [path, importer] of files) {
    for (const { specifier, how, needed } of importsOf(path, importer)) {
      const found = resolver.resolve(specifier, path, how);
      if (typeof found === 'string') {
        if (!files.has(found)) files.set(found, path);
      } else if (found !== undefined && needed) {
        throw new TypeError(`${path} imports '${specifier}', but there is no ${found.absent}`);
      } else if (found !== undefined) absent.add(found.absent);
    }
  }
  return { files: [...files.keys()], absent: [...absent] };
}

function importsOf(path: string, importer: string | undefined): readonly Import[] {
  if (!CODE.test(path)) return [];
  const stamp = stampOf(path);
  const known = scanned.get(path);
  if (known !== undefined && known.stamp === stamp) return known.imports;
  try {
    const imports = scan(readFileSync(path, 'utf8'));
    if (stamp !== undefined) scanned.set(path, { stamp, imports });
    return imports;
  } catch (error) {
    const by = importer === undefined ? '' : `, imported by ${importer},`;
    throw new TypeError(`${path}${by} can't be read as a module: ${(error as Error).message}`, { cause: error });
  }
}

/** A lexer that knows TypeScript: hundreds of modules are read in the time that parsing one takes. */
function scan(code: string): readonly Import[] {
  const imports: Import[] = [];
  const { parse } = createRequire(import.meta.url)('es-module-lexer') as typeof Lexer;
  for (const one of parse(code)[0]) {
    if (one.type === 'import-meta') continue;
    if (one.type !== 'dynamic') {
      if (!one.typeOnly) imports.push({ specifier: one.specifier, how: 'import', needed: true });
    } else if (one.specifier !== undefined && !one.glob && !one.probablyTypeOnly)
      imports.push({ specifier: one.specifier, how: 'import', needed: false });
  }
  for (const [, , specifier = ''] of code.matchAll(REQUIRE)) imports.push({ specifier, how: 'require', needed: false });
  return imports;
}
