import fc from 'fast-check';
import t from 'tap';
import { difference } from '../../lib/cli/execDiff.ts';

t.test('shows what one has and the other has instead', (t) => {
  t.same(difference(['a', 'b', 'c', 'd'], ['a', 'x', 'c', 'd', 'e']), ['@ 2', '-b', '+x', '@ 5', '+e']);
  t.same(difference(['a', 'b'], ['a']), ['@ 2', '-b']);
  t.same(difference(['b'], ['a', 'b']), ['@ 1', '+a']);
  t.same(difference(['a'], ['a']), []);
  t.equal(difference(['a'], ['b']), undefined, 'nothing in common');
  t.equal(difference([], ['b']), undefined);
  t.equal(difference(Array(3000).fill('a'), Array(3000).fill('b')), undefined, 'too much to compare');
  t.end();
});

/** Makes the second of the first. */
function apply(before: readonly string[], shown: readonly string[]): string[] {
  const made: string[] = [];
  let at = 0;
  for (const line of shown) {
    const text = line.slice(1);
    if (line.startsWith('@')) while (at < Number(text) - 1) made.push(before[at++]!);
    else if (line.startsWith('+')) made.push(text);
    else if (before[at++] !== text) throw new Error(`-${text} is not line ${at}`);
  }
  return [...made, ...before.slice(at)];
}

t.test('the second can be made of the first and what is shown', (t) => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const shown = difference(before, after);
      if (shown !== undefined && apply(before, shown).join() !== after.join()) throw new Error(shown.join());
      if (shown === undefined && before.some((line) => after.includes(line))) throw new Error('nothing shown');
    }),
    { numRuns: 2000 },
  );
  t.end();
});
