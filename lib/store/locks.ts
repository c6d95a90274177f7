// Locks: each is a hard link to the one file of the process that holds it, which says who that is and, a line for each lock, what
// has to be known of what he was doing if he dies. So taking one is a single step that makes no file: where inodes are scarce, making one
// costs as much as starting a program.
//
// A lock whose owner has died is taken over by exactly one of those who find it so: who has the lock that is named for that one
// owner. While that exists nobody else puts another lock in the dead one's place, and the dead one can't let go of it any more.
import {
  appendFileSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { atProcessEnd } from '../kernel/host.ts';
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
  readonly inode: number;
  /** The locks that are held by it. */
  readonly held: Set<string>;
  /** Bytes said of them. */
  said: number;
}

const owns = new Map<string, Own>();

/** Locks that are files of their own, with their inodes: hard links are not to be had. */
const separate = new Map<string, number>();

/** What was said of locks that are held no more is dropped when it is so much, in bytes. */
const MUCH = 256 * 1024;

function ownIn(folder: string): Own {
  let own = owns.get(folder);
  if (own !== undefined && statSync(own.path, { throwIfNoEntry: false })?.ino === own.inode) return own;
  if (own !== undefined) closeSync(own.fd); // the store was deleted
  const path = `${temporaryIn(folder)}.owner`;
  inFolder(folder, () => writeFileSync(path, head(), { flag: 'wx' }));
  const fd = openSync(path, 'a');
  own = { path, fd, inode: fstatSync(fd).ino, held: new Set(), said: 0 };
  if (owns.size === 0) atProcessEnd(removeOwn);
  owns.set(folder, own);
  return own;
}

let firstLine: string | undefined;

function head(): string {
  return (firstLine ??= `${JSON.stringify({ owner: self(), nonce: Math.random() })}\n`);
}

function removeOwn(): void {
  for (const { path } of owns.values()) rmSync(path, { force: true });
}

/** Takes a lock, or says who holds it. `note` is JSON for whoever finds it after our death. Throws where it can't be written. */
export function take(path: string, note: unknown): Held | undefined {
  for (;;) {
    if (made(path, path, note)) return undefined;
    const held = look(path);
    if (held !== undefined) return held;
  }
}

/** Makes a lock at `at`, which is to be that of `path`; false where there is one. */
function made(at: string, path: string, note: unknown): boolean {
  const own = ownIn(dirname(at));
  if (own.held.size === 0 && own.said > MUCH) {
    ftruncateSync(own.fd, Buffer.byteLength(head()));
    own.said = 0;
  }
  const said = line(path, note);
  try {
    own.said += writeSync(own.fd, said);
    linkSync(own.path, at);
    own.held.add(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK' && code !== 'ENOSYS') throw error;
  }
  try {
    writeFileSync(at, `${head()}${said}`, { flag: 'wx' });
    separate.set(path, statSync(at).ino);
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
  const [top = '', ...lines] = text.split('\n');
  const token = sha256(top);
  const { owner } = parsed(top);
  // One that is a file of its own is there for a moment before its text is.
  if (!isOwner(owner)) return { alive: Math.abs(age) < UNWRITTEN, owner: undefined, note: undefined, token, age };
  const alive = lives(owner);
  if (alive === true) return { alive, owner, note: undefined, token, age };
  const said = `{"lock":${JSON.stringify(basename(path))},`;
  const note = parsed(lines.findLast((one) => one.startsWith(said)) ?? '')['note'];
  return { alive, owner, note, token, age };
}

/** In milliseconds. */
const UNWRITTEN = 2000;

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    return {}; // nothing of ours, or cut short
  }
}

/** Writes another note for a lock that this process holds. */
export function renote(path: string, note: unknown): void {
  const said = line(path, note);
  if (separate.has(path)) appendFileSync(path, said);
  else {
    const own = ownIn(dirname(path));
    own.said += writeSync(own.fd, said);
  }
}

function line(path: string, note: unknown): string {
  return `${JSON.stringify({ lock: basename(path), note })}\n`;
}

/** Whether a file among locks is there only while one is taken over. */
export function isTakingOver(path: string): boolean {
  return path.endsWith('.claim') || path.endsWith('.next');
}

/** Takes the lock of an owner that has died; false where another was first, or it is no longer his. */
export function takeOver(path: string, dead: Held, note: unknown): boolean {
  const claim = `${path}.${dead.token.slice(0, 16)}.claim`;
  const rival = take(claim, undefined);
  if (rival !== undefined) {
    // He who claimed it has died himself: the claim is a lock like any other. Who takes it over looks again.
    if (rival.alive === false && takeOver(claim, rival, undefined)) release(claim);
    return false;
  }
  const next = join(dirname(path), `${basename(path)}.next`);
  try {
    if (look(path)?.token !== dead.token) return false;
    rmSync(next, { force: true }); // of one who claimed it before and died
    if (!made(next, path, note)) return false;
    renameSync(next, path);
    return true;
  } finally {
    release(claim);
  }
}

/** Lets go of a lock that this process holds. One that isn't ours any more, as the store was deleted meanwhile, is left alone. */
export function release(path: string): void {
  const own = owns.get(dirname(path));
  const inode = separate.get(path) ?? own?.inode;
  separate.delete(path);
  own?.held.delete(path);
  if (statSync(path, { throwIfNoEntry: false })?.ino !== inode) return;
  rmSync(path, { force: true });
}
