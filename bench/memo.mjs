// Skipping what is unchanged: steps that read two files and write one (`cat`), two at a time, beside make and ninja on the same graph.
//   npm run build && node bench/memo.mjs
// Each figure is the wall time of a whole process. CPU of sluice is that of its Node process alone, user and system, from its start
// to its end: what the programs take is not in it (getrusage of itself, without children).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bench, expect, folder, here } from './harness.mjs';

/** Of the issue: wall seconds of 200 steps; measured elsewhere, for StepUp of its director too: 6 ms of CPU a step. */
const QUOTED = { StepUp: [2.5, 0.74, 0.78], make: [0.2, 0.023], ninja: [0.25, 0.003] };
const PHASES = ['first run', 'unchanged', 'one input changed'];

const bin = here('../dist/bin/sluice.js');
const built = existsSync(bin) ? {} : { missing: 'no dist: npm run build' };
const TOOLS = {
  sluice: { ...built, command: (count) => [process.execPath, here('memoAlone.mjs'), String(count)] },
  'sluice run': { ...built, command: (count) => [process.execPath, bin, 'run', '--slots', '2', '--report', 'quiet', here('memoBuild.mjs'), '--', String(count)] }, // prettier-ignore
  'make -j2': { needs: 'make', install: 'make', command: () => ['make', '-s', '-j2'] },
  ninja: { needs: 'ninja', install: 'ninja-build', command: () => ['ninja', '-j2', '--quiet'] },
};

/** The files of so many steps, and what make and ninja go by. */
function graph(count) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = mkdtempSync(join(folder, 'memo-'));
  mkdirSync(join(at, 'in'));
  mkdirSync(join(at, 'out'));
  writeFileSync(join(at, 'in/common'), 'common\n');
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (const i of numbers) writeFileSync(join(at, `in/${i}`), `${i}\n`);
  const outputs = numbers.map((i) => `out/${i}`);
  writeFileSync(join(at, 'Makefile'), `all: ${outputs.join(' ')}\nout/%: in/% in/common\n\tcat $^ > $@\n`);
  writeFileSync(
    join(at, 'build.ninja'),
    `rule cat\n  command = cat $in > $out\n${numbers.map((i) => `build out/${i}: cat in/${i} in/common\n`).join('')}`,
  );
  return at;
}

/** When each output was made. */
const outputsOf = (at) =>
  readdirSync(join(at, 'out')).map((name) => `${name} ${statSync(join(at, 'out', name)).mtimeMs}`);
const made = (before, after) => after.filter((one) => !before.includes(one)).length;

/** Runs a command; its wall time in ms, and what it says of itself on descriptor 3. */
function timed([file, ...args], cwd) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    let said = '';
    let err = '';
    child.stdio[3].setEncoding('utf8').on('data', (text) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => {
      const value = performance.now() - began;
      if (code !== 0) reject(new Error(`exit code ${code}: ${err.slice(-500)}`));
      else resolve({ value, ...(said === '' ? {} : JSON.parse(said)) });
    });
  });
}

/** Runs a tool up to a phase, and measures that. */
const measure = (command, count, phase) => async () => {
  const at = graph(count);
  try {
    let result = {};
    for (let now = 0; now <= phase; now++) {
      // make looks at times only.
      if (now > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      if (now === 2) writeFileSync(join(at, 'in/7'), 'changed\n');
      const before = outputsOf(at);
      result = await timed(command, at);
      expect('outputs that were made', made(before, outputsOf(at)), [count, 0, 1][now]);
    }
    const { value, cpu } = result;
    if (cpu === undefined) return { value };
    return { value, 'CPU ms': cpu, 'CPU ms a step': cpu / count };
  } finally {
    rmSync(at, { recursive: true });
  }
};

const GOALS = {
  '200 0': [['at most 2 ms of CPU a step', 'CPU ms a step', 2]],
  '1000 0': [['at most 2 ms of CPU a step', 'CPU ms a step', 2]],
  '200 1': [['under 0.25 s', undefined, 250]],
  '1000 1': [['under 0.5 s', undefined, 500]],
};

const goal = ([text, figure, most]) => ({
  text,
  test({ of }) {
    const found = of('sluice', figure);
    return { met: found <= most, figure: `${found.toFixed(2)} ms` };
  },
});

const sections = [200, 1000].flatMap((count) =>
  PHASES.map((title, phase) => ({
    title: `${count} steps: ${title}`,
    unit: 'ms',
    better: 'lower',
    base: 'sluice',
    contestants: [
      ...Object.entries(TOOLS).map(([name, { command, needs, install, missing }]) => ({
        name,
        run: measure(command(count), count, phase),
        ...(missing === undefined ? {} : { missing }),
        ...(needs === undefined ? {} : { needs, install }),
      })),
      ...(count === 200 ? Object.entries(QUOTED) : [])
        .filter(([, seconds]) => seconds[phase] !== undefined)
        .map(([name, seconds]) => ({
          name: `${name} (quoted, not measured)`,
          run: () => ({
            value: seconds[phase] * 1000,
            ...(name === 'StepUp' && phase === 0 ? { 'CPU ms a step': 6 } : {}),
          }),
        })),
      { name: 'node -e 0', run: () => timed([process.execPath, '-e', '0'], folder) },
    ],
    goals: (GOALS[`${count} ${phase}`] ?? []).map(goal),
  })),
);

await bench('memo', sections);
