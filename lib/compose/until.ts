import { createRunner, milliseconds, RunError, type Duration, type Run, type Runner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';

/** How `until` waits. */
export interface UntilOptions {
  /** Fails with the reason `timeout` when it takes longer. Default: never. */
  readonly within?: Duration;
  /** The stream to look at. Default: all. */
  readonly stream?: string;
}

/**
 * Waits for a line: `yield* until(server, /LISTENING on (\d+)/, { within: '10s' })` gives the match. Lines that the run has
 * written before count, as far as they are kept. Fails when the run ends first; in a dry run, where it ends without a word, it
 * gives an empty match. A string is looked for as it is.
 */
export function until(
  run: Run<any, any>,
  pattern: RegExp | string,
  options: UntilOptions = {},
): Runner<RegExpMatchArray> {
  const record = run as unknown as RunRecord;
  if (typeof (run as Partial<Run> | null)?.join !== 'function')
    throw new TypeError('until: expected a Run, as spawn gives it');
  if (typeof pattern !== 'string' && !(pattern instanceof RegExp))
    throw new TypeError(`until: expected a RegExp or a string to look for, got ${show(pattern)}`);
  const regular = typeof pattern === 'string' ? new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')) : pattern;
  checkOptions('until', options, ['within', 'stream']);
  const ms = options.within === undefined ? Infinity : milliseconds(options.within, 'until: within');
  return createRunner<RegExpMatchArray>({
    spec: { type: 'until', run: run.id, pattern: String(pattern) },
    label: `until ${String(pattern)}`,
    start(sink, context) {
      const events = record.ensureFeed().iterate();
      const fail = (error: RunError): void => {
        stop();
        sink.settle({ type: 'failed', error });
      };
      let last: string | undefined;
      const details = { run: run.id, spec: run.spec, label: `until ${String(pattern)}` };
      const cancel = context.clock.after(ms, () => {
        const line = last === undefined ? '(none)' : record.mask(last);
        const hint = `${run.label} has not written it; its last line: ${line}`;
        fail(new RunError({ ...details, reason: { type: 'timeout', ms }, hint }));
      });
      const stop = (): void => {
        cancel();
        events.close();
      };
      const look = (): void => {
        for (let event = events.pull(true); event !== undefined; event = events.pull(true)) {
          if (event.type !== 'line') continue;
          last = event.line; // of whatever stream, and of whatever is within the run
          if (options.stream !== undefined && event.stream !== options.stream) continue;
          regular.lastIndex = 0;
          const match = regular.exec(event.line);
          if (match === null) continue;
          stop();
          sink.settle({ type: 'finished', value: match });
          return;
        }
        if (!events.done) events.wanted = look;
        else if (record.outcome !== undefined) {
          const { outcome } = record;
          if (outcome.type === 'finished' && record.ambient.dryRun) {
            stop();
            sink.settle({ type: 'finished', value: emptyMatch(regular) });
            return;
          }
          const cause = outcome.type === 'finished' ? undefined : record.errorOf(outcome);
          fail(new RunError({ ...details, reason: { type: 'closed' }, hint: `${run.label} ended first`, cause }));
        }
      };
      look();
      return {
        pause() {},
        play() {},
        kill(by) {
          stop();
          sink.settle({ type: 'killed', by });
        },
        describe: () => `waits for ${String(pattern)} from ${run.id} (${run.label})`,
      };
    },
  });
}

/** What a dry run goes on with, where nobody writes anything: every group is there, and empty. */
function emptyMatch({ source, flags }: RegExp): RegExpMatchArray {
  const match = new RegExp(`${source}|`, flags.replace(/[gy]/g, '')).exec('')!;
  match.fill('');
  for (const name in match.groups) match.groups[name] = '';
  return match;
}
