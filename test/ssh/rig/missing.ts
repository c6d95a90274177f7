import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

export const SSHD = '/usr/sbin/sshd';

/**
 * Why there can't be a rig here, for tests to be skipped by; undefined where there can.
 *
 * @throws Error in CI (`CI` set), where a rig must be
 */
export function sshdMissing(): string | undefined {
  const reason = why();
  if (reason !== undefined && (process.env['CI'] ?? '') !== '') throw new Error(`in CI there must be a rig: ${reason}`);
  return reason;
}

function why(): string | undefined {
  if (process.platform !== 'linux') return 'no rig: it needs Linux, for /proc and the addresses 127.0.0.2 and so on';
  try {
    accessSync(SSHD, constants.X_OK);
  } catch {
    return `no rig: ${SSHD} is missing; install openssh-server`;
  }
  if (sshVersion() === 0) return 'no rig: ssh is missing; install openssh-client';
  return undefined;
}

let version: number | undefined;

/** Of the client, 9.2 for one; 0 where there is none. */
export function sshVersion(): number {
  version ??= Number(/OpenSSH_(\d+\.\d+)/.exec(spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr ?? '')?.[1] ?? 0);
  return version;
}
