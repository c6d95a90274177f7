// Whose slot is lent: a holder that its task doesn't wait for just now lends to what that task waits for, see slots.ts.
import type { RunRecord } from '../run.ts';

/** Whether its task doesn't wait for it now, so that what holds slots in it lends them to that task's other runs. */
function unwaited(run: RunRecord): boolean {
  if (run.spawned) return run.joining === 0;
  if (run.byIterator) return !run.reading;
  return run.promised && run.parent?.task?.inCode === false;
}

/** Whether this holder of a slot lends it to anybody now. */
export function lends(holder: RunRecord): boolean {
  for (let run = holder; run.parent !== undefined; run = run.parent) if (unwaited(run)) return true;
  return false;
}

/** Whether this holder of a slot lends it to a run: that one is below a task which doesn't wait for the holder now. */
export function lendsTo(holder: RunRecord, borrower: RunRecord): boolean {
  const above = new Set<RunRecord>();
  for (let run = borrower.parent; run !== undefined; run = run.parent) above.add(run);
  let branch = holder;
  while (branch.parent !== undefined && !above.has(branch.parent)) branch = branch.parent;
  return branch.parent !== undefined && unwaited(branch);
}
