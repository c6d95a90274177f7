import type { RunRecord } from '../kernel/run.ts';
import { forTerminal, plain } from '../report/clean.ts';
import { duration } from '../report/explain.ts';
import { clipMiddle } from '../advice/width.ts';

const SHOWN = 20;

/**
 * "Why is it hanging?", told at the first Ctrl-C: who is alive, since when, what it waits for, its last line. Of those that
 * wait for others, the others are told.
 */
export function whoIsAlive(signal: string, roots: readonly RunRecord[], columns = 80): string {
  const runs = roots.flatMap((root) => [root, ...root.descendants()]);
  return listed(runs, columns, (count) => `${signal}; ${count} being ended, once more kills at once`);
}

/** The same where Node has nothing left to do though runs wait: for an await that never ends, or for one another. */
export function whoIsStuck(runs: readonly RunRecord[], columns = 80): string {
  return listed(runs, columns, (count) => `nothing is left that could happen; ${count} being ended`);
}

function listed(runs: readonly RunRecord[], columns: number, head: (count: string) => string): string {
  const parents = new Set(runs.map((run) => run.parent));
  const leaves = runs.filter((run) => !parents.has(run) && run.scope.silent !== run);
  const lines = [`sluice: ${head(leaves.length === 1 ? '1 run is' : `${leaves.length} runs are`)}`];
  for (const run of leaves.slice(0, SHOWN)) {
    const since = run.since === undefined ? [] : [`for ${duration(run.now() - run.since)}`];
    const detail = run.detail === '' ? [] : [run.detail];
    lines.push(`  ${clipMiddle(plain(run.label), 40)} (${run.id}): ${[...since, ...detail].join(', ')}`);
    if (run.lastLine !== undefined)
      lines.push(`    last line: ${clipMiddle(plain(forTerminal(run.lastLine)), Math.max(20, columns - 16))}`);
  }
  if (leaves.length > SHOWN) lines.push(`  … and ${leaves.length - SHOWN} more`);
  return `${lines.join('\n')}\n`;
}
