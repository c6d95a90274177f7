// The loop alone: no programs. Immediate yields in one generator, and generators that wait, against effection.
//   node bench/loop.mjs
import { bench, expect, seconds } from './harness.mjs';

const YIELDS = 1_000_000;
const PENDING = 100_000;

const yields = [
  {
    name: 'sluice',
    async run() {
      const { createRunner, runCommandGens } = await import('sluice');
      const idle = { pause() {}, play() {}, kill() {} };
      const immediate = createRunner({
        spec: { type: 'immediate' },
        start(sink) {
          sink.settle({ type: 'finished', value: 1 });
          return idle;
        },
      });
      function* count(yields) {
        let sum = 0;
        for (let i = 0; i < yields; i++) sum += yield* immediate;
        return sum;
      }
      return rate(async (yields) => (await runCommandGens([count(yields)]))[0]);
    },
  },
  {
    name: 'effection',
    async run() {
      const { action, run } = await import('effection');
      const nothing = () => {};
      const immediate = action((resolve) => {
        resolve(1);
        return nothing;
      });
      return rate((yields) =>
        run(function* () {
          let sum = 0;
          for (let i = 0; i < yields; i++) sum += yield* immediate;
          return sum;
        }),
      );
    },
  },
];

async function rate(count) {
  expect('sum', await count(10_000), 10_000);
  const time = await seconds(async () => expect('sum', await count(YIELDS), YIELDS));
  return YIELDS / time;
}

const pending = [
  {
    name: 'sluice',
    node: ['--expose-gc'],
    async run() {
      const { runCommandGens, sleep } = await import('sluice');
      function* one() {
        started++;
        yield* sleep('1h');
      }
      let loop;
      return memory(
        (count) => {
          loop = runCommandGens(Array.from({ length: count }, one));
        },
        async (count) => {
          const { outcomes } = await loop.then(undefined, (error) => error);
          expect('killed generators', outcomes.filter(({ type }) => type === 'killed').length, count);
        },
        () => loop.kill(),
      );
    },
  },
  {
    name: 'effection',
    node: ['--expose-gc'],
    async run() {
      const { run, sleep, spawn, suspend } = await import('effection');
      function* one() {
        started++;
        yield* sleep(3_600_000);
      }
      let task;
      return memory(
        (count) => {
          task = run(function* () {
            for (let i = 0; i < count; i++) yield* spawn(one);
            yield* suspend();
          });
        },
        async () => {
          await task.halt();
        },
        () => {}, // `halt` begins when it is awaited
      );
    },
  },
];

let started = 0;

/** Bytes a generator, and the time that it takes to start and to end all. */
async function memory(start, ended, kill) {
  const startAll = (count) =>
    seconds(async () => {
      started = 0;
      start(count);
      while (started < count) await pause(1);
    });
  const endAll = (count) =>
    seconds(async () => {
      kill();
      await ended(count);
    });
  await startAll(100);
  await endAll(100);
  const before = await used();
  const toStart = await startAll(PENDING);
  const value = ((await used()) - before) / PENDING;
  return { value, 'seconds to start': toStart, 'to end': await endAll(PENDING) };
}

async function used() {
  for (let i = 0; i < 3; i++) {
    await pause(20);
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

await bench('loop: 1,000,000 immediate yields, 100,000 generators pending', [
  {
    title: 'immediate yields in one generator',
    unit: 'yields/s',
    better: 'higher',
    base: 'effection',
    contestants: yields,
    goals: [
      {
        text: "at least 0.4 × effection's rate",
        test: ({ ratio }) => ({ met: 1 / ratio('sluice') >= 0.4, figure: `${(1 / ratio('sluice')).toFixed(2)} ×` }),
      },
    ],
  },
  {
    title: 'generators that wait for a sleep of an hour',
    unit: 'bytes each',
    better: 'lower',
    base: 'effection',
    rounds: 3, // effection takes its time, and bytes are bytes
    contestants: pending,
    goals: [
      {
        text: 'at most 2 kB a pending generator',
        test: ({ of }) => ({ met: of('sluice') <= 2000, figure: `${of('sluice').toFixed(0)} bytes` }),
      },
    ],
  },
]);
