import { dirname, isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestWith } from '../store/folders.ts';

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
  const within = relative(nearestWith(['package.json'], dirname(path)) ?? process.cwd(), path);
  if (within === '' || within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)) return url;
  return within.replaceAll(sep, '/') + rest;
}
