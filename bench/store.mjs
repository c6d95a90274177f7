// Two processes put into one store and get from it, and one of them is killed at random again and again: what comes out has to be
// what was put in, or nothing.
//   npm run build && node bench/store.mjs [--ops 10000] [--kills 50] [--json]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { here } from './harness.mjs';

const { values: flags } = parseArgs({
  options: {
    ops: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '50' },
    json: { type: 'boolean', default: false },
  },
});

const WORKERS = {
  'the store itself': [`--import=${here('../dist/lib/cli/load/register.js')}`, here('storeBare.ts')],
  'memo: values, and outputs with keep': [here('storeMemo.mjs')],
};

/** One life of a worker; `each` hears of the sums that it tells, which grow. */
function live(args, each) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let rest = '';
  let err = '';
  let last = {};
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    if (lines.length === 0) return;
    last = JSON.parse(lines.at(-1));
    each(last);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, err, last })));
  return { child, ended };
}

async function hammer(args, ops, kills) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-store-'));
  mkdirSync(join(folder, 'work'));
  const sums = { lives: 0, kills: 0 };
  const failures = [];
  const began = performance.now();
  const add = ({ code, signal, err, last }) => {
    sums.lives++;
    for (const [name, count] of Object.entries(last)) sums[name] = (sums[name] ?? 0) + count;
    if (signal !== 'SIGKILL' && code !== 0) failures.push(err.slice(-1000) || `exit code ${code} ${signal}`);
  };
  let over = false;
  const steady = async () => {
    add(await live([...args, folder, String(ops)], () => {}).ended);
    over = true;
  };
  const mortal = async () => {
    while ((!over || sums.kills < kills) && failures.length === 0) {
      let due = false;
      const { child, ended } = live([...args, folder, 'Infinity'], () => {
        // It is at work: it dies at any point of that.
        if (!due) setTimeout(() => child.kill('SIGKILL'), Math.random() * 150);
        due = true;
      });
      add(await ended);
      if (sums.kills < kills || !over) sums.kills++;
    }
  };
  try {
    await Promise.all([steady(), mortal()]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { ...sums, seconds: (performance.now() - began) / 1000, failures };
}

const results = [];
for (const [title, args] of Object.entries(WORKERS)) {
  const result = await hammer(args, Number(flags.ops), Number(flags.kills));
  results.push({ title, ...result });
  if (flags.json) continue;
  const { failures, ...figures } = result;
  const told = Object.entries(figures).map(([name, figure]) => `  ${name.padEnd(12)} ${Math.round(figure)}`);
  process.stdout.write(`${title}\n${told.join('\n')}\n${failures.map((one) => `  FAILED ${one}\n`).join('')}`);
}
if (flags.json) process.stdout.write(`${JSON.stringify(results)}\n`);
process.exitCode = results.some(({ damaged, failures }) => damaged !== 0 || failures.length > 0) ? 1 : 0;
