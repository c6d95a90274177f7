import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createRunner, RunError, toError, type Runner, type Running } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { program, type ProgramResult } from '../runners/program.ts';
import { ConnectionError } from '../ssh/failure.ts';
import { SETTINGS, checkSettings, type SshSettings } from '../ssh/settings.ts';
import { sharedBy } from '../ssh/transport.ts';
import { readEndpoint, shown, type Endpoint } from './copy/endpoint.ts';
import { reach } from './copy/job.ts';
import type { CopyEnd } from './scp.ts';

/** Options of `rsync`, and how the host is connected to. */
export interface RsyncOptions extends SshSettings {
  /** rsync's own options, before the paths. Default: ['-a']. */
  readonly args?: readonly string[];
}

type Remote = Extract<Endpoint, { type: 'remote' }>;

/**
 * The rsync of this machine, over the connection that the loop has to the host: `yield* rsync('dist/', 'web01:/srv/app/',
 * { args: ['-a', '--delete'] })`. Paths are taken as they are, whatever is in them; a '/' behind a source means what is in it.
 *
 * Fails as `program` does; with the reason `spawn` where there is no rsync here, `file` for a local source that is missing
 * (nothing was connected then), and `connection`.
 */
export function rsync(
  from: CopyEnd | readonly CopyEnd[],
  to: CopyEnd,
  options: RsyncOptions = {},
): Runner<ProgramResult> {
  const list: readonly unknown[] = Array.isArray(from) ? from : [from];
  const sources = list.map((one) => readEndpoint(one, 'rsync: from'));
  const target = readEndpoint(to, 'rsync: to');
  checkOptions('rsync', options, [...SETTINGS, 'args']);
  const { args = ['-a'], ...settings } = options;
  checkSettings('rsync', settings);
  if (!Array.isArray(args) || args.some((word) => typeof word !== 'string'))
    throw new TypeError(`rsync: args is a list of rsync's options, not ${show(args)}`);
  const remote = [...sources, target].filter((end) => end.type === 'remote');
  const far = remote[0] ?? target;
  const oneSide = target.type === 'remote' ? remote.length === 1 : remote.length === sources.length;
  const oneHost = remote.every((end) => JSON.stringify(end.host) === JSON.stringify((far as Remote).host));
  if (far.type === 'local' || !oneSide || !oneHost)
    throw new TypeError('rsync: either the sources are on one host, or the target is; scp copies between hosts');
  const label = `rsync ${sources.map(shown).join(' ')} ${shown(target)}`;
  const spec = { type: 'rsync', from: sources.map(shown), to: shown(target), args: [...args] };
  const empty = { exitCode: 0, signal: undefined, stdout: '', stderr: '', ms: 0, truncated: 0 };
  return createRunner<ProgramResult>({
    spec,
    label,
    leaf: true,
    dry: () => empty,
    start(sink, context) {
      let killed: string | undefined;
      let child: Running | undefined;
      const inner = context.remote === undefined;
      const cwd = inner ? context.cwd : process.cwd();
      const begin = async (): Promise<void> => {
        await check(sources, cwd, (inner ? context.env['PATH'] : process.env['PATH']) ?? '');
        const path = await sharedBy(reach(far.host, settings, context).connection);
        if (killed !== undefined) return;
        // Never a login of its own: without the master it fails.
        const ssh = `ssh -F none -S "${path}" -o ProxyCommand=false`;
        const words = ['rsync', ...args, '-s', '-e', ssh, '--', ...[...sources, target].map(argument)];
        const local = inner ? {} : { spawner: undefined, remote: undefined, cwd: undefined, env: undefined };
        child = context.start(program(words, { label }), sink as never, { within: { ...local, via: undefined } });
      };
      begin().catch((error: unknown) => {
        if (killed === undefined) sink.settle({ type: 'failed', error: told(error, context.id) });
      });
      return {
        pause() {},
        play() {},
        kill(by) {
          killed ??= by;
          if (child === undefined) sink.settle({ type: 'killed', by });
          else child.kill(by);
        },
      };
    },
  });

  function told(error: unknown, run: string): Error {
    if (!(error instanceof ConnectionError)) return toError(error);
    return new RunError({ reason: error.reason('no'), run, label, spec, cause: error });
  }

  /** Before anything is connected. */
  async function check(sources: readonly Endpoint[], cwd: string, path: string): Promise<void> {
    const found = path.split(':').map((folder) => access(join(folder, 'rsync'), constants.X_OK));
    await Promise.any(found).catch(() => {
      const hint = 'rsync is not installed here; scp does not need it';
      throw new RunError({ reason: { type: 'spawn', code: 'ENOENT' }, label, spec, hint });
    });
    for (const source of sources) {
      if (source.type === 'remote') continue;
      await stat(resolve(cwd, source.path)).catch((cause: unknown) => {
        throw new RunError({ reason: { type: 'file', path: source.path }, label, spec, cause });
      });
    }
  }
}

/** As rsync reads it. */
function argument(end: Endpoint): string {
  if (end.type === 'local') return /^[^/]*:/.test(end.path) ? `./${end.path}` : end.path;
  const name = /^[\w.-]+$/.test(end.host.name) ? end.host.name : 'host';
  // Not `host::module`; and nobody over there reads `~` as the home, where it begins anyway.
  const path = end.typed ? end.path.replace(/^~(?:\/+|$)/, '') || '.' : end.path;
  return `${name}:${path.startsWith(':') ? './' : ''}${path}`;
}
