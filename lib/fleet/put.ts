import type { Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { SETTINGS, checkSettings, type SshSettings } from '../ssh/settings.ts';
import { hostError, job, reach } from './copy/job.ts';
import { upload } from './copy/scripts.ts';
import { sha256 } from '../store/digest.ts';
import { checkMode, checkPath } from './paths.ts';

/** Options of `put`: how the host is connected to, and the file's mode. */
export interface PutOptions extends SshSettings {
  /** Permissions, 0o644 for one. Default: those of the file that is replaced, else what the umask there gives. */
  readonly mode?: number;
}

/**
 * Writes a file on a host: `yield* put('web01', 'port 80\n', '/etc/app.conf', { mode: 0o644 })`. What is there is replaced at
 * once and only by the whole, verified content; a link is followed, the owner stays where that may be.
 *
 * Fails with the reason `exit` where it can't be written, and `connection` where the host can't be reached.
 */
export function put(
  what: Host | string,
  content: string | Uint8Array,
  path: string,
  options: PutOptions = {},
): Runner<void> {
  const host = toHost(what);
  checkOptions('put', options, [...SETTINGS, 'mode']);
  const { mode, ...settings } = options;
  checkSettings('put', settings);
  if (typeof content !== 'string' && !(content instanceof Uint8Array))
    throw new TypeError(`put: the content is a string or bytes, not ${show(content)}`);
  checkPath('put', path);
  checkMode('put', mode);
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
  const digest = sha256(bytes);
  const spec = { type: 'put', host: host.name, path, sha256: digest, ...(mode === undefined ? {} : { mode }) };
  return job<void>({ spec, label: `put ${host.name}:${path}`, dry: () => {} }, async (job) => {
    await job.go();
    const reached = reach(host, settings, job.context);
    if (!(await upload(reached, bytes, { path, name: '', mode, digest }, job)))
      throw hostError(`${host.name}:${path}`, 'the host runs no shell for us; scp needs none');
  });
}
