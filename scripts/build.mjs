// Builds dist/ from lib/ and bin/. Run by `prepare`, so by `npm ci`, by npx and by npm pack, sometimes two at once:
// it writes aside and renames, and does nothing when dist/ is newer than every source.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stamp = join(dist, '.built');

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

const inputs = ['lib', 'bin'].flatMap((name) => [...sources(join(root, name))]);
const folders = [...new Set(inputs.map((path) => dirname(path)))]; // a deleted file touches its folder
const extra = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => join(root, name));

/** `npx sluice` in this repository then runs the build itself; without the link npx installs the folder as a package first. */
function linkBinary() {
  const link = join(root, 'node_modules', '.bin', 'sluice');
  if (existsSync(link) || !existsSync(dirname(link))) return;
  rmSync(link, { force: true });
  symlinkSync('../../dist/bin/sluice.js', link);
}

/** What is imported by its path; the rest is in chunks of what they share. */
const entries = ['lib/index.js', 'lib/rx/index.js', 'lib/testing/index.js', 'bin/sluice.js'];
/** Node's loader thread loads it by itself: it stays as it is. */
const loader = [join('lib', 'cli', 'load'), join('lib', 'store', 'typescript')];
const loaded = ['sealed.js', 'digest.js', 'folders.js'].map((name) => join('lib', 'store', name));

/** Few files are loaded in a third of the time that many take, and `import 'sluice'` is a part of every script. */
async function bundle(folder) {
  const modules = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.js'));
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: entries,
    outdir: '.',
    outbase: '.',
    chunkNames: 'lib/chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    allowOverwrite: true,
    metafile: true,
    logLevel: 'warning',
    plugins: [
      {
        name: 'loader',
        setup({ onResolve }) {
          // As it is seen from the chunks.
          onResolve({ filter: /^\.\/load\// }, ({ path }) => ({ path: `../cli/${path.slice(2)}`, external: true }));
        },
      },
    ],
  });
  const made = new Set(Object.keys(metafile.outputs));
  for (const path of modules)
    if (!made.has(path) && !loader.includes(dirname(path)) && !loaded.includes(path)) rmSync(join(folder, path));
}

const newest = Math.max(...[...inputs, ...folders, ...extra].map((path) => statSync(path).mtimeMs));
if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest) {
  linkBinary();
  process.exit(0);
}

const aside = join(root, `.dist-${process.pid}`);
try {
  mkdirSync(aside, { recursive: true });
  const started = new Date();
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const result = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', aside], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status !== 0) {
    process.stderr.write('build: tsc failed\n');
    process.exitCode = result.status ?? 1;
  } else {
    await bundle(aside);
    chmodSync(join(aside, 'bin', 'sluice.js'), 0o755);
    writeFileSync(join(aside, '.built'), started.toISOString());
    const old = join(root, `.dist-old-${process.pid}`);
    try {
      renameSync(dist, old);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    try {
      renameSync(aside, dist);
    } catch (error) {
      // Another build of the same sources came first.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    }
    rmSync(old, { recursive: true, force: true });
    linkBinary();
  }
} finally {
  rmSync(aside, { recursive: true, force: true });
}
