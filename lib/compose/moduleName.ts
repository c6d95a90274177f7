import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const names = new Map<string, string>();

/**
 * How a module is told in a spec: by its path from the root of its project, so that it is the same wherever that is checked
 * out; by its URL where it is in none. What stands behind a `?` makes another module of the same file.
 */
export function moduleName(url: string): string {
  let name = names.get(url);
  if (name === undefined) names.set(url, (name = named(url)));
  return name;
}

function named(url: string): string {
  let path: string;
  let rest: string;
  try {
    path = fileURLToPath(url);
    const { search, hash } = new URL(url);
    rest = search + hash;
  } catch {
    return url; // data:, https:, or nothing that is one
  }
  const within = relative(projectOf(path), path);
  if (within === '' || within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)) return url;
  return within.replaceAll(sep, '/') + rest;
}

/** The folder of the nearest package.json, else the current one. */
function projectOf(path: string): string {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return process.cwd();
  }
}
