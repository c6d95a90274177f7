// What a copy is going to do, before it does it: which files go where, like cp and scp have it.
import type { FileInfo } from '../../ssh/sftp.ts';
import { baseName, inFolder } from './endpoint.ts';
import type { Files } from './files.ts';
import type { Job } from './job.ts';

/** What is copied: a file, or a folder with all that is in it. */
export interface Root {
  readonly files: Files;
  readonly path: string;
  readonly info: FileInfo;
}

/** One file's way. */
export interface Step {
  readonly files: Files;
  readonly from: string;
  readonly to: string;
  readonly info: FileInfo;
}

/** Folders come before what is in them. */
export interface Plan {
  readonly folders: readonly Step[];
  readonly files: readonly Step[];
}

/** Finds a source. Rejects where it is missing, or is what isn't copied. */
export async function rootOf(files: Files, path: string, recursive: boolean): Promise<Root> {
  const info = await files.find(path);
  if (info === undefined) throw files.wrong(path, 'no such file or folder');
  if (info.type === 'folder' && !recursive) throw files.wrong(path, 'it is a folder; pass { recursive: true }');
  if (info.type === 'other') throw files.wrong(path, 'it is no regular file');
  return { files, path, info };
}

/** Reads the folders of the roots and finds their places. `several`: they can't be the target itself. */
export async function planOf(
  roots: readonly Root[],
  target: { readonly files: Files; readonly path: string; readonly several: boolean },
  job: Job,
): Promise<Plan> {
  const { files, path, several } = target;
  const there = await files.find(path);
  const isFolder = there?.type === 'folder';
  const onlyFolder = roots.length === 1 && roots[0]!.info.type === 'folder';
  if (!isFolder && (several || roots.length > 1))
    throw files.wrong(path, there === undefined ? 'no such folder, for several sources' : 'it is no folder');
  if (!isFolder && path.endsWith('/') && !(onlyFolder && there === undefined))
    throw files.wrong(path, 'no such folder');
  const plan = { folders: [] as Step[], files: [] as Step[] };
  const places = new Map<string, string>();
  for (const root of roots) {
    const to = isFolder ? inFolder(path, baseName(root.path)) : path.replace(/(?<=.)\/+$/, '');
    await walk({ files: root.files, from: root.path, to, info: root.info }, [], plan, job);
  }
  for (const { files: from, from: name, to } of plan.files) {
    const other = places.get(to);
    if (other !== undefined) throw files.wrong(to, `both ${other} and ${from.shown(name)} would be copied there`);
    places.set(to, from.shown(name));
  }
  return plan;
}

async function walk(
  step: Step,
  above: readonly string[],
  plan: { readonly folders: Step[]; readonly files: Step[] },
  job: Job,
): Promise<void> {
  await job.go();
  const { files, from, to, info } = step;
  if (info.type !== 'folder') {
    plan.files.push(step);
    return;
  }
  // Links are followed: they may lead back.
  const real = await files.real(from);
  if (above.includes(real)) throw files.wrong(from, 'it leads back to a folder that it is in');
  plan.folders.push(step);
  const inner = [...above, real];
  for (const { name } of await files.list(from)) {
    const path = from === '.' ? name : inFolder(from, name);
    const found = await files.find(path);
    if (found === undefined) throw files.wrong(path, 'it leads to nothing');
    if (found.type === 'other') throw files.wrong(path, 'it is no regular file');
    await walk({ files, from: path, to: inFolder(to, name), info: found }, inner, plan, job);
  }
}
