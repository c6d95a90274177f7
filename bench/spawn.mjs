// 1,000 × `true`, 8 at a time, each with its output collected.
//   node bench/spawn.mjs
import { spawn } from 'node:child_process';
import { bench, expect, here, pool, seconds } from './harness.mjs';

const PROGRAMS = 1000;
const WIDTH = 8;
const SEED = "the seed's loop (Python)";

/** Measures `one()`, which runs `true` and gives its exit code, in programs a second. */
async function rate(all) {
  await all(WIDTH);
  return PROGRAMS / (await seconds(() => all(PROGRAMS)));
}
const pooled = (one) => rate((count) => pool(count, WIDTH, async () => expect('exit code', await one(), 0)));

/** As execa is started by lib/spawn/execa.ts, and then all that it takes to know that it has ended and what it wrote. */
async function bare() {
  const { execa } = await import('execa');
  const env = process.env;
  return pooled(
    () =>
      new Promise((resolve) => {
        const child = execa('true', [], {
          ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', cwd: process.cwd(), env, detached: true },
          ...{
            extendEnv: true,
            verbose: 'none',
            buffer: false,
            reject: false,
            cleanup: false,
            stripFinalNewline: false,
          },
        });
        const { stdout, stderr, stdio } = child;
        stdio.fill(null);
        const chunks = [];
        let open = 3;
        let code;
        const done = () => --open === 0 && resolve(code);
        for (const stream of [stdout, stderr]) stream.on('data', (chunk) => chunks.push(chunk)).on('close', done);
        child.catch(() => {});
        child.once('exit', (exitCode) => {
          code = exitCode;
          done();
        });
      }),
  );
}

const contestants = [
  {
    name: 'sluice',
    async run() {
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
      });
    },
  },
  { name: 'bare execa', run: bare },
  {
    name: 'execa',
    async run() {
      const { execa } = await import('execa');
      return pooled(async () => (await execa('true')).exitCode);
    },
  },
  {
    name: 'zx',
    async run() {
      const { $ } = await import('zx');
      return pooled(async () => (await $({ quiet: true })`true`).exitCode);
    },
  },
  {
    name: 'tinyexec',
    async run() {
      const { x } = await import('tinyexec');
      return pooled(async () => (await x('true')).exitCode);
    },
  },
  {
    name: 'nano-spawn',
    async run() {
      const { default: nanoSpawn } = await import('nano-spawn');
      return pooled(async () => {
        await nanoSpawn('true');
        return 0;
      });
    },
  },
  {
    name: 'child_process.spawn',
    run: () =>
      pooled(
        () =>
          new Promise((resolve, reject) => {
            const child = spawn('true', { stdio: ['ignore', 'pipe', 'pipe'] });
            const chunks = [];
            for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
            child.on('error', reject).on('close', resolve);
          }),
      ),
  },
  {
    name: SEED,
    needs: 'python3',
    command: ['python3', here('seed_loop.py'), 'spawn', String(PROGRAMS), String(WIDTH)],
  },
];

await bench('spawn: 1,000 × true, 8 at a time', [
  {
    title: 'start it, wait for its end, collect its output',
    unit: 'programs/s',
    better: 'higher',
    contestants,
    goals: [
      {
        text: 'sluice at most 10 % behind bare execa',
        test({ ratio }) {
          const found = ratio('bare execa');
          return { met: found >= 0.9, figure: `${((1 - found) * 100).toFixed(0)} % behind` };
        },
      },
    ],
  },
]);
