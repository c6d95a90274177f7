import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { lacking } from '../../missing.ts';

export const SSHD = '/usr/sbin/sshd';

/**
 * Why a test of the rig's real sshds is skipped here; undefined where they are. Tests of quoting, exit codes and copies ask
 * `rigMissing`: without an sshd, or with `SLUICE_TEST_SSHD=none`, theirs run against what stands in for it (standIn.mjs).
 *
 * @throws Error in CI (`CI` set), where there must be sshds
 */
export function sshdMissing(): string | undefined {
  const missing = rigMissing();
  if (missing !== undefined || hasSshd()) return missing;
  return lacking(
    `no rig of sshds: ${forced() ? 'SLUICE_TEST_SSHD=none' : `${SSHD} is missing; install openssh-server`}`,
  );
}

/** Why there can't be a rig here, be it of sshds or of what stands in for them. @throws Error in CI */
export function rigMissing(): string | undefined {
  if (process.platform !== 'linux')
    return lacking('no rig: it needs Linux, for /proc and the addresses 127.0.0.2 and so on');
  if (sshVersion() === 0) return lacking('no rig: ssh is missing; install openssh-client');
  return undefined;
}

const forced = (): boolean => process.env['SLUICE_TEST_SSHD'] === 'none';

/** Whether the rig's hosts are sshds. */
export function hasSshd(): boolean {
  if (forced()) return false;
  try {
    accessSync(SSHD, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let version: number | undefined;

/** Of the client, 9.2 for one; 0 where there is none. */
export function sshVersion(): number {
  version ??= Number(/OpenSSH_(\d+\.\d+)/.exec(spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr ?? '')?.[1] ?? 0);
  return version;
}
