// The environment of this process, where the C library has it.
import { c, isGlibc, koffi } from './libc.ts';

/** The addresses of this process's environment, a 0 for room and one for the end. */
let own = new BigUint64Array(2);
/** The same, which makes no BigInt of them. */
let halves = new Int32Array(own.buffer);
/** Where the C library has it. */
let ownAt: unknown;

/**
 * Whether a thread may read this process's environment while it is changed: glibc keeps the strings that others take the
 * place of, musl frees them.
 */
export function ownEnvironmentLasts(): boolean {
  return isGlibc;
}

/** The environment of this process as the C library has it, with room for one more; good until the next call. */
export function ownEnvironment(): BigUint64Array {
  const at: unknown = koffi.decode(c.environ, 'void *');
  const { length } = own;
  if (at === ownAt) {
    c.memcpy(own, at, 8 * (length - 1));
    // Set in place, by setenv or unsetenv, unless its end is where it was.
    let end = 0;
    while (end < 2 * (length - 2) && (halves[end] !== 0 || halves[end + 1] !== 0)) end += 2;
    if (end === 2 * (length - 2) && halves[end] === 0 && halves[end + 1] === 0) return own;
  }
  ownAt = at;
  own = BigUint64Array.from([...(koffi.decode(at, 'void *', -1) as bigint[]), 0n, 0n]);
  halves = new Int32Array(own.buffer);
  return own;
}
