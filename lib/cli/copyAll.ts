// The loop of `copy` and `fetch`, and what it prints at its end.
import { each } from '../fleet/each.ts';
import { neverSent } from '../fleet/eachHost.ts';
import { gather } from '../fleet/gather.ts';
import { HostSet } from '../fleet/hostSet.ts';
import type { FleetResult } from '../fleet/result.ts';
import { scp, type CopyResult } from '../fleet/scp.ts';
import type { Host } from '../ssh/host.ts';
import type { SshSettings } from '../ssh/settings.ts';
import type { CopyArguments, Ends } from './copy.ts';
import { why as inWords } from './execOutput.ts';
import { perform } from './perform.ts';

/** Runs it to its end. */
export async function runCopy(argv: CopyArguments, set: HostSet, settings: SshSettings, ends: Ends): Promise<void> {
  const options = { ...settings, recursive: argv.recursive, ...(argv.preserve && { preserve: true as const }) };
  const work = function* (): Generator<any, void, any> {
    const result: FleetResult<CopyResult> = yield* each(set, (host) => scp(...ends(host), options), {
      slots: argv.fanout,
      failFast: argv['fail-fast'],
      ...(argv['max-fail'] !== undefined && { maxFail: argv['max-fail'] }),
    });
    if (argv['dry-run']) return;
    process.exitCode = result.unreachable.size > 0 ? 3 : result.ok.size < set.size ? 1 : 0;
    process.stderr.write(summary(result, set));
  };
  await perform(() => [work], {
    slots: undefined,
    timeout: undefined,
    'fail-fast': false,
    report: argv['dry-run'] ? 'prefix' : 'quiet',
    'dry-run': argv['dry-run'],
    cwd: undefined,
  });
}

/** In words that are the same for all hosts with the same reason. */
function why(error: Error, { name }: Host): string {
  return inWords({ error, reached: !neverSent(error) })
    .replaceAll(`(${name}:`, '(')
    .replace('pass { recursive: true }', 'give -r');
}

function summary(result: FleetResult<CopyResult>, set: HostSet): string {
  let [files, bytes] = [0, 0];
  for (const one of result.ok.values()) {
    files += one.files;
    bytes += one.bytes;
  }
  const lines = [`${result.ok.size} of ${set.size} hosts: ${files} files, ${bytes} bytes`];
  const failed = [...result.failed, ...result.unreachable];
  for (const group of gather(failed, ([host, error]) => why(error, host)))
    lines.push(`${String(new HostSet(group.map(([host]) => host)))}: ${why(group[0]![1], group[0]![0])}`);
  if (result.skipped.size > 0) lines.push(`${String(result.skipped)}: not begun`);
  return `${lines.join('\n')}\n`;
}
