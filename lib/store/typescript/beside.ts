// The habits of TypeScript in naming a file: './a.js' for a.ts, './a' for a.ts or a folder's index.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const swaps: Record<string, string[]> = { '.js': ['.ts', '.tsx'], '.mjs': ['.mts'], '.cjs': ['.cts'] };

/** The URL of the file that a relative or absolute specifier may mean where there is none of that very name; undefined: nothing there. */
export function beside(specifier: string, parent: string | undefined): string | undefined {
  if (!/^(\.\.?\/|file:|\/)/.test(specifier)) return undefined;
  const url = new URL(specifier, parent).href;
  const extension = /\.[cm]?js$/.exec(url)?.[0];
  const candidates =
    extension === undefined
      ? ['.ts', '.tsx', '.mts', '.js', '/index.ts', '/index.js'].map((end) => url + end)
      : (swaps[extension] ?? []).map((end) => url.slice(0, -extension.length) + end);
  return candidates.find((candidate) => existsSync(fileURLToPath(candidate)));
}
