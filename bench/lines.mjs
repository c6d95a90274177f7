// Four programs that write a million short lines each, read side by side with a callback (or an event) a line.
//   node bench/lines.mjs
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { writeFileSync } from 'node:fs';
import { ahead, bench, expect, fixture, here, seconds } from './harness.mjs';

const PROGRAMS = 4;
const LINES = 1_000_000;
const MB = 1_000_000;
const SEED = "the seed's loop (Python)";

const numbers = (count) =>
  fixture(`numbers-${count}`, (path) => {
    writeFileSync(path, Array.from({ length: count }, (_, i) => `${i + 1}\n`).join(''));
  });
const oneLine = (size) =>
  fixture(`line-${size}`, (path) => {
    writeFileSync(path, `${'x'.repeat(size)}\n`);
  });

/** Measures `read(path, onLine)`, done by PROGRAMS at once, in lines a second. A small run goes before. */
async function rate(readAll) {
  const small = await numbers(1000);
  const large = await numbers(LINES);
  let lines = 0;
  let characters = 0;
  const onLine = (line) => {
    lines++;
    characters += line.length;
  };
  await readAll([small, small], onLine);
  expect('lines of the small run', lines, 2000);
  lines = characters = 0;
  const time = await seconds(() => readAll(new Array(PROGRAMS).fill(large), onLine));
  expect('lines', lines, PROGRAMS * LINES);
  expect('characters', characters, PROGRAMS * 5_888_896);
  return (PROGRAMS * LINES) / time;
}

/** The same where one program is read by a function of its own. */
const each = (read) => () => rate((paths, onLine) => Promise.all(paths.map((path) => read(path, onLine))));

const cat = (path) => spawn('cat', [path], { stdio: ['ignore', 'pipe', 'pipe'] });
const closed = (child) => new Promise((resolve) => child.on('close', resolve));

const sluice = {
  name: 'sluice',
  async run() {
    const { program, runCommandGens } = await import('sluice');
    return rate((paths, onLine) =>
      runCommandGens(
        paths.map(function* (path) {
          yield* program(['cat', path], { stdout: onLine });
        }),
      ),
    );
  },
};

const split = {
  name: 'split2',
  async run() {
    const { default: split2 } = await import('split2');
    return each(async (path, onLine) => {
      const child = cat(path);
      child.stdout.pipe(split2()).on('data', onLine);
      await closed(child);
    })();
  },
};

const execaLines = {
  name: 'execa',
  async run() {
    const { execa } = await import('execa');
    return each(async (path, onLine) => {
      for await (const line of execa('cat', [path], { buffer: false })) onLine(line);
    })();
  },
};

const callbacks = [
  sluice,
  split,
  execaLines,
  {
    name: 'zx',
    async run() {
      const { $ } = await import('zx');
      return each(async (path, onLine) => {
        for await (const line of $({ quiet: true })`cat ${path}`) onLine(line);
      })();
    },
  },
  {
    name: 'tinyexec',
    async run() {
      const { x } = await import('tinyexec');
      return each(async (path, onLine) => {
        for await (const line of x('cat', [path])) onLine(line);
      })();
    },
  },
  {
    name: 'readline, events',
    run: each(async (path, onLine) => {
      const child = cat(path);
      createInterface({ input: child.stdout, crlfDelay: Infinity }).on('line', onLine);
      await closed(child);
    }),
  },
  {
    name: 'readline, iterator',
    run: each(async (path, onLine) => {
      for await (const line of createInterface({ input: cat(path).stdout, crlfDelay: Infinity })) onLine(line);
    }),
  },
  {
    name: SEED,
    needs: 'python3',
    command: ['python3', here('seed_loop.py'), 'lines', String(PROGRAMS), await numbers(LINES)],
  },
  {
    name: 'raw chunks: the ceiling',
    async run() {
      const path = await numbers(LINES);
      let bytes = 0;
      const read = async () => {
        const child = cat(path);
        child.stdout.on('data', (chunk) => {
          bytes += chunk.length;
        });
        await closed(child);
      };
      const time = await seconds(() => Promise.all(Array.from({ length: PROGRAMS }, read)));
      expect('bytes', bytes, PROGRAMS * 6_888_896);
      return (PROGRAMS * LINES) / time;
    },
  },
];

const events = [
  {
    name: 'sluice, for await',
    async run() {
      const { program } = await import('sluice');
      return each(async (path, onLine) => {
        for await (const event of program(['cat', path])) if (event.type === 'line') onLine(event.line);
      })();
    },
  },
  {
    name: 'sluice, for await of the loop',
    async run() {
      const { program, runCommandGens } = await import('sluice');
      return rate(async (paths, onLine) => {
        const loop = runCommandGens(paths.map((path) => program(['cat', path], { capture: false })));
        for await (const event of loop) if (event.type === 'line') onLine(event.line);
      });
    },
  },
  {
    name: 'sluice, onEvent',
    async run() {
      const { program, runCommandGens } = await import('sluice');
      return rate((paths, onLine) =>
        runCommandGens(
          paths.map((path) => program(['cat', path], { capture: false })),
          { onEvent: (event) => event.type === 'line' && onLine(event.line) },
        ),
      );
    },
  },
  {
    name: 'sluice, observe',
    async run() {
      const { program } = await import('sluice');
      const { observe } = await import('sluice/rx');
      return each(
        (path, onLine) =>
          new Promise((complete, error) => {
            const next = (event) => event.type === 'line' && onLine(event.line);
            observe(program(['cat', path])).subscribe({ next, error, complete });
          }),
      )();
    },
  },
  execaLines,
];

const long = (size, name) => ({
  name,
  async run() {
    const { program } = await import('sluice');
    const path = await oneLine(size);
    const read = (path) => program(['cat', path], { maxLine: '32MiB', stdout: (line) => (length = line.length) }).run();
    let length = 0;
    await read(await oneLine(1000));
    // The median of several: one takes only some ten milliseconds.
    const times = [];
    for (let i = 0; i < 9; i++) times.push(await seconds(() => read(path)));
    expect('characters', length, size);
    return times.sort((a, b) => a - b)[4] * 1000;
  },
});

await bench('lines: 4 programs × 1,000,000 short lines', [
  {
    title: 'a callback a line',
    unit: 'lines/s',
    better: 'higher',
    contestants: callbacks,
    goals: [
      ahead('split2', 1.5),
      ahead('execa', 10),
      ...['zx', 'tinyexec', 'readline, events', 'readline, iterator', SEED].map((name) => ahead(name, 1)),
    ],
  },
  {
    title: 'an event a line',
    unit: 'lines/s',
    better: 'higher',
    contestants: events,
    goals: ['sluice, for await', 'sluice, observe'].map((name) => ahead('execa', 3, name)),
  },
  {
    title: 'one long line',
    unit: 'ms',
    better: 'lower',
    base: '10 MB',
    contestants: [long(10 * MB, '10 MB'), long(20 * MB, '20 MB')],
    goals: [
      {
        text: 'a line of 20 MB under 3 × the time of one of 10 MB',
        test: ({ ratio }) => ({ met: ratio('20 MB') < 3, figure: `${ratio('20 MB').toFixed(2)} ×` }),
      },
    ],
  },
]);
