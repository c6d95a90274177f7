// /run/sshd, where root's sshd puts the part of it that nobody trusts yet. Rigs of several processes share it: each says in
// it that it is there, and the last takes it away if a rig has made it.
import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { hasSshd } from './missing.ts';
import { isAlive } from './procs.ts';

const FOLDER = '/run/sshd';
const MADE = `${FOLDER}/made-by-a-rig`;
/** Of this process. */
const HERE = `${FOLDER}/rig-${process.pid}`;
let rigs = 0;

/** Not needed by anybody but root. */
export function holdRunSshd(): void {
  if (process.getuid?.() !== 0 || !hasSshd() || rigs++ > 0) return;
  for (;;) {
    try {
      mkdirSync(FOLDER, { mode: 0o755 });
      writeFileSync(MADE, '');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    try {
      return writeFileSync(HERE, '');
    } catch (error) {
      // Taken away by another just now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

export function releaseRunSshd(): void {
  if (process.getuid?.() !== 0 || !hasSshd() || --rigs > 0) return;
  try {
    rmSync(HERE, { force: true });
    const names = readdirSync(FOLDER);
    const others = names.filter((name) => /^rig-\d+$/.test(name));
    if (!names.includes('made-by-a-rig') || others.some((name) => isAlive(Number(name.slice(4))))) return;
    for (const name of others) rmSync(`${FOLDER}/${name}`, { force: true });
    rmSync(MADE);
    try {
      rmdirSync(FOLDER);
    } catch {
      writeFileSync(MADE, ''); // another has come meanwhile: it is his to take away
    }
  } catch {
    // Taken away by another.
  }
}
