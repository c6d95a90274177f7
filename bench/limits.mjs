// How much it bears: many programs alive, few descriptors, a slow reader of an endless program, deep nesting.
//   node bench/limits.mjs
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { bench, expect, seconds } from './harness.mjs';

const MB = 1_000_000;
const ALIVE = 2000;
const FEW = 256;
const GENERATORS = 500;
const NESTED = 10_000;
const SLOW = { seconds: 10, pause: 10 };

/** Each program takes two pipes here. */
const descriptors = Number(
  spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.replace('unlimited', 'Infinity'),
);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function alive() {
  const { all, program, runCommandGens, spawn, until } = await import('sluice');
  let pids = [];
  let most = 0;
  let began = performance.now();
  let toStart;
  function* main() {
    const runs = [];
    for (let i = 0; i < ALIVE; i++) runs.push(yield* spawn(program(['sh', '-c', 'echo $$; exec sleep 1000'])));
    pids = (yield* all(runs.map((run) => until(run, /^\d+$/)))).map(([pid]) => Number(pid));
    toStart = performance.now() - began;
    most = pids.filter(lives).length;
    began = performance.now();
  }
  await runCommandGens([main()]); // when `main` has ended, what it has spawned is killed
  const toEnd = performance.now() - began;
  expect('pids', new Set(pids).size, ALIVE);
  return {
    value: most,
    'alive afterwards': pids.filter(lives).length,
    'seconds to start': toStart / 1000,
    'to end': toEnd / 1000,
  };
}

function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function fewDescriptors() {
  const { program, runCommandGens } = await import('sluice');
  let most = 0;
  function* one() {
    const { stdout } = yield* program('sleep 0.2; echo done');
    most = Math.max(most, readdirSync('/proc/self/fd').length);
    return stdout;
  }
  let found;
  const time = await seconds(async () => {
    found = await runCommandGens(Array.from({ length: GENERATORS }, () => one));
  });
  return { value: found.filter((stdout) => stdout === 'done').length, seconds: time, 'descriptors at most': most };
}

async function slowReader() {
  const { program } = await import('sluice');
  await pause(200);
  globalThis.gc();
  const first = process.memoryUsage();
  let rss = 0;
  let heap = 0;
  let lines = 0;
  const began = performance.now();
  for await (const event of program('yes')) {
    if (event.type !== 'line') continue;
    lines++;
    await pause(SLOW.pause);
    const { rss: rssNow, heapUsed, external } = process.memoryUsage();
    rss = Math.max(rss, rssNow - first.rss);
    heap = Math.max(heap, heapUsed + external - first.heapUsed - first.external);
    if (performance.now() - began > SLOW.seconds * 1000) break;
  }
  return { value: rss / MB, 'heap MB': heap / MB, lines };
}

const nested = (make) => async () => {
  const sluice = await import('sluice');
  const nest = make(sluice);
  return (await seconds(async () => expect('depth', (await sluice.runCommandGens([nest(NESTED)]))[0], NESTED))) * 1000;
};

const yielded = () =>
  function* nest(depth) {
    return depth === 0 ? 0 : 1 + (yield nest(depth - 1));
  };
const inAll = ({ all }) =>
  function* nest(depth) {
    if (depth === 0) return 0;
    const [inner] = yield* all([nest(depth - 1)]);
    return 1 + inner;
  };
/** Killed when the innermost sleeps. */
async function killed() {
  const { runCommandGens, sleep } = await import('sluice');
  let deepest;
  const asleep = new Promise((resolve) => (deepest = resolve));
  function* nest(depth) {
    if (depth > 0) return yield nest(depth - 1);
    deepest();
    yield* sleep('1h');
  }
  const loop = runCommandGens([nest(NESTED)]);
  await asleep;
  return (
    1000 *
    (await seconds(async () => {
      loop.kill();
      const error = await loop.then(undefined, (error) => error);
      expect('reason', error.reason.type, 'killed');
    }))
  );
}

await bench('limits', [
  {
    title: `${ALIVE} programs alive at once`,
    unit: 'alive',
    better: 'higher',
    rounds: 1,
    contestants: [
      {
        name: 'sluice',
        run: alive,
        ...(descriptors < 2 * ALIVE + 100 ? { missing: `only ${descriptors} descriptors here (ulimit -Hn)` } : {}),
      },
    ],
    goals: [
      {
        text: 'all alive at once, none afterwards',
        test: ({ of }) => ({
          met: of('sluice') === ALIVE && of('sluice', 'alive afterwards') === 0,
          figure: `${of('sluice')}, ${of('sluice', 'alive afterwards')}`,
        }),
      },
    ],
  },
  {
    title: `${GENERATORS} generators at once with ${FEW} descriptors (ulimit -n ${FEW})`,
    unit: 'finished',
    better: 'higher',
    rounds: 1,
    contestants: [{ name: 'sluice', run: fewDescriptors, prefix: ['sh', '-c', `ulimit -n ${FEW} && exec "$@"`, 'sh'] }],
    goals: [
      {
        text: 'all finish',
        test: ({ of }) => ({ met: of('sluice') === GENERATORS, figure: String(of('sluice')) }),
      },
    ],
  },
  {
    title: `a line of \`yes\` every ${SLOW.pause} ms for ${SLOW.seconds} s`,
    unit: 'MB of growth',
    better: 'lower',
    rounds: 1,
    contestants: [{ name: 'sluice', run: slowReader, node: ['--expose-gc'] }],
    goals: [
      {
        text: 'the memory of the process (and its heap) grow by less than 50 MB',
        test: ({ of }) => ({
          met: of('sluice') < 50 && of('sluice', 'heap MB') < 50,
          figure: `${of('sluice').toFixed(0)} MB, ${of('sluice', 'heap MB').toFixed(0)} MB`,
        }),
      },
    ],
  },
  {
    title: `${NESTED.toLocaleString('en')} runs, each within another`,
    unit: 'ms',
    better: 'lower',
    contestants: [
      { name: 'yield of generators', run: nested(yielded) },
      { name: 'all within all', run: nested(inAll) },
      { name: 'killed', run: killed },
    ],
    goals: [
      {
        text: 'all of them end',
        test: ({ of }) => ({
          met: [of('yield of generators'), of('all within all'), of('killed')].every((ms) => ms > 0),
          figure: 'no stack overflow',
        }),
      },
    ],
  },
]);
