// Small files that are whole or not there at all: written aside and renamed, with a first line that says what they are and the
// digest of the rest. A crash in between, a full disk and a copy that broke off leave something that is seen not to be one.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sha256 } from './digest.ts';
import { makeFolders } from './folders.ts';

/** The format of what is below the first line; a file of another one is nobody's. */
const FORMAT = 1;

/** What was found: its text and when it was last used; 'missing'; or why it can't be used, in words. */
export type Found = { readonly text: string; readonly usedMs: number } | 'missing' | { readonly damage: string };

/** Text, sealed as a `kind` of file. */
export function seal(kind: string, text: string): string {
  return `sluice ${kind} ${FORMAT} ${sha256(text)}\n${text}`;
}

/** Reads a sealed file. What goes wrong is told as damage. */
export function readSealed(kind: string, path: string): Found {
  let all: string;
  let usedMs: number;
  try {
    // An error costs ten times as much as this, and most are missing when something is made for the first time.
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return 'missing';
    usedMs = stats.mtimeMs;
    all = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : { damage: message };
  }
  const end = all.indexOf('\n');
  const [, found, format, digest] = /^sluice (\w+) (\d+) ([0-9a-f]{64})$/.exec(all.slice(0, Math.max(end, 0))) ?? [];
  if (found === undefined) return { damage: all === '' ? 'it is empty' : 'it was written by something else' };
  if (Number(format) !== FORMAT) return { damage: `it has format ${format}, this sluice knows ${FORMAT}` };
  if (found !== kind) return { damage: `it is a ${found}, not a ${kind}` };
  const text = all.slice(end + 1);
  return sha256(text) === digest ? { text, usedMs } : { damage: 'it is not what was written' };
}

let count = 0;

/** Writes a file so that others see the old one or the new one; `aside` is a folder of the same file system. */
export function writeAtomically(path: string, data: string | Uint8Array, aside: string): void {
  const temporary = temporaryIn(aside);
  try {
    inFolder(aside, () => writeFileSync(temporary, data, { flag: 'wx' }));
    inFolder(dirname(path), () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A name for a file that is being made. */
export function temporaryIn(folder: string): string {
  return `${folder}/${process.pid}-${++count}-${Math.random().toString(36).slice(2, 10)}`;
}

/** Does something in a folder that is made if it isn't there. */
export function inFolder<T>(folder: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeFolders(folder);
    return act();
  }
}
