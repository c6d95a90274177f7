/** The candidate that was probably meant, if there is one that is near enough. */
export function suggest(given: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(given.length / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const candidate of candidates) {
    const steps = distance(given.toLowerCase(), candidate.toLowerCase(), least);
    if (steps >= least) continue;
    least = steps;
    best = candidate;
  }
  return best;
}

/** Candidates as a list of what is known shows them: the nearest first, those that are not near by name. */
export function nearestFirst(given: string, candidates: Iterable<string>): string[] {
  const limit = Math.max(1, Math.floor(given.length / 3)) + 1;
  const wanted = given.toLowerCase();
  return [...candidates]
    .map((name) => ({ name, steps: distance(wanted, name.toLowerCase(), limit) }))
    .sort((a, b) => a.steps - b.steps || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** Letters to put in, take out, replace or swap with their neighbour; counts no further than `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    before = above;
    above = row;
  }
  return Math.min(limit, above[b.length]!);
}
