// Starting programs: 2,000 × `true`, 8 at a time, each with its output collected; with a small and a large process around them,
// the whole way and the bare one; and what passes between two programs.
//   node bench/spawn.mjs [--runtimes]
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ahead, bench, expect, fixture, here, meter, pool, seconds } from './harness.mjs';
import { floor, runtime } from './outside.mjs';
import * as ways from './ways.mjs';

const PROGRAMS = 2000;
/** While the event loop is watched. */
const WATCHED = 1000;
const WIDTH = 8;
const MB = 1_000_000;
const HEAP = 500;
const LINES = 10_000_000;
const LINE = `${'x'.repeat(99)}\n`;
/** CPU of Node while a pipe that passes it by moves 1 GB, in seconds. */
const NEAR_ZERO = 0.05;

const POSIX = "sluice's posix spawner";
const CHILD = 'child_process.spawn';
const SEED = "the seed's loop (Python)";
const FLOOR = 'the C floor';
const SHELL = "the shell's pipeline";

// --- how --------------------------------------------------------------------------------------------------------------------

/** `all(count)` for a way of running one. */
async function many(way) {
  const one = await way();
  return (count) => pool(count, WIDTH, async () => expect('exit code', await one(), 0));
}

/** Programs a second. A few before load what there is to load. */
async function rate(all, count = PROGRAMS) {
  await all(WIDTH);
  return count / (await seconds(() => all(count)));
}

const ballast = [];
/** Memory of this process that is in use: fork has to mark all of it. In pieces, as the kernel may give huge pages to one block. */
function grow() {
  for (let i = 0; i < HEAP; i++) ballast.push(Buffer.alloc(MB, 1));
}

const bare = (name, way, count) => ({ name, run: async () => rate(await many(way), count) });

/** Fewer where each takes long: it is a rate. */
const large = (name, way, count) => ({
  name,
  async run() {
    grow();
    const all = await many(way);
    await all(WIDTH);
    const spent = meter();
    const time = await seconds(() => all(count));
    return { value: count / time, 'loop busy, ms each': spent().busy / count };
  },
});

const cpu = (name, way) => ({
  name,
  async run() {
    const all = await many(way);
    await all(WIDTH);
    const spent = meter();
    await all(PROGRAMS);
    const { main, process, busy } = spent();
    return {
      value: main / PROGRAMS,
      'with the other threads': process / PROGRAMS,
      'loop busy': busy / PROGRAMS,
    };
  },
});

const delay = (name, way) => ({
  name,
  async run() {
    grow();
    const all = await many(way);
    await all(WIDTH);
    const histogram = monitorEventLoopDelay({ resolution: 1 }); // a loop that does nothing has 1 ms then
    histogram.enable();
    const time = await seconds(() => all(WATCHED));
    histogram.disable();
    const ms = (ns) => ns / 1e6;
    return {
      value: ms(histogram.percentile(99)),
      mean: ms(histogram.mean),
      longest: ms(histogram.max),
      'programs/s': WATCHED / time,
    };
  },
});

/** `program` within `runCommandGens`. The spawner is chosen with the first program. */
const whole = (name, spawner, count) => ({
  name,
  async run() {
    process.env.SLUICE_SPAWNER = spawner;
    const { program, runCommandGens } = await import('sluice');
    function* one() {
      const { exitCode } = yield* program(['true']);
      return exitCode;
    }
    return rate(async (count) => {
      const codes = await runCommandGens(
        Array.from({ length: count }, () => one),
        { slots: WIDTH },
      );
      expect('programs that finished', codes.filter((code) => code === 0).length, count);
    }, count);
  },
});

/** A file of so many lines of 100 bytes. */
const file = (lines) =>
  fixture(`lines-of-100-${lines}`, (path) => {
    const block = LINE.repeat(Math.min(lines, 10_000));
    const fd = openSync(path, 'w');
    for (let written = 0; written < lines * LINE.length; written += block.length) writeSync(fd, block);
    closeSync(fd);
  });

/** `load()` gives `count(path)`: what `cat path | wc -l` prints. */
const piped = (name, load) => ({
  name,
  async run() {
    const small = await file(100);
    const big = await file(LINES);
    const count = await load();
    expect('lines of the small run', Number(await count(small)), 100);
    spawnSync('sh', ['-c', 'cat "$1" >/dev/null', 'sh', big]); // the disk is not measured
    const spent = meter();
    let lines;
    const time = await seconds(async () => (lines = await count(big)));
    const { process: ms } = spent();
    expect('lines', Number(lines), LINES);
    return { value: time, 'CPU of Node': ms / 1000, 'MB of Node': (process.resourceUsage().maxRSS * 1024) / MB };
  },
});

/** What the first does of a second's, at least. */
const atMostBehind = (name, base) => ({
  text: `${base} at most 10 % behind ${name}`,
  test({ ratio }) {
    const found = ratio(name, base);
    return { met: found >= 0.9, figure: `${((1 - found) * 100).toFixed(0)} % behind` };
  },
});

// --- who --------------------------------------------------------------------------------------------------------------------

const small = [
  bare(POSIX, ways.posix),
  whole('sluice', 'posix', PROGRAMS),
  bare(CHILD, ways.childProcess),
  bare('execa', ways.execa),
  bare('zx', ways.zx),
  bare('tinyexec', ways.tinyexec),
  bare('nano-spawn', ways.nanoSpawn),
  {
    name: SEED,
    needs: 'python3',
    command: ['python3', here('seed_loop.py'), 'spawn', String(PROGRAMS), String(WIDTH)],
  },
  {
    name: `xargs -P${WIDTH} (collects nothing)`,
    needs: 'xargs',
    async run() {
      const input = 'x\n'.repeat(PROGRAMS);
      const time = await seconds(() => {
        const { status } = spawnSync('xargs', [`-P${WIDTH}`, '-n1', 'true'], { input });
        expect('exit code', status, 0);
      });
      return PROGRAMS / time;
    },
  },
  { name: FLOOR, ...(await floor(String(PROGRAMS), String(WIDTH), 'true')) },
  { name: 'Bun.spawn', ...(await runtime('bun', String(PROGRAMS), String(WIDTH))) },
  { name: 'Deno.Command', ...(await runtime('deno', String(PROGRAMS), String(WIDTH))) },
];

const pipes = [
  piped('sluice', async () => {
    process.env.SLUICE_SPAWNER = 'posix';
    const { pipe, program, runCommandGens } = await import('sluice');
    return async (path) => {
      const [{ stdout }] = await runCommandGens([pipe(program(['cat', path]), program(['wc', '-l']))]);
      return stdout;
    };
  }),
  piped(
    SHELL,
    () => (path) =>
      new Promise((resolve, reject) => {
        const child = spawn('sh', ['-c', 'cat "$1" | wc -l', 'sh', path], { stdio: ['ignore', 'pipe', 'pipe'] });
        let out = '';
        child.stdout.on('data', (chunk) => (out += chunk));
        child.on('error', reject).on('close', () => resolve(out));
      }),
  ),
  piped('execa', async () => {
    const { execa } = await import('execa');
    // It would keep what passes, and end the program after 100 MB.
    return async (path) => (await execa('cat', [path], { buffer: false }).pipe('wc', ['-l'])).stdout;
  }),
  piped('zx', async () => {
    const { $ } = await import('zx');
    const quiet = $({ quiet: true });
    return async (path) => (await quiet`cat ${path}`.pipe(quiet`wc -l`)).stdout;
  }),
];

await bench('spawn: `true`, 8 at a time', [
  {
    title: `${PROGRAMS.toLocaleString('en')} programs from a small process: start it, collect its output, wait for its end`,
    unit: 'programs/s',
    better: 'higher',
    contestants: small,
    goals: [
      ahead(CHILD, 2.5, POSIX),
      ahead('execa', 4, POSIX),
      ahead(FLOOR, 0.85, POSIX),
      ahead('Bun.spawn', 1, POSIX),
      ahead(SEED, 1, POSIX),
      ahead('Deno.Command', 0.9, POSIX),
    ],
  },
  {
    title: `the same from a process with ${HEAP} MB of memory`,
    unit: 'programs/s',
    better: 'higher',
    contestants: [
      large(POSIX, ways.posix, PROGRAMS),
      large(CHILD, ways.childProcess, PROGRAMS / 10),
      large('execa', ways.execa, PROGRAMS / 10),
    ],
    goals: [ahead(CHILD, 20, POSIX)],
  },
  {
    title: 'CPU of the main thread for each program, from a small process',
    unit: 'ms',
    better: 'lower',
    contestants: [cpu(POSIX, ways.posix), cpu(CHILD, ways.childProcess)],
    goals: [
      {
        text: `${POSIX} at most 0.3 × ${CHILD}`,
        test({ ratio }) {
          const found = 1 / ratio(CHILD);
          return { met: found <= 0.3, figure: `${found.toFixed(2)} ×` };
        },
      },
    ],
  },
  {
    title: `the whole way: ${PROGRAMS.toLocaleString('en')} programs in runCommandGens with ${WIDTH} slots`,
    unit: 'programs/s',
    better: 'higher',
    contestants: [whole('sluice', 'posix', PROGRAMS), bare(POSIX, ways.posix, PROGRAMS)],
    goals: [atMostBehind(POSIX, 'sluice')],
  },
  {
    title: `the whole way with SLUICE_SPAWNER=execa: ${PROGRAMS.toLocaleString('en')} programs`,
    unit: 'programs/s',
    better: 'higher',
    contestants: [whole('sluice', 'execa', PROGRAMS), bare('bare execa', ways.bareExeca)],
    goals: [atMostBehind('bare execa', 'sluice')],
  },
  {
    title: `event-loop delay (p99) while ${WATCHED.toLocaleString('en')} programs start from a process with ${HEAP} MB`,
    unit: 'ms',
    better: 'lower',
    contestants: [delay(POSIX, ways.posix), delay(CHILD, ways.childProcess)],
    goals: [ahead(CHILD, 1, POSIX)],
  },
  {
    title: 'pipe: `cat` of 1 GB to `wc -l`',
    unit: 's',
    better: 'lower',
    contestants: pipes,
    goals: [
      ahead(SHELL, 0.9, 'sluice'),
      {
        text: `CPU of Node near zero: at most ${NEAR_ZERO} s`,
        test({ of }) {
          const found = of('sluice', 'CPU of Node');
          return { met: found <= NEAR_ZERO, figure: `${found.toFixed(3)} s` };
        },
      },
    ],
  },
]);
