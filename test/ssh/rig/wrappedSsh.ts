// Another `ssh` first in PATH, for a while.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rig } from './rig.ts';

export interface WrappedOptions {
  /** Its masters know no proxy mode, as those before OpenSSH 7.4. */
  old?: boolean;
}

/** The words of each ssh that was started while `body` ran, by us or by ssh. */
export async function wrappedSsh(rig: Rig, options: WrappedOptions, body: () => Promise<unknown>): Promise<string[]> {
  const bin = join(rig.folder, 'wrapped');
  const log = join(bin, 'log');
  const before = process.env['PATH'];
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  const real = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
  const master = fileURLToPath(new URL('oldMaster.mjs', import.meta.url));
  const script = [
    '#!/bin/sh',
    `echo "$*" >>'${log}'`,
    ...(options.old === true
      ? [`if [ "$1" = -M ]; then exec '${process.execPath}' '${master}' '${real}' "$@"; fi`]
      : []),
    `exec '${real}' "$@"`,
  ];
  writeFileSync(join(bin, 'ssh'), `${script.join('\n')}\n`, { mode: 0o755 });
  process.env['PATH'] = `${bin}:${before}`;
  try {
    await body();
  } finally {
    process.env['PATH'] = before;
  }
  return readFileSync(log, 'utf8').trim().split('\n');
}
