// Wildcards in the remote path of a copy, as scp has them: `*`, `?`, `[a-z]`, `[!a]`, and a backslash before what is to be
// itself. They match no '/', and a '.' in front only where the pattern has one.
import { inFolder } from './endpoint.ts';
import type { Files } from './files.ts';

/** The paths that a pattern matches, in order; the pattern itself, as a name, where it matches none. */
export async function matches(pattern: string, files: Files): Promise<readonly string[]> {
  if (!/[*?[\\]/.test(pattern)) return [pattern];
  const rooted = pattern.startsWith('/');
  let folders = [rooted ? '/' : '.'];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const found: string[] = [];
    for (const folder of folders) {
      if (!/[*?[]/.test(part)) {
        const path = inFolder(folder, plain(part));
        if (!last || (await files.find(path)) !== undefined) found.push(path);
        continue;
      }
      const info = await files.find(folder);
      if (info?.type !== 'folder') continue;
      const regExp = expression(part);
      for (const { name } of await files.list(folder)) if (regExp.test(name)) found.push(inFolder(folder, name));
    }
    folders = found;
  }
  return folders.length > 0 ? folders : [plain(pattern)];
}

function plain(part: string): string {
  return part.replace(/\\(.)/gs, '$1');
}

/** Of one part of a path. */
export function expression(part: string): RegExp {
  let source = /^\\?\./.test(part) ? '' : '(?!\\.)';
  for (const [token] of part.matchAll(/\\[^]|\[[!^]?\]?[^\]]*\]|[^]/gu)) {
    if (token === '*') source += '[^/]*';
    else if (token === '?') source += '[^/]';
    else if (token.length > 2 && token.startsWith('[')) {
      const negated = /^\[[!^]/.test(token);
      const members = token.slice(negated ? 2 : 1, -1).replace(/[\\\][^&]/g, '\\$&');
      source += `[${negated ? '^/' : ''}${members}]`;
    } else source += plain(token).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`, 'su');
  } catch {
    return /$^/; // `[z-a]` has nothing
  }
}
