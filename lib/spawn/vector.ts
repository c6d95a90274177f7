// Arguments and environments as the system takes them: an array of addresses of strings that end in NUL.
import { addressOf } from './libc.ts';

/** An array of addresses that ends in 0, and what it points into. */
export interface Vector {
  readonly addresses: BigUint64Array;
  readonly bytes: Buffer;
}

/** Encodes strings, none of which has a NUL. */
export function vectorOf(strings: readonly string[]): Vector {
  const bytes = Buffer.from(`${strings.join('\0')}\0`);
  const addresses = new BigUint64Array(strings.length + 1);
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
