// Outputs in the store: copied there, and put back.
import { lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolders } from '../../store/folders.ts';
import type { Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';

/** Keeps what is at a path, whose digest is known. */
export function* keep(store: Store, path: string, digest: string): Paced<void> {
  const sum = digest.slice(1);
  switch (digest[0]) {
    case 'f':
    case 'x':
      yield* store.contents.putFile(path, sum);
      break;
    case 'l':
      store.contents.putText(readlinkSync(path));
      break;
    case 'd': {
      const manifest = yield* store.files.manifest(path, { skip: store.folder });
      store.contents.putText(manifest);
      for (const [inner, name] of listed(manifest)) yield* keep(store, join(path, name), inner);
    }
  }
}

/** Puts back what had this digest; false where the store doesn't have all of it. Nothing is left half done but folders. */
export function* putBack(store: Store, path: string, digest: string, warn: Warn): Paced<boolean> {
  const sum = digest.slice(1);
  makeFolders(dirname(path));
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true && !digest.startsWith('d')) rmSync(path, { recursive: true });
  switch (digest[0]) {
    case 'f':
    case 'x':
      return yield* store.contents.getFile(sum, path, digest.startsWith('x'), warn);
    case 'l': {
      const target = store.contents.getText(sum, warn);
      if (target === undefined) return false;
      rmSync(path, { force: true });
      symlinkSync(target, path);
      return true;
    }
    case 'd':
      return yield* putBackFolder(store, path, sum, warn);
    default:
      rmSync(path, { recursive: true, force: true });
      return true;
  }
}

function* putBackFolder(store: Store, path: string, sum: string, warn: Warn): Paced<boolean> {
  const manifest = store.contents.getText(sum, warn);
  if (manifest === undefined) return false;
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false) rmSync(path);
  makeFolders(path);
  const wanted = new Map(listed(manifest).map(([digest, name]) => [name, digest]));
  for (const name of readdirSync(path)) if (!wanted.has(name)) rmSync(join(path, name), { recursive: true });
  for (const [name, digest] of wanted) {
    const inner = join(path, name);
    if ((yield* store.files.digest(inner)) === digest) continue;
    if (!(yield* putBack(store, inner, digest, warn))) return false;
  }
  return true;
}

function listed(manifest: string): (readonly [digest: string, name: string])[] {
  return manifest
    .split('\0')
    .slice(0, -1)
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const);
}
