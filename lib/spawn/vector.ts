// Arguments and environments as the system takes them: arrays of addresses of strings that end in NUL, ended by a 0.
import { addressOf } from './libc.ts';
import { ownEnvironment } from './ownEnvironment.ts';

/** An array of addresses, and what it points into: which has to be kept as long as the array is used. */
export interface Vector {
  readonly addresses: BigUint64Array;
  readonly bytes: unknown;
}

/** Encodes strings, none of which has a NUL; there is room for one more. */
export function vectorOf(strings: readonly string[]): Vector {
  const bytes = Buffer.from(`${strings.join('\0')}\0`);
  const addresses = new BigUint64Array(strings.length + 2);
  let address = addressOf(bytes);
  let start = 0;
  for (let i = 0; i < strings.length; i++) {
    addresses[i] = address;
    const end = bytes.indexOf(0, start) + 1;
    address += BigInt(end - start);
    start = end;
  }
  return { addresses, bytes };
}

/** What stands for the C library's own environment, unless somebody put another object in its place. */
const standard = process.env;
/** The last that was encoded: most programs get the same. */
let latest: { readonly text: string; readonly vector: Vector } | undefined;

/**
 * An environment (undefined is Node's own) with one more variable, `NAME=value` in ASCII: of one start, as others begin
 * before it is over. Undefined where a variable has a NUL.
 */
export function environmentOf(
  env: Readonly<Record<string, string>> | undefined,
  extra: string | undefined,
): Vector | undefined {
  // Node's own as it is, byte for byte: variables may be no UTF-8.
  const isOwn = env === undefined && process.env === standard;
  const vector = isOwn ? { addresses: ownEnvironment(), bytes: undefined } : encoded(env ?? process.env);
  if (vector === undefined) return undefined;
  const addresses = vector.addresses.slice();
  if (extra === undefined) return { addresses, bytes: vector.bytes };
  const bytes = Buffer.from(`${extra}\0`, 'latin1');
  addresses[addresses.length - 2] = addressOf(bytes);
  return { addresses, bytes: [vector.bytes, bytes] };
}

function encoded(env: Readonly<Record<string, string | undefined>>): Vector | undefined {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const text = variables.join('\0');
  if (latest?.text !== text) {
    if (variables.some((variable) => variable.includes('\0'))) return undefined;
    latest = { text, vector: vectorOf(variables) };
  }
  return latest.vector;
}
