// Which local file a specifier means. Node resolves for the running module only, and by require's conditions for others; so what import
// means is found here: URLs, TypeScript's habits, a package's own `imports` and `exports`, and workspaces linked into node_modules.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve as resolvePath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as ResolveExports from 'resolve.exports';
import { beside } from './typescript/beside.ts';

export type How = 'import' | 'require';
interface Package {
  readonly folder: string;
  readonly json: { name?: string; main?: string; exports?: unknown; imports?: unknown };
}

const load = createRequire(import.meta.url);
const CONDITIONS = ['module-sync', 'node-addons'];
const inPackage = (path: string): boolean => /[\\/]node_modules[\\/]/.test(path);
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Resolves what the modules of one look import. It remembers what it has read, so it is to live for that look alone. */
export class Resolver {
  #packages = new Map<string, Package | undefined>();

  /**
   * The real path of the local file that `specifier` means in the module `from`; undefined: a package's, Node's, or no file at all.
   * A local one that is missing is `{ absent }`: where it was looked for.
   */
  resolve(specifier: string, from: string, how: How): string | undefined | { readonly absent: string } {
    // 'sluice' is the running copy, wherever it is linked from.
    if (isBuiltin(specifier) || /^sluice(\/|$)/.test(specifier)) return undefined;
    if (/^(\.\.?(\/|$)|\/|file:)/.test(specifier)) return this.#file(specifier, from, how);
    if (/^[a-z][a-z+.-]+:/i.test(specifier)) return undefined;
    const path = specifier.startsWith('#') ? this.#imports(specifier, from, how) : this.#package(specifier, from, how);
    if (path === undefined || typeof path === 'object') return path;
    if (!isFile(path)) return { absent: path };
    return local(path);
  }

  #file(specifier: string, from: string, how: How): string | undefined | { absent: string } {
    const parent = pathToFileURL(from).href;
    const url = new URL(
      how === 'require' ? pathToFileURL(resolvePath(dirname(from), specifier)) : new URL(specifier, parent),
    );
    url.search = url.hash = '';
    const path = fileURLToPath(url);
    if (isFile(path)) return local(path);
    if (how === 'require') {
      try {
        return local(createRequire(from).resolve(specifier));
      } catch {
        // TypeScript's habits, below
      }
    }
    const found = beside(url.href, parent);
    return found === undefined || !isFile(fileURLToPath(found)) ? { absent: path } : local(fileURLToPath(found));
  }

  /** A package's name for something of its own. */
  #imports(specifier: string, from: string, how: How): string | undefined | { absent: string } {
    const own = this.#around(dirname(from));
    if (own?.json.imports === undefined) return undefined;
    const target = this.#mapped('imports', own, specifier, how);
    if (target === undefined) return undefined;
    if (target.startsWith('./')) return join(own.folder, target);
    return this.resolve(target, join(own.folder, 'package.json'), how);
  }

  /** The package itself by its name, or one whose real place is not in node_modules. */
  #package(specifier: string, from: string, how: How): string | undefined {
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
    if (name === undefined) return undefined;
    const around = this.#around(dirname(from));
    const own =
      around?.json.name === name && around.json.exports !== undefined ? around : this.#linked(name, dirname(from));
    if (own === undefined) return undefined;
    const rest = specifier.slice(name.length + 1);
    if (own.json.exports !== undefined) {
      const target = this.#mapped('exports', own, rest === '' ? '.' : `./${rest}`, how);
      return target === undefined ? undefined : join(own.folder, target);
    }
    const main = join(own.folder, rest === '' ? (own.json.main ?? 'index.js') : rest);
    return [main, `${main}.js`, join(main, 'index.js')].find(isFile);
  }

  #mapped(kind: 'imports' | 'exports', { json }: Package, entry: string, how: How): string | undefined {
    const mapping = load('resolve.exports') as typeof ResolveExports;
    try {
      const found = mapping[kind](json, entry, { require: how === 'require', conditions: CONDITIONS });
      return found === undefined ? undefined : found[0];
    } catch {
      return undefined; // Node refuses it too
    }
  }

  #linked(name: string, folder: string): Package | undefined {
    for (let above = folder; ; above = dirname(above)) {
      const place = join(above, 'node_modules', name);
      if (statSync(place, { throwIfNoEntry: false })?.isDirectory() === true) {
        const real = realpathSync(place);
        return inPackage(`${real}/`) ? undefined : this.#at(real);
      }
      if (dirname(above) === above) return undefined;
    }
  }

  #around(folder: string): Package | undefined {
    for (let above = folder; ; above = dirname(above)) {
      const found = this.#at(above);
      if (found !== undefined || dirname(above) === above) return found;
    }
  }

  #at(folder: string): Package | undefined {
    if (this.#packages.has(folder)) return this.#packages.get(folder);
    let found: Package | undefined;
    try {
      found = { folder, json: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package['json'] };
    } catch {
      // none, or one that Node can't read either
    }
    this.#packages.set(folder, found);
    return found;
  }
}

function local(path: string): string | undefined {
  const real = realpathSync(path);
  return inPackage(real) ? undefined : real;
}
