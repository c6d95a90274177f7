// What advice costs: a task bare, in an empty chain, in 5 and in 20 advice that do nothing, and one that a memo skips; µs a run.
// bandsaw's figures stand beside.
//   node bench/advice.mjs
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench, expect } from './harness.mjs';

const RUNS = 50_000;
/** µs a call, measured elsewhere (CPython, one call of a task in a chain of so many advice); not measured here. */
const BANDSAW = { 0: 4.2, 5: 5.9, 20: 10.8 };

const BANDSAW_HIT = 18;
const HITS = 3000;

/** µs a run that a memo skips, with so many files as inputs, the best of three rounds. */
const perHit = (files) => async () => {
  const { memo, runCommandGens, task } = await import('sluice');
  const folder = mkdtempSync(join(tmpdir(), 'sluice-hit-'));
  try {
    const inputs = Array.from({ length: files }, (_, i) => join(folder, `in${i}`));
    for (const path of inputs) writeFileSync(path, path);
    // So old that what is known of them can be remembered.
    await new Promise((resolve) => setTimeout(resolve, 50));
    let ran = 0;
    const add = (a, b) => (ran++, a + b);
    const runner = task(add, 1, 2).with(memo({ key: 'add', inputs, store: join(folder, '.sluice') }));
    function* main(runs) {
      let sum = 0;
      for (let i = 0; i < runs; i++) sum += yield* runner;
      return sum;
    }
    const runs = files === 0 ? HITS : HITS / 10;
    await runCommandGens([main(1)]);
    let best = Infinity;
    for (let round = 0; round < 4; round++) {
      const began = performance.now();
      const [sum] = await runCommandGens([main(runs)]);
      if (round > 0) best = Math.min(best, ((performance.now() - began) * 1000) / runs);
      expect('sum', sum, 3 * runs);
    }
    expect('runs of the task', ran, 1);
    return best;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** µs a run of a task in so many of one advice, the best of three rounds. */
const perRun = (count, advice) => async () => {
  const sluice = await import('sluice');
  const add = (a, b) => a + b;
  const runner = sluice.task(add, 1, 2).with(...Array(count).fill(advice?.(sluice)));
  function* main(runs) {
    let sum = 0;
    for (let i = 0; i < runs; i++) sum += yield* runner;
    return sum;
  }
  let best = Infinity;
  for (let round = 0; round < 4; round++) {
    const began = performance.now();
    const [sum] = await sluice.runCommandGens([main(RUNS)]);
    if (round > 0) best = Math.min(best, ((performance.now() - began) * 1000) / RUNS);
    expect('sum', sum, 3 * RUNS);
  }
  return best;
};

const around = (sluice) =>
  sluice.around(function* (proceed) {
    return yield* proceed;
  });
const beforeAfter = (sluice) =>
  sluice.beforeAfter({ before: (session) => session.proceed(), after: (session) => session.proceed() });
const empty = (sluice) => sluice.chain('empty', (runner) => runner);

const quoted = Object.entries(BANDSAW).map(([count, µs]) => ({
  name: `bandsaw, ${count} advice (quoted, not measured)`,
  run: () => µs,
}));

/** What one advice adds to a run. */
const each = (name, most) => ({
  text: `an advice that does nothing (${name}) adds at most ${most} µs`,
  test({ of }) {
    const µs = (of(`${name} × 20`) - of('bare')) / 20;
    return { met: µs <= most, figure: `${µs.toFixed(2)} µs` };
  },
});

await bench('advice', [
  {
    title: 'a run of a task, 1 + 2',
    unit: 'µs a run',
    better: 'lower',
    base: 'bare',
    contestants: [
      { name: 'bare', run: perRun(0) },
      { name: 'an empty chain', run: perRun(1, empty) },
      { name: 'beforeAfter × 5', run: perRun(5, beforeAfter) },
      { name: 'beforeAfter × 20', run: perRun(20, beforeAfter) },
      { name: 'around × 5', run: perRun(5, around) },
      { name: 'around × 20', run: perRun(20, around) },
      ...quoted,
    ],
    goals: [each('beforeAfter', 0.5), each('around', 1.5)],
  },
  {
    title: 'the same, skipped by a memo',
    unit: 'µs a run',
    better: 'lower',
    base: 'bare',
    contestants: [
      { name: 'bare', run: perRun(0) },
      { name: 'memo hit, no files', run: perHit(0) },
      { name: 'memo hit, 100 files', run: perHit(100) },
      { name: 'bandsaw, hit (quoted, not measured)', run: () => BANDSAW_HIT },
    ],
  },
]);
