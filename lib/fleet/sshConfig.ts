// The names in an OpenSSH configuration. Only the names: what they mean is for ssh to say.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** How deep OpenSSH follows Include. */
const MOST_DEPTH = 16;

/** The names behind `Host`, without patterns, of the file and of those that it includes, in order. */
export function sshNames(path: string): string[] {
  // What Include names without a folder is beside the configuration that was begun with, as ~/.ssh is for ssh.
  return [...new Set(namesIn(path, dirname(path), 0))];
}

function* namesIn(path: string, base: string, depth: number): Generator<string> {
  if (depth > MOST_DEPTH) throw new TypeError(`inventory: ${path}: Include goes deeper than ${MOST_DEPTH} files`);
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, keyword = '', rest = ''] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    if (/^host$/i.test(keyword)) yield* words(rest).filter((name) => !/[*?!]/.test(name));
    else if (/^include$/i.test(keyword))
      for (const pattern of words(rest))
        for (const file of glob(resolve(base, atHome(pattern)))) yield* namesIn(file, base, depth + 1);
  }
}

/** `~/x` in the user's home. */
export function atHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|#.*$|[^\s"]+/g)]
    .filter(([word]) => !word.startsWith('#'))
    .map(([word, quoted]) => quoted ?? word);
}

/** The files of a pattern with `*` and `?`, sorted. That there are none is no error to ssh either. */
function glob(pattern: string): string[] {
  let found = ['/'];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    if (!/[*?]/.test(part)) found = found.map((folder) => join(folder, part));
    else {
      const text = part
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.');
      const match = new RegExp(`^${part.startsWith('.') ? '' : '(?!\\.)'}${text}$`);
      found = found.flatMap((folder) =>
        list(folder)
          .filter((name) => match.test(name))
          .map((name) => join(folder, name)),
      );
    }
  }
  return found.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
