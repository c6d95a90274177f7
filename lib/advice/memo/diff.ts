// Why something runs: what decides it now beside what decided it the last time.
import { clip } from '../../kernel/error.ts';
import type { Found, Part } from './entry.ts';

const SHORT = 12;
const SHOWN = 120;
const FEW = 10;

/** What differs, in words: 'input a.c changed (0123456789ab → ba9876543210)'. */
export function differences(before: readonly Part[], now: readonly Part[]): string[] {
  const old = new Map(before.map((part) => [part[0], part]));
  const texts: string[] = [];
  for (const part of now) {
    const [name, digest] = part;
    const was = old.get(name);
    old.delete(name);
    if (was === undefined) texts.push(`${name} is new`);
    else if (was[1] !== digest) texts.push(change(name, was, part));
  }
  for (const name of old.keys()) texts.push(`${name} is no longer given`);
  return texts;
}

function change(name: string, [, old, oldShown]: Part, [, now, nowShown]: Part): string {
  if (oldShown !== undefined && nowShown !== undefined && oldShown !== nowShown)
    return `${name} changed: ${clip(oldShown, SHOWN)} → ${clip(nowShown, SHOWN)}`;
  return fileChange(name, old, now);
}

/** How a file differs from what it was. */
export function fileChange(name: string, old: string, now: string): string {
  if (now === '-') return `${name} is gone (was ${short(old)})`;
  if (old === '-') return `${name} is there now (${short(now)})`;
  if (old.slice(1) === now.slice(1) && 'fx'.includes(old[0]!) && 'fx'.includes(now[0]!))
    return `${name} may ${now.startsWith('x') ? 'be executed now' : 'not be executed any more'}`;
  return `${name} changed (${short(old)} → ${short(now)})`;
}

/** What was found while it ran and is not as it was. */
export function foundDifferences(before: readonly Found[], now: ReadonlyMap<string, string>): string[] {
  return before
    .filter(([what, digest]) => now.get(what) !== digest)
    .map(([what, digest]) => fileChange(what, digest, now.get(what)!));
}

/** The first of many reasons: nobody reads a thousand. */
export function few(texts: readonly string[]): readonly string[] {
  return texts.length <= FEW + 1 ? texts : [...texts.slice(0, FEW), `… and ${texts.length - FEW} more`];
}

/** A digest as it is told; its first letter tells what kind of thing it is of. */
export function short(digest: string): string {
  return digest.replace(/^[fxldg](?=[0-9a-f]{64}$)/, '').slice(0, SHORT);
}
