// What is given of files on hosts.
import { show } from '../kernel/runnable.ts';

/** Throws a TypeError for what can't be a path on a host. */
export function checkPath(what: string, path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '') throw new TypeError(`${what}: the path is ${show(path)}`);
  if (path.includes('\0')) throw new TypeError(`${what}: the path has a NUL character`);
}

/** Throws a TypeError for what can't be permissions. */
export function checkMode(what: string, mode: unknown): void {
  if (mode !== undefined && !(Number.isInteger(mode) && Number(mode) >= 0 && Number(mode) <= 0o7777))
    throw new TypeError(`${what}: mode is a number like 0o644, not ${show(mode)}`);
}
