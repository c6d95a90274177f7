// Locks that are files: each holds its owner, and what has to be known of what he was doing if he dies. A lock whose owner has
// died is taken over by exactly one of those who find it so: who makes the file named for that one owner's token. While it
// exists nobody else may put another lock in the dead one's place, and the dead one can't let go of it any more.
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sha256 } from './digest.ts';
import { isOwner, lives, self, type Owner } from './owner.ts';
import { inFolder, temporaryIn } from './sealed.ts';

/** One that is held by another. `alive` is undefined where that can't be known: he is on another machine. */
export interface Held {
  readonly alive: boolean | undefined;
  readonly owner: Owner | undefined;
  /** What the holder has left in it. */
  readonly note: unknown;
  readonly token: string;
  /** Milliseconds since it was made. */
  readonly age: number;
}

let count = 0;

/** Takes a lock, or says who holds it. `note` is JSON for whoever finds it after our death. Throws where it can't be written. */
export function take(path: string, note: unknown): Held | undefined {
  // Made aside, so that nobody ever sees one without its owner.
  const temporary = written(dirname(path), note);
  try {
    for (;;) {
      try {
        linkSync(temporary, path);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const held = look(path);
      if (held !== undefined) return held;
    }
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Who holds a lock; undefined where nobody does. */
export function look(path: string): Held | undefined {
  let text: string;
  let age: number;
  try {
    age = Date.now() - statSync(path).mtimeMs;
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const token = sha256(text);
  const { owner, note } = parsed(text);
  if (isOwner(owner)) return { alive: lives(owner), owner, note, token, age };
  return { alive: false, owner: undefined, note: undefined, token, age };
}

function parsed(text: string): { readonly owner?: unknown; readonly note?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {}; // Nothing of ours; nobody holds it.
  }
}

/** Takes the lock of an owner that has died; false where another was first, or it is no longer his. */
export function takeOver(path: string, dead: Held, note: unknown): boolean {
  const claim = `${path}.${dead.token.slice(0, 16)}`;
  const temporary = written(dirname(path), note);
  try {
    try {
      linkSync(temporary, claim);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const rival = look(claim);
      // He who claimed it has died himself: the claim is a lock like any other.
      if (rival?.alive === false && takeOver(claim, rival, undefined)) rmSync(claim, { force: true });
      return false;
    }
    try {
      if (look(path)?.token !== dead.token) return false;
      renameSync(temporary, path);
      return true;
    } finally {
      rmSync(claim, { force: true });
    }
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes another note into a lock that this process holds. */
export function renote(path: string, note: unknown): void {
  renameSync(written(dirname(path), note), path);
}

/** Lets go of a lock that this process holds. */
export function release(path: string): void {
  rmSync(path, { force: true });
}

/** A lock that is nobody's yet. Its text is like no other's: it is its token. */
function written(folder: string, note: unknown): string {
  const temporary = temporaryIn(folder);
  const text = JSON.stringify({ owner: self(), nth: ++count, note });
  inFolder(folder, () => writeFileSync(temporary, text, { flag: 'wx' }));
  return temporary;
}
