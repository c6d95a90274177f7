import { RunError, type Outcome } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** The line that tells where it hangs: of the runs still at work the one begun last, which is gone once all have ended. */
export function lastLineBelow(run: RunRecord): string | undefined {
  return run.descendants().findLast(({ lastLine }) => lastLine !== undefined)?.lastLine;
}

/** The error of a run that was ended since its time was over. `line`: the last that it said. */
export function lateError(
  run: RunRecord,
  ms: number,
  outcome: Exclude<Outcome<unknown>, { type: 'finished' }>,
  before: string,
  line: string | undefined,
): RunError {
  const hint = before === '' && line === undefined ? undefined : `${before}its last line: ${line ?? '(none)'}`;
  const cause = outcome.type === 'killed' ? outcome.cause : outcome.error;
  const { id, spec, label } = run;
  return new RunError({ reason: { type: 'timeout', ms }, run: id, spec, label, hint, cause });
}
