import type { Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { HostPath } from '../ssh/host.ts';
import { SETTINGS, checkSettings, type SshSettings } from '../ssh/settings.ts';
import { copyAll, type CopyResult } from './copy/copyAll.ts';
import { readEndpoint, shown } from './copy/endpoint.ts';
import { job } from './copy/job.ts';
import type { CopyProgress } from './copy/progress.ts';

export type { CopyProgress } from './copy/progress.ts';
export type { CopyResult } from './copy/copyAll.ts';

/** A file here (`path`, `./a:b`) or on a host (`host:path`, `scp://user@host:port/path`, `host.path(path)`). */
export type CopyEnd = string | HostPath;

/** Options of `scp`, and how the hosts are connected to. */
export interface ScpOptions extends SshSettings {
  /** Folders with all that is in them; links are followed. Default false: a folder is an error. */
  readonly recursive?: boolean;
  /**
   * 'mode' (default): files have the permissions of their sources. true: also set-id bits and the times, as `scp -p`. false: new
   * files have what the umask gives, others keep theirs.
   */
  readonly preserve?: boolean | 'mode';
}

/**
 * Copies files to a host, from one, or from one to another (through this machine): `yield* scp('node.conf', 'web01:/etc/')`.
 * Names are read as scp's own: wildcards in `host:path` are the host's, into a folder that is there goes the source under its
 * name, several sources need one. `host.path(path)` is taken as it is.
 *
 * A file appears under its name only when it is whole: it is written beside it and renamed. What is replaced keeps its owner;
 * a link is followed. Gives the number of files and bytes; its items tell how far it is.
 *
 * Fails with the reason `file` for a local file (before anything is connected, where it is a source), `connection`, or `exit`
 * for a remote one.
 */
export function scp(
  from: CopyEnd | readonly CopyEnd[],
  to: CopyEnd,
  options: ScpOptions = {},
): Runner<CopyResult, CopyProgress> {
  const list: readonly unknown[] = Array.isArray(from) ? from : [from];
  if (list.length === 0) throw new TypeError('scp: there is nothing to be copied: the sources are []');
  const sources = list.map((one, i) => readEndpoint(one, Array.isArray(from) ? `scp: source ${i + 1}` : 'scp: from'));
  const target = readEndpoint(to, 'scp: to');
  checkOptions('scp', options, [...SETTINGS, 'recursive', 'preserve']);
  const { recursive = false, preserve = 'mode', ...settings } = options;
  checkSettings('scp', settings);
  if (typeof recursive !== 'boolean') throw new TypeError(`scp: recursive is true or false, not ${show(recursive)}`);
  if (typeof preserve !== 'boolean' && preserve !== 'mode')
    throw new TypeError(`scp: preserve is true, 'mode' or false, not ${show(preserve)}`);
  const names = sources.map(shown);
  const spec = { type: 'scp', from: names, to: shown(target), recursive, preserve };
  const some = names.length > 2 ? `${names[0]} … (${names.length})` : names.join(' ');
  const dry = (): CopyResult => ({ files: 0, bytes: 0, ms: 0 });
  const keep = preserve === true ? 'all' : preserve === 'mode' ? 'mode' : 'nothing';
  return job<CopyResult, CopyProgress>({ spec, label: `scp ${some} ${shown(target)}`, dry }, (job) =>
    copyAll({ sources, several: sources.length > 1, target, recursive, keep, settings }, job),
  );
}
