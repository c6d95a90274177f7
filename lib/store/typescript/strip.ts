// Removes the types of TypeScript. They become blanks, so every position in a stack trace is the source's own; only code that
// blanks can't replace (enum, namespace, parameter properties) is transformed, with a source map.
import { createRequire } from 'node:module';
import { remembered } from './stripped.ts';

type Swc = {
  transformSync(
    code: string,
    options: { mode: 'strip-only' | 'transform'; sourceMap?: boolean; filename?: string; module?: boolean },
  ): { code: string; map?: string };
};
let swc: Swc | undefined;

function stripper(): Swc {
  return (swc ??= createRequire(import.meta.url)('@swc/wasm-typescript') as Swc);
}

/** The JavaScript of some TypeScript. Throws a SyntaxError that shows the place. */
export function stripTypes(code: string, path: string, url: string): string {
  try {
    return `${remembered(code, path, () => stripper().transformSync(code, { mode: 'strip-only', filename: path }).code)}\n//# sourceURL=${url}`;
  } catch (error) {
    if ((error as { code?: string }).code !== 'UnsupportedSyntax') throw syntaxError(error, path);
  }
  try {
    const { code: js, map } = stripper().transformSync(code, { mode: 'transform', sourceMap: true, filename: url });
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
