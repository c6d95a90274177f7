import { spawnSync } from 'node:child_process';

/** Why a test that needs this program is skipped; false where it is there. @throws Error in CI (`CI` set), which installs it */
export function missing(program: string): string | false {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined) return false;
  return lacking(`there is no ${program} here`);
}

/** A reason to skip tests by. @throws Error in CI, where nothing may be lacking */
export function lacking(reason: string): string {
  if ((process.env['CI'] ?? '') !== '') throw new Error(`in CI nothing may be lacking: ${reason}`);
  return reason;
}
