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
import { difference } from './execDiff.ts';
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
 * what did not. `diff`: of the others only in what they differ from the most common one.
 */
export function printGathered(ends: readonly ExecEnd[], screen: Screen, diff: boolean): void {
  for (const place of ['out', 'err'] as const) {
    const groups = groupsOf(ends, place === 'out' ? 'stdout' : 'stderr');
    const color = wantsColor(screen[place]);
    const clean = screen[place].isTTY === true ? forTerminal : endColors;
    const common = groups[0];
    for (const group of groups) {
      const { hosts, count, why, lines } = group;
      const apart = diff && group !== common ? difference(common!.lines, lines) : undefined;
      const of = count === ends.length ? '' : ` (${count} of ${ends.length})`;
      const unlike = apart === undefined ? '' : `, unlike ${common!.hosts}`;
      const failure = why === '' ? '' : `: ${why}`;
      const head = `==> ${hosts}${of}${place === 'err' ? ', stderr' : ''}${unlike}${failure} <==`;
      const body = (apart ?? (lines.length > 0 ? lines : ['(nothing)'])).map((line) => `${clean(line)}\n`);
      screen.write(place, `${color ? paint(why === '' ? DIM : RED, head) : head}\n${body.join('')}`);
    }
  }
}

/** Hosts that said the same and ended alike. */
interface Group {
  readonly hosts: string;
  readonly count: number;
  readonly why: string;
  readonly lines: readonly string[];
}

function groupsOf(ends: readonly ExecEnd[], stream: 'stdout' | 'stderr'): Group[] {
  const texts = ends.map((end) => ({ end, text: textOf(end[stream]), why: why(end) }));
  const speaking = texts.filter(({ text }) => text !== '');
  // Where others have said something, saying nothing differs.
  const silent =
    stream === 'stdout' && speaking.length > 0 ? texts.filter(({ text, why }) => text === '' && why === '') : [];
  return gather([...speaking, ...silent], ({ text, why }) => `${why}\0${text}`).map((group) => {
    const { text, why } = group[0]!;
    const hosts = String(new HostSet(group.map(({ end }) => end.host)));
    return { hosts, count: group.length, why, lines: text === '' ? [] : text.slice(0, -1).split('\n') };
  });
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

/** The same where the user has ended it: also what was done, as nobody has seen the end of it. */
export function summaryOfInterrupted(all: HostSet, ends: readonly ExecEnd[]): string {
  const killed = ends.filter(({ error }) => isRunError(error, 'killed'));
  const others = ends.filter(({ error }) => !isRunError(error, 'killed'));
  const ended = new Set(ends.map(({ host }) => keyOf(host)));
  const line = (what: string, hosts: readonly Host[]): string =>
    hosts.length === 0 ? '' : `  ${String(new HostSet(hosts))}: ${what}\n`;
  const ok = others.filter(({ error }) => error === undefined).map(({ host }) => host);
  const failed = gather(
    others.filter(({ error }) => error !== undefined),
    why,
  );
  return [
    `sluice: interrupted; ${ok.length} of ${all.size} ok\n`,
    line('ok', ok),
    ...failed.map((group) =>
      line(
        why(group[0]!),
        group.map(({ host }) => host),
      ),
    ),
    line(
      'interrupted',
      killed.map(({ host }) => host),
    ),
    line(
      'not begun',
      [...all].filter((host) => !ended.has(keyOf(host))),
    ),
  ].join('');
}

/** Why a host failed, in words that are the same for all hosts with the same reason. */
export function why({ error, reached }: { readonly error: Error | undefined; readonly reached: boolean }): string {
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
