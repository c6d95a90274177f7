// Contestants that are no package of this project: the C floor, which is compiled here, and two other runtimes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixture, folder, here, inPath } from './harness.mjs';

/** `make()` as a part of a contestant; or why it can't take part. */
async function attempt(make) {
  try {
    return await make();
  } catch (error) {
    return { missing: error.message };
  }
}

/** floor.c, compiled into the temporary folder; again when it has changed. */
export const floor = (...args) =>
  attempt(async () => {
    if (process.platform !== 'linux') throw new Error('for Linux only (epoll)');
    if (!inPath('cc')) throw new Error('no cc here to compile it');
    const source = here('floor.c');
    const version = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 8);
    const binary = await fixture(`floor-${version}`, (path) => {
      const { status, stderr } = spawnSync('cc', ['-O2', '-o', path, source], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`cc failed: ${stderr.trim().split('\n')[0]}`);
    });
    return { command: [binary, ...args] };
  });

const RUNTIMES = {
  bun: { name: '@oven/bun-linux-x64', file: 'bin/bun', options: [] },
  // Nothing of it outside the temporary folder.
  deno: { name: '@deno/linux-x64-glibc', file: 'deno', options: ['run', '--no-config', '--allow-run'] },
};
const installed = join(folder, 'runtimes');
const pathOf = ({ name, file }) => join(installed, 'node_modules', name, file);

/** runtime_loop.mjs in `bun` or `deno`: what an earlier `--runtimes` has installed, or what this one does. */
export const runtime = (which, ...args) =>
  attempt(() => {
    if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('for Linux on x64 only');
    const { name, options } = RUNTIMES[which];
    const path = pathOf(RUNTIMES[which]);
    // Both at once: npm would take away what it did not install itself this time.
    if (process.argv.includes('--runtimes') && !existsSync(path)) install(Object.values(RUNTIMES));
    if (!existsSync(path)) throw new Error(`not here: --runtimes installs ${name} (100 MB) in the temporary folder`);
    return { command: ['env', `DENO_DIR=${installed}`, path, ...options, here('runtime_loop.mjs'), ...args] };
  });

function install(packages) {
  mkdirSync(installed, { recursive: true });
  const names = packages.map(({ name }) => name);
  process.stderr.write(`installing ${names.join(' and ')}\n`);
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', installed];
  const { status, error } = spawnSync('npm', ['install', ...flags, ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm install failed: ${error?.message ?? `exit code ${status}`}`);
}
