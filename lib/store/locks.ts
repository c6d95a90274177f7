// Locks: each is a hard link to the one file of the process that holds it, which says who that is and, a line for each lock, what
// has to be known of what he was doing if he dies. So taking one is a single step that makes no file: where inodes are scarce, making one
// costs as much as starting a program.
//
// A lock whose owner has died is taken over by exactly one of those who find it so: who has the lock that is named for that one
// owner. While that exists nobody else puts another lock in the dead one's place, and the dead one can't let go of it any more.
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sha256 } from './digest.ts';
import { isOwner, lives, self, type Owner } from './owner.ts';
import { inFolder, temporaryIn } from './sealed.ts';

/** One that is held by another. `alive` is undefined where that can't be known: he is on another machine. */
export interface Held {
  readonly alive: boolean | undefined;
  readonly owner: Owner | undefined;
  /** What the holder has left for it. */
  readonly note: unknown;
  /** Tells this holder from any other. */
  readonly token: string;
  /** Milliseconds since he last wrote something. */
  readonly age: number;
}

/** What this process says of itself, in one folder of locks. */
interface Own {
  readonly path: string;
  readonly fd: number;
}

const owns = new Map<string, Own>();

function ownIn(folder: string): Own {
  let own = owns.get(folder);
  if (own !== undefined && statSync(own.path, { throwIfNoEntry: false }) !== undefined) return own;
  if (own !== undefined) closeSync(own.fd); // the store was deleted
  const path = `${temporaryIn(folder)}.owner`;
  inFolder(folder, () => writeFileSync(path, first(), { flag: 'wx' }));
  own = { path, fd: openSync(path, 'a') };
  if (owns.size === 0) process.once('exit', removeOwn);
  owns.set(folder, own);
  return own;
}

function first(): string {
  return `${JSON.stringify({ owner: self(), nonce: Math.random() })}\n`;
}

function removeOwn(): void {
  for (const { path } of owns.values()) release(path);
}

/** Takes a lock, or says who holds it. `note` is JSON for whoever finds it after our death. Throws where it can't be written. */
export function take(path: string, note: unknown): Held | undefined {
  for (;;) {
    if (made(path, note)) return undefined;
    const held = look(path);
    if (held !== undefined) return held;
  }
}

function made(path: string, note: unknown): boolean {
  const own = ownIn(dirname(path));
  renote(path, note);
  try {
    linkSync(own.path, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK' && code !== 'ENOSYS') throw error;
  }
  // Without hard links it is a file of its own.
  try {
    writeFileSync(path, `${first()}${line(path, note)}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
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
  const [head = '', ...lines] = text.split('\n');
  const token = sha256(head);
  const { owner } = parsed(head);
  if (!isOwner(owner)) return { alive: false, owner: undefined, note: undefined, token, age };
  const name = basename(path);
  const note = lines.map(parsed).findLast((said) => said['lock'] === name)?.['note'];
  return { alive: lives(owner), owner, note, token, age };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    return {}; // nothing of ours, or cut short
  }
}

/** Writes another note for a lock that this process holds. */
export function renote(path: string, note: unknown): void {
  writeSync(ownIn(dirname(path)).fd, line(path, note));
}

function line(path: string, note: unknown): string {
  return `${JSON.stringify({ lock: basename(path), note })}\n`;
}

/** Takes the lock of an owner that has died; false where another was first, or it is no longer his. */
export function takeOver(path: string, dead: Held, note: unknown): boolean {
  const claim = `${path}.${dead.token.slice(0, 16)}`;
  const rival = take(claim, undefined);
  if (rival !== undefined) {
    // He who claimed it has died himself: the claim is a lock like any other. Who takes it over looks again.
    if (rival.alive === false && takeOver(claim, rival, undefined)) release(claim);
    return false;
  }
  const next = join(dirname(path), `${basename(path)}.next`);
  try {
    if (look(path)?.token !== dead.token) return false;
    release(next); // of one who claimed it before and died
    if (!made(next, note)) return false;
    renote(path, note);
    renameSync(next, path);
    return true;
  } finally {
    release(claim);
  }
}

/** Lets go of a lock that this process holds. */
export function release(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
