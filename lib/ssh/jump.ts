// The jump host that the user's configuration has for a host: what goes through it shares one connection there.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../kernel/clock.ts';
import type { Spawner } from '../kernel/index.ts';
import { ask } from './ask.ts';
import { ConnectionError } from './failure.ts';
import type { Host } from './host.ts';
import { resolveCommand, resolved } from './resolve.ts';
import type { SshSettings } from './settings.ts';

/**
 * What ProxyJump is for a host, as `ssh -J` takes it; undefined where there is none, or a ProxyCommand of the user's. ssh is asked
 * only where a configuration may have one.
 */
export async function configuredJump(host: Host, settings: SshSettings, spawner: Spawner): Promise<string | undefined> {
  const files =
    settings.config === undefined ? [join(homedir(), '.ssh/config'), '/etc/ssh/ssh_config'] : [settings.config];
  const given = Object.keys(settings.options ?? {}).some((name) => /^ProxyJump$/i.test(name));
  if (!given && !files.some(mayJump)) return undefined;
  const place = resolved(await ask(spawner, systemClock, resolveCommand(host, settings), { cwd: '/' }).answer);
  // What is wrong with the configuration is told by who connects.
  return place instanceof ConnectionError ? undefined : place.jump;
}

/** What it includes may have one; the stock configuration includes an empty folder. */
const MAY = /^\s*(?:ProxyJump|Include(?!\s+\/etc\/ssh\/ssh_config\.d\/\*\.conf\s*$))\b/im;

function mayJump(path: string): boolean {
  return existsSync(path) && MAY.test(readFileSync(path, 'utf8'));
}
