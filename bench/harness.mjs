// Measures contestants side by side. Each run of each is a process of its own (`node FILE --run ID`, the result as JSON on
// descriptor 3), the contestants take turns round by round, and ratios are medians of the ratios within a round: what else
// the machine does meanwhile falls on all of them alike.
//
// A bench is a file that calls `bench(title, sections)`. Flags: --json, --rounds N, --only TEXT (the sluice contestants stay),
// --section TEXT (those whose title has it).
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {() => Promise<number | Record<string, number>> | number} [run]  measures, in its own process: a figure, or several,
 *   of which `value` is compared
 * @property {string[]} [command]  instead of `run`: a command that prints the figure
 * @property {string[]} [node]  flags for node
 * @property {string[]} [prefix]  a command that its process is started through
 * @property {string} [missing]  why it can't take part here
 * @property {string} [needs]  a program that has to be in PATH
 * @property {string} [install]  the Debian package with it
 *
 * @typedef {object} Section
 * @property {string} title
 * @property {string} unit
 * @property {'higher' | 'lower'} better
 * @property {string} [base]  the contestant that the others are compared to; default: the first
 * @property {number} [rounds]
 * @property {boolean} [wall]  the figure is the wall time of the whole process, in ms
 * @property {Contestant[]} contestants
 * @property {Goal[]} [goals]
 *
 * @typedef {object} Goal  `test` gets the medians of all figures (`of(name, figure?)`) and ratios (`ratio(name)`: how many times
 *   better the base is); undefined is "not measured"
 * @property {string} text
 * @property {(medians: Medians) => { met: boolean, figure: string } | undefined} test
 *
 * @typedef {object} Medians
 * @property {(name: string, figure?: string) => number | undefined} of
 * @property {(name: string, base?: string) => number | undefined} ratio
 */

const { values: flags } = parseArgs({
  strict: false,
  options: {
    run: { type: 'string' },
    json: { type: 'boolean' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    section: { type: 'string' },
  },
});

/** Runs the sections of a bench, or, in a child process, one contestant. */
export async function bench(title, sections) {
  if (flags.run !== undefined) {
    const [section, contestant] = flags.run.split('.').map(Number);
    try {
      const figures = await sections[section].contestants[contestant].run();
      writeSync(3, JSON.stringify(typeof figures === 'number' ? { value: figures } : figures));
    } catch (error) {
      // Its stack would hide what it says.
      writeSync(2, `${error?.message ?? error}\n`);
      process.exit(1);
    }
    process.exit();
  }
  const results = [];
  for (const [index, section] of sections.entries()) {
    if (flags.section !== undefined && !section.title.includes(flags.section)) continue;
    const result = await measure(section, index);
    results.push(result);
    if (!flags.json) print(title, result, results.length === 1);
  }
  if (flags.json) {
    const told = results.map(({ section, rows, goals }) => ({ title: section.title, unit: section.unit, rows, goals }));
    process.stdout.write(
      `${JSON.stringify({ bench: title, node: process.version, cpus: cpus().length, sections: told }, null, 2)}\n`,
    );
  }
  process.exitCode = results.some(({ goals }) => goals.some(({ met }) => met === false)) ? 1 : 0;
}

async function measure(section, index) {
  const { contestants, better } = section;
  const base = section.base ?? contestants[0].name;
  const rounds = Number(flags.rounds ?? section.rounds ?? 5);
  const samples = new Map();
  const skipped = new Map();
  for (const { name, needs, install, missing } of contestants) {
    if (missing !== undefined) skipped.set(name, missing);
    else if (needs !== undefined && !inPath(needs))
      skipped.set(name, `no ${needs} here${install === undefined ? '' : ` (apt-get install ${install})`}`);
    else if (flags.only !== undefined && name !== base && !name.includes(flags.only) && !name.startsWith('sluice'))
      skipped.set(name, '--only');
    else samples.set(name, []);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [number, contestant] of contestants.entries()) {
      const { name } = contestant;
      if (!samples.has(name)) continue;
      progress(`${section.title}: round ${round + 1} of ${rounds}, ${name}`);
      try {
        samples.get(name).push(await once(contestant, `${index}.${number}`, section));
      } catch (error) {
        samples.delete(name);
        skipped.set(name, `failed: ${error.message}`);
      }
    }
  }
  progress('');
  const of = (name, figure = 'value') => median(samples.get(name)?.map((sample) => sample[figure]));
  const ratio = (name, to = base) => {
    const own = samples.get(to);
    const ratios = samples
      .get(name)
      ?.map(({ value }, round) => (better === 'higher' ? own?.[round]?.value / value : value / own?.[round]?.value));
    return median(ratios);
  };
  const rows = contestants.map(({ name }) => {
    const values = samples.get(name)?.map(({ value }) => value);
    if (values === undefined) return { name, skipped: skipped.get(name) };
    const figures = Object.fromEntries(
      Object.keys(samples.get(name)[0])
        .filter((figure) => figure !== 'value')
        .map((figure) => [figure, of(name, figure)]),
    );
    return {
      name,
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      ratio: ratio(name),
      ...figures,
    };
  });
  const goals = (section.goals ?? []).map(({ text, test }) => {
    let told;
    try {
      told = test({ of, ratio });
    } catch {
      // Told as not measured.
    }
    return told === undefined || /NaN|undefined/.test(told.figure)
      ? { text, met: undefined, figure: 'not measured' }
      : { text, ...told };
  });
  return { section, base, rows, goals };
}

function once({ command, node = [], prefix = [] }, id, { wall }) {
  const [file, ...args] = command ?? [...prefix, process.execPath, ...node, process.argv[1], '--run', id];
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(file, args, {
      stdio: ['ignore', command && !wall ? 'pipe' : 'ignore', 'pipe', command ? 'ignore' : 'pipe'],
    });
    let out = '';
    let err = '';
    const told = command ? child.stdout : child.stdio[3];
    told?.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err = (err + text).slice(-2000)));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ms = performance.now() - began;
      if (code !== 0)
        reject(new Error(`${signal ?? `exit code ${code}`} ${err.trim().split('\n').slice(-8).join('\n    ')}`));
      else if (wall) resolve({ value: ms });
      else {
        const figures = JSON.parse(out);
        resolve(typeof figures === 'number' ? { value: figures } : figures);
      }
    });
  });
}

function median(values) {
  if (values === undefined || values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function print(title, { section, base, rows, goals }, first) {
  const lines = first ? [`${title}   (node ${process.version}, ${cpus().length} cores)`] : [];
  lines.push('', `${section.title}`);
  const width = Math.max(...rows.map(({ name }) => name.length));
  lines.push(`  ${''.padEnd(width)}  ${section.unit.padStart(14)}   ${'lowest – highest'.padStart(23)}   × ${base}`);
  for (const row of rows) {
    if (row.skipped !== undefined) {
      if (row.skipped !== '--only') lines.push(`  ${row.name.padEnd(width)}  ${row.skipped}`);
      continue;
    }
    // How the row compares: 0.40 is 0.40 times the base's rate (or time).
    const ratio = section.better === 'higher' ? 1 / row.ratio : row.ratio;
    const known = new Set(['name', 'median', 'min', 'max', 'ratio']);
    const more = Object.entries(row).filter(([name]) => !known.has(name));
    lines.push(
      `  ${row.name.padEnd(width)}  ${figure(row.median).padStart(14)}   ${`${figure(row.min)} – ${figure(row.max)}`.padStart(23)}   ${Number.isFinite(ratio) ? ratio.toFixed(2) : '–'}` +
        more.map(([name, value]) => `   ${name} ${figure(value)}`).join(''),
    );
  }
  for (const { text, met, figure } of goals) {
    lines.push(`  goal ${met === undefined ? 'NOT MEASURED' : met ? 'met' : 'MISSED'}: ${text} (${figure})`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function figure(value) {
  if (value === undefined) return '–';
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1000) return `${Math.round(value).toLocaleString('en').replaceAll(',', ' ')}`;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

export function inPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

// --- for the benches ------------------------------------------------------------------------------------------------------

/** A goal: the base is at least `factor` times as fast as another (or: `base` is). */
export function ahead(name, factor, base) {
  const than = factor === 1 ? 'ahead of' : `at least ${factor} ×`;
  return {
    text: `${base ?? 'sluice'} ${than} ${name}`,
    test({ ratio }) {
      const found = ratio(name, base);
      return { met: found >= factor, figure: `${found.toFixed(2)} ×` };
    },
  };
}

/** Where things stay that take time to make. */
export const folder = join(tmpdir(), `sluice-bench-${process.getuid?.() ?? ''}`);

/** A file that is made once, by `make(path)`. */
export async function fixture(name, make) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Its name is known to all who can write beside it, and programs are run from it.
  if (process.getuid !== undefined && lstatSync(folder).uid !== process.getuid())
    throw new Error(`${folder} is somebody else's`);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const aside = `${path}.${process.pid}`;
  try {
    writeFileSync(aside, '');
    await make(aside);
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
  return path;
}

/** Seconds that an action takes. */
export async function seconds(action) {
  const began = performance.now();
  await action();
  return (performance.now() - began) / 1000;
}

/**
 * Begins to measure what this process spends. The result tells, since then: the CPU time of the main thread (where Linux tells it,
 * else of the process), of the whole process (not of its children), and how long its event loop did not wait: in ms.
 */
export function meter() {
  const cpu = process.cpuUsage();
  const main = mainThread();
  const loop = performance.eventLoopUtilization();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    const whole = (user + system) / 1000;
    return {
      main: main === undefined ? whole : mainThread() - main,
      process: whole,
      busy: performance.eventLoopUtilization(loop).active,
    };
  };
}

/** CPU time of the main thread, in ms: process.threadCpuUsage is not in Node 20. */
function mainThread() {
  try {
    const spent = Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]);
    return spent > 0 ? spent / 1e6 : undefined;
  } catch {
    return undefined;
  }
}

/** Calls `work(index)` for 0 … count-1, `width` at a time: what a pool of promises does. */
export async function pool(count, width, work) {
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Fails the run of a contestant that didn't do the work. */
export function expect(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: ${found}, expected ${expected}`);
}

export const here = (name) => join(import.meta.dirname, name);
