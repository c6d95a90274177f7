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
  if (why.length > 0) return few(why);
  const short = known.entries.some(({ key, dropped }) => key === seen.key && dropped > 0);
  return [short ? 'a function is to hear all of its lines, and not all were kept' : 'its last run left no entry'];
}
