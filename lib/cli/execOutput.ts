// What `exec` prints besides the lines as they come: JSON, folded outputs, the summary.
import { gather } from '../fleet/gather.ts';
import { HostSet } from '../fleet/hostSet.ts';
import { keyOf } from '../fleet/typed.ts';
import { isRunError } from '../kernel/index.ts';
import type { Host } from '../ssh/host.ts';
import { endColors, forTerminal } from '../report/clean.ts';
import { DIM, paint, RED, wantsColor } from '../report/color.ts';
import { briefly, firstLine } from '../report/explain.ts';
import type { Screen } from '../report/screen.ts';
import type { ExecEnd, Said } from './execRun.ts';

/** A host's end as a line of JSON. */
export function jsonLine({ host, error, reached, ms, stdout, stderr }: ExecEnd): string {
  const reason = isRunError(error) ? error.reason : undefined;
  return JSON.stringify({
    host: keyOf(host),
    type: error === undefined ? 'ok' : reached ? 'failed' : 'unreachable',
    ...(error === undefined ? { exitCode: 0 } : {}),
    ...(reason?.type === 'exit' ? { exitCode: reason.exitCode } : {}),
    ...(reason?.type === 'signal' ? { signal: reason.signal } : {}),
    ...(error === undefined ? {} : { error: why({ error, reached }), ...(reason === undefined ? {} : { reason }) }),
    ms,
    stdout: stdout.text,
    stderr: stderr.text,
    ...(stdout.lost + stderr.lost > 0 ? { lostLines: stdout.lost + stderr.lost } : {}),
  });
}

/** The same for hosts that were never begun. */
export function skippedLines(hosts: HostSet): string[] {
  return hosts.names.map((host) => JSON.stringify({ host, type: 'skipped' }));
}

/**
 * Prints what is the same once, the most common first: stdout to stdout, then stderr to stderr. What failed stands apart from
 * what did not.
 */
export function printGathered(ends: readonly ExecEnd[], screen: Screen): void {
  for (const place of ['out', 'err'] as const) {
    const stream = place === 'out' ? 'stdout' : 'stderr';
    const texts = ends.map((end) => ({ end, text: textOf(end[stream]), why: end.error && why(end) }));
    const speaking = texts.filter(({ text }) => text !== '');
    // Where others have said something, saying nothing differs.
    const silent = place === 'out' && speaking.length > 0 ? texts.filter(({ text, why }) => text === '' && !why) : [];
    const color = wantsColor(screen[place]);
    const clean = screen[place].isTTY === true ? forTerminal : endColors;
    for (const group of gather([...speaking, ...silent], ({ text, why }) => `${why ?? ''}\0${text}`)) {
      const [{ text, why: failure }] = group as [(typeof texts)[number]];
      const set = new HostSet(group.map(({ end }) => end.host));
      const count = group.length === ends.length ? '' : ` (${group.length} of ${ends.length})`;
      const which = `${String(set)}${count}${place === 'err' ? ', stderr' : ''}`;
      const head = `==> ${which}${failure === undefined ? '' : `: ${failure}`} <==`;
      const tone = failure === undefined ? DIM : RED;
      const body = text === '' ? '(nothing)\n' : text.slice(0, -1).split('\n').map(clean).join('\n') + '\n';
      screen.write(place, `${color ? paint(tone, head) : head}\n${body}`);
    }
  }
}

function textOf(said: Said): string {
  return said.lost === 0 ? said.text : `… ${said.lost} lines before\n${said.text}`;
}

/** What did not succeed, by ranges of hosts; '' when all did. */
export function summaryOf(all: HostSet, ends: readonly ExecEnd[], skipped: HostSet): string {
  const failed = ends.filter(({ error }) => error !== undefined);
  if (failed.length === 0 && skipped.size === 0) return '';
  const group = (some: readonly ExecEnd[]): string[] =>
    gather(some, why).map((group) => `${String(new HostSet(group.map(({ host }) => host)))}: ${why(group[0]!)}`);
  const lines = [
    ...group(failed.filter(({ reached }) => reached)),
    ...group(failed.filter(({ reached }) => !reached)),
    ...(skipped.size === 0 ? [] : [`${String(skipped)}: not begun`]),
  ];
  const ok = all.size - failed.length - skipped.size;
  return `sluice: ${ok} of ${all.size} ok\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Why a host failed, in words that are the same for all hosts with the same reason. */
function why({ error, reached }: { readonly error: Error | undefined; readonly reached: boolean }): string {
  if (error === undefined) return '';
  if (!isRunError(error, 'connection')) return firstLine(briefly(error));
  const { phase } = error.reason;
  const said = error.cause instanceof Error ? general(error.cause.message) : '';
  return `${reached ? 'connection failed' : 'unreachable'}: ${phase}${said === '' ? '' : `: ${said}`}`;
}

/** What ssh says last, less what differs from host to host: names, addresses, ports. */
function general(text: string): string {
  const last = text.trimEnd().split('\n').at(-1)!;
  return last
    .replace(/^ssh: connect to host \S+ port \d+: /, '')
    .replace(/^ssh: (Could not resolve hostname) \S+: /, '$1: ')
    .replace(/^\S+@\S+: (?=Permission denied)/, '')
    .replace(/^(Connection \w+(?: \w+)*?) (?:by |to |from )\S+ port \d+.*$/, '$1')
    .trim();
}

/** All that did not succeed, in order. */
export function notOk(all: HostSet, ends: readonly ExecEnd[]): Host[] {
  const ok = new Set(ends.filter(({ error }) => error === undefined).map(({ host }) => keyOf(host)));
  return [...all].filter((host) => !ok.has(keyOf(host)));
}
