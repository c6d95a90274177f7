// The tree of live runs: who has started whom. A run leaves it when it settles.
//
// L3  What a run has started hangs below it until it has settled.
import type { RunId } from '../event.ts';
import type { RunRecord } from '../run.ts';

/** Hangs a new run below the one that starts it. */
export function link(run: RunRecord, parent: RunRecord): void {
  const first = parent.firstChild;
  if (first !== undefined) first.previousSibling = run;
  run.nextSibling = first;
  parent.firstChild = run;
}

/** Takes a run that has settled out of the tree. */
export function unlink(run: RunRecord, parent: RunRecord): void {
  if (run.previousSibling !== undefined) run.previousSibling.nextSibling = run.nextSibling;
  else parent.firstChild = run.nextSibling;
  if (run.nextSibling !== undefined) run.nextSibling.previousSibling = run.previousSibling;
  run.previousSibling = run.nextSibling = undefined;
}

/** The live runs right below one, the latest first. One may settle while they are gone through. */
export function* children(run: RunRecord): Generator<RunRecord> {
  for (let child = run.firstChild; child !== undefined;) {
    const next: RunRecord | undefined = child.nextSibling;
    yield child;
    child = next;
  }
}

/** The live runs below one, parents before children, in the order of their start. */
export function descendants(run: RunRecord): RunRecord[] {
  const found: RunRecord[] = [];
  const stack = [...children(run)];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    found.push(next);
    stack.push(...children(next));
  }
  return found;
}

/** What takes no items itself (advice, `within`, a task at a yield) hands them to the one run that it waits for. */
export function onlyChild(run: RunRecord): RunRecord | undefined {
  const child = run.firstChild;
  return child === undefined || child.nextSibling !== undefined || child.spawned ? undefined : child;
}

/** Its path: its parent's and its own key. */
export function idOf(run: RunRecord): RunId {
  if (run.knownId !== undefined) return run.knownId;
  // From the nearest known one down, without recursion: tasks may be nested ten thousand deep.
  const unknown: RunRecord[] = [run];
  let above = run.parent;
  for (; above !== undefined && above.knownId === undefined; above = above.parent) unknown.push(above);
  let id = above === undefined ? '' : above.knownId!;
  for (let i = unknown.length - 1; i >= 0; i--) {
    const below = unknown[i]!;
    if (id === '') id = String(below.key);
    else if (below.key !== '') id = `${id}.${below.key}`;
    below.knownId = id;
  }
  return id;
}
