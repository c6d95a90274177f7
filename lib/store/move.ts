import { cpSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { makeFolders } from './folders.ts';
import { temporaryIn } from './sealed.ts';

/** Moves a file or a folder, also to another file system: there too it is whole or not there. */
export function move(from: string, to: string): void {
  makeFolders(dirname(to));
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const beside = `${dirname(to)}/.${basename(temporaryIn(''))}.sluice`;
    try {
      cpSync(from, beside, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      renameSync(beside, to);
    } catch (failure) {
      rmSync(beside, { recursive: true, force: true });
      throw failure;
    }
    rmSync(from, { recursive: true, force: true });
  }
}
