// Makes `node --import …/register.js` (and `sluice run`) understand TypeScript: registers the hooks beside this file, and does
// for require(), which does not ask them, what CommonJS needs.
import { readFileSync } from 'node:fs';
import Module, { register } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownEntry } from './own.ts';
import { stripTypes } from './strip.ts';

register('./hooks.js', import.meta.url);
process.setSourceMapsEnabled(true);

type Resolve = (this: unknown, request: string, ...rest: unknown[]) => string;
type Extension = (module: { _compile(code: string, path: string): void }, path: string) => void;
const commonJs = Module as unknown as { _resolveFilename: Resolve; _extensions: Record<string, Extension> };

const resolveFilename = commonJs._resolveFilename;
commonJs._resolveFilename = function (request, ...rest) {
  const entry = ownEntry(request);
  return entry === undefined ? resolveFilename.call(this, request, ...rest) : fileURLToPath(entry);
};

commonJs._extensions['.cts'] = (module, path) => {
  module._compile(stripTypes(readFileSync(path, 'utf8'), path, pathToFileURL(path).href), path);
};
