// In what an output differs from the most common one.

/** More pairs of lines than this are not compared: the whole output is shown instead. */
const MOST = 4_000_000;

/**
 * The lines that one has (-) and the other has instead (+), where they differ: `@ 12` is a line of the first. Undefined where
 * comparing them would take too long, or they have nothing in common.
 */
export function difference(before: readonly string[], after: readonly string[]): string[] | undefined {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  const shortest = Math.min(before.length, after.length) - start;
  while (tail < shortest && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const a = before.slice(start, before.length - tail);
  const b = after.slice(start, after.length - tail);
  if (a.length * b.length > MOST) return undefined;
  const common = commonAfter(a, b);
  if (start + tail + common(0, 0) === 0) return undefined;
  const shown: string[] = [];
  let last = -1; // the line of the first behind what was shown last
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
      continue;
    }
    if (last !== i) shown.push(`@ ${start + i + 1}`);
    if (j >= b.length || (i < a.length && common(i + 1, j) >= common(i, j + 1))) shown.push(`-${a[i++]}`);
    else shown.push(`+${b[j++]}`);
    last = i;
  }
  return shown;
}

/** How many lines are left in common from these on, in the best case. */
function commonAfter(a: readonly string[], b: readonly string[]): (i: number, j: number) => number {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] =
        a[i] === b[j]
          ? table[(i + 1) * width + j + 1]! + 1
          : Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
  return (i, j) => table[i * width + j]!;
}
