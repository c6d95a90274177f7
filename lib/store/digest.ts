import { createHash } from 'node:crypto';
import * as crypto from 'node:crypto';

type Hash = (algorithm: string, data: string | Uint8Array) => string;

/** In one call, where Node has it. */
const once = (crypto as { hash?: Hash }).hash;

/** The SHA-256 of bytes, or of text as UTF-8, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return once === undefined ? createHash('sha256').update(data).digest('hex') : once('sha256', data);
}

/** The digest of a list of strings, each told from the next. */
export function sha256of(parts: readonly string[]): string {
  return sha256(JSON.stringify(parts));
}
