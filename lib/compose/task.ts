import { createRunner, type Code, type Json, type Runner } from '../kernel/index.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { startCall, type Given } from './given.ts';
import { asJson } from './json.ts';
import { moduleName } from './moduleName.ts';

/**
 * A runner of a function and its arguments: unlike a generator object it can be run again, so advice such as `retry` goes around
 * it: `task(deploy, 'web07').with(retry(3))`. A generator function is run as a task, also an async one; a function that gives a
 * runner or a generator runs that; else what the function returns is the result, a promise awaited (after a kill it gets the
 * loop's grace). The label is the function's name and the arguments that are strings or numbers.
 *
 * With `import.meta` first, `task(import.meta, deploy, 'web07')`, it is a function of this module, told by module and name: its
 * spec says the module's path from the project's root (the folder of the nearest package.json, else the current one; a module
 * outside of it by its URL) and all arguments, if they are JSON.
 *
 * Throws a TypeError for what is no function and, with `import.meta`, for a function that has no name of its own or no source
 * (bound or native ones).
 */
export function task<A extends readonly any[], R>(fn: (...args: A) => R, ...args: A): Runner<Given<R>>;
export function task<A extends readonly any[], R>(
  module: { readonly url: string },
  fn: (...args: A) => R,
  ...args: A
): Runner<Given<R>>;
export function task(...given: any[]): Runner<any> {
  if (typeof given[0] === 'function') {
    const [fn, ...args] = given as [AnyFunction, ...unknown[]];
    return ofFunction({ name: fn.name || 'anonymous', fn, args }, undefined);
  }
  const [meta, fn, ...args] = given as [unknown, AnyFunction, ...unknown[]];
  const url: unknown = typeof meta === 'object' && meta !== null && 'url' in meta ? meta.url : undefined;
  if (typeof url !== 'string')
    throw new TypeError(
      `task: expected a generator function, or a plain or async one, and its arguments, or import.meta and these; got ${show(meta)}: task(fn, ...args), task(import.meta, fn, ...args)`,
    );
  checkNamed(fn);
  return ofFunction({ module: url, name: fn.name, fn, args }, moduleName(url));
}

type AnyFunction = (...args: unknown[]) => unknown;

function ofFunction(code: Code, module: string | undefined): Runner<any> {
  const { name, fn, args } = code;
  const words = args.filter((arg) => typeof arg === 'string' || typeof arg === 'number').map(String);
  const told: Json = module === undefined ? words : ((asJson(args) as Json[] | undefined) ?? words);
  const kind = Object.prototype.toString.call(fn);
  return createRunner<any>({
    spec: { type: 'task', ...(module === undefined ? {} : { module }), name, args: told },
    label: [name, ...words].join(' ').slice(0, 60),
    code,
    start: (sink, context) => startCall(() => fn(...args), kind, name, sink, context as unknown as RunRecord),
  });
}

function checkNamed(fn: unknown): void {
  if (typeof fn !== 'function')
    throw new TypeError(`task: expected a function of this module behind import.meta, got ${show(fn)}`);
  if (fn.name === '')
    throw new TypeError('task: the function has no name to be found by in its module; write function name() { … }');
  if (/\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(fn)))
    throw new TypeError(
      `task: ${fn.name} is bound, native or a proxy, so its module doesn't have it; pass a function of the module, and values as arguments`,
    );
}
