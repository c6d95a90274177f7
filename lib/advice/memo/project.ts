import type { RunRecord } from '../../kernel/run.ts';
import { projectOf } from '../../store/store.ts';
import { rootOf } from './working.ts';

/** By loop and folder: a project doesn't move while a loop runs, and a thousand steps ask. */
const projects = new WeakMap<RunRecord, Map<string, string>>();

/** The project that the loop around a run works in: that of its folder. */
export function projectAround(run: RunRecord): string {
  const root = rootOf(run);
  const folder = root.ambient.cwd ?? process.cwd();
  const known = projects.get(root) ?? new Map<string, string>();
  projects.set(root, known);
  let project = known.get(folder);
  if (project === undefined) known.set(folder, (project = projectOf(folder)));
  return project;
}
