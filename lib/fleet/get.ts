import { follow } from '../kernel/running.ts';
import { Writable } from 'node:stream';
import { within } from '../compose/within.ts';
import { createRunner, isRunError, RunError, type Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import type { RunRecord } from '../kernel/run.ts';
import { program } from '../runners/program.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { SETTINGS, type SshSettings } from '../ssh/settings.ts';
import { viaSsh } from '../ssh/via.ts';
import { behind, token } from './copy/scripts.ts';
import { checkPath } from './paths.ts';

/** Options of `get`: how the host is connected to, and what is given. */
export interface GetOptions extends SshSettings {
  /** 'buffer': bytes. Default: 'utf8', text. */
  readonly encoding?: 'buffer' | 'utf8';
}

const SCRIPT = 'echo "sluice $2"; if [ -d "$1" ]; then echo "$1: it is a folder" >&2; exit 1; fi; exec cat <"$1"';

/**
 * What is in a file on a host: `const id = yield* get('web01', '/etc/machine-id')`, all of it, as it is.
 *
 * Fails with the reason `exit` where it can't be read, `connection` where the host can't be reached, and `reply` where it runs
 * something else than what it is told.
 */
export function get(
  host: Host | string,
  path: string,
  options: GetOptions & { readonly encoding: 'buffer' },
): Runner<Buffer>;
export function get(host: Host | string, path: string, options?: GetOptions): Runner<string>;
export function get(what: Host | string, path: string, options: GetOptions = {}): Runner<any> {
  const host = toHost(what);
  checkOptions('get', options, [...SETTINGS, 'encoding']);
  checkPath('get', path);
  const { encoding = 'utf8', ...settings } = options;
  if (encoding !== 'utf8' && encoding !== 'buffer')
    throw new TypeError(`get: encoding is 'utf8' or 'buffer', not ${JSON.stringify(encoding)}`);
  const via = viaSsh(host, settings);
  const label = `get ${host.name}:${path}`;
  const spec = { type: 'get', host: host.name, path };
  return createRunner<string | Buffer>({
    spec,
    label,
    start(sink, context) {
      const chunks: Buffer[] = [];
      const stdout = new Writable({
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk);
          done();
        },
      });
      const mark = token();
      const what = { run: context.id, label, spec };
      /** Ours, and not of the script that it runs. */
      const own = (error: Error): Error => {
        if (!isRunError(error)) return error;
        const { reason, stderr, cause } = error;
        return new RunError({ ...what, reason, cause, tails: { stderr } });
      };
      const cat = program(['/bin/sh', '-c', SCRIPT, 'sh', path, mark], { stdout, label });
      const child = context.start(within({ via }, cat), {
        settle(outcome) {
          if (outcome.type === 'killed') sink.settle(outcome);
          else if (outcome.type === 'failed') sink.settle({ type: 'failed', error: own(outcome.error) });
          else {
            const all = Buffer.concat(chunks);
            const bytes = (context as unknown as RunRecord).ambient.dryRun ? all : behind(all, mark);
            if (bytes !== undefined)
              sink.settle({ type: 'finished', value: encoding === 'buffer' ? bytes : bytes.toString() });
            else {
              const hint = 'the host runs no shell for us; scp needs none';
              sink.settle({ type: 'failed', error: new RunError({ reason: { type: 'reply' }, hint, ...what }) });
            }
          }
        },
      });
      return follow(child);
    },
  });
}
