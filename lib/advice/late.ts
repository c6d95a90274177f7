import { RunError, type Outcome } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';

/** The line that tells where it hangs: of the runs still at work the one begun last, which is gone once all have ended. */
export function lastLineBelow(run: RunRecord): string | undefined {
  return run.descendants().findLast(({ lastLine }) => lastLine !== undefined)?.lastLine;
}

/** Errors of deadlines: another try would come too late as well. */
const overdue = new WeakSet<Error>();

/** Whether an error says that there is no time left for another try. */
export function isOverdue(error: Error): boolean {
  return overdue.has(error);
}

/** The error of a run that was ended since its time was over. `final`: so is that of all further tries. */
export function lateError(
  run: RunRecord,
  ms: number,
  hint: string | undefined,
  cause: unknown,
  final = false,
): RunError {
  const { id, spec, label } = run;
  const error = new RunError({ reason: { type: 'timeout', ms }, run: id, spec, label, hint, cause });
  if (final) overdue.add(error);
  return error;
}

/** What the killed run threw after all, or what it failed with. */
export function causeOf(outcome: Outcome<unknown>): Error | undefined {
  if (outcome.type === 'finished') return undefined;
  return outcome.type === 'killed' ? outcome.cause : outcome.error;
}
