import type { Paced } from '../../store/paced.ts';
import { differences, few, fileChange, foundDifferences } from './diff.ts';
import type { Step } from './entry.ts';
import type { Look, Seen } from './look.ts';
import type { Plan } from './plan.ts';

/** Why a step is to run: what is not as it was when it ran the last time. */
export function* reasons(look: Look, plan: Plan, seen: Seen, known: Step): Paced<readonly string[]> {
  const why = differences(known.parts, seen.parts);
  const found = yield* look.found(known.found.map(([what]) => what));
  why.push(...foundDifferences(known.found, found));
  // Those too that were found the last time.
  const names = [...plan.outputs.map(({ name }) => name), ...(known.entries[0]?.outputs ?? []).map(([name]) => name)];
  for (const name of new Set(names)) {
    const [before] = known.left[name] ?? [];
    const now = yield* look.output(plan.pathOf(name));
    if (before !== undefined && before !== now) why.push(fileChange(`output ${name}`, before, now));
  }
  return why.length > 0 ? few(why) : ['its last run left no entry'];
}
