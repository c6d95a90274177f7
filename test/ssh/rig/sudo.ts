import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { quote } from '../../../lib/runners/quote.ts';
import type { RigHost } from './host.ts';

/**
 * Puts a `sudo` first on the PATH of a host's commands. It asks as sudo does with `-S`, `-n`, `-p`, `-k`, up to 3 times, but
 * runs the command as the same user; `-u` and `-H` change nothing but RIG_SUDO, which holds the user that was asked for.
 *
 * @param password undefined: none is needed (NOPASSWD). Can be called again.
 */
export function installSudo(host: RigHost, password: string | undefined): void {
  const folder = dirname(host.home);
  const [free, secret] = [join(folder, 'sudo-nopasswd'), join(folder, 'sudo-password')];
  if (password === undefined) writeFileSync(free, '');
  else rmSync(free, { force: true });
  writeFileSync(secret, password ?? '');
  const script = readFileSync(new URL('sudo.sh', import.meta.url), 'utf8')
    .replaceAll('@NOPASSWD@', () => quote(free))
    .replaceAll('@PASSWORD@', () => quote(secret));
  writeFileSync(join(host.home, 'bin', 'sudo'), script, { mode: 0o755 });
}
