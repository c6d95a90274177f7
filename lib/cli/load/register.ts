// Makes `node --import …/register.js` (and `sluice run`) understand TypeScript.
import { readFileSync } from 'node:fs';
import Module, { register } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { stripTypes } from '../../store/typescript/strip.ts';
import { moduleHooks } from './hooks.ts';
import { ownEntry } from './own.ts';

process.setSourceMapsEnabled(true);

type Resolve = (this: unknown, request: string, ...rest: unknown[]) => string;
type Extension = (module: { _compile(code: string, path: string): void }, path: string) => void;
type RegisterHooks = (hooks: unknown) => void;

const { registerHooks } = Module as unknown as { registerHooks: RegisterHooks };
// Node 22 has them too, but does not ask them for what a .cts file requires.
if (Number.parseInt(process.versions.node) >= 24) registerHooks(moduleHooks);
else registerThread();

/** Node 20 and 22, whose loader thread isn't asked by require(): for that CommonJS gets what it needs by itself. */
function registerThread(): void {
  register('./hooks.js', import.meta.url);
  const commonJs = Module as unknown as { _resolveFilename: Resolve; _extensions: Record<string, Extension> };
  const resolveFilename = commonJs._resolveFilename;
  commonJs._resolveFilename = function (request, ...rest) {
    const entry = ownEntry(request);
    return entry === undefined ? resolveFilename.call(this, request, ...rest) : fileURLToPath(entry);
  };
  commonJs._extensions['.cts'] = (module, path) => {
    module._compile(stripTypes(readFileSync(path, 'utf8'), path, pathToFileURL(path).href), path);
  };
}
