// Packs the package, installs the tarball in an empty folder, imports every entry point there and runs the binary.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
const run = (program, args, cwd = folder) =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [{ filename, files }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], root));
  const strays = files.map(({ path }) => path).filter((path) => /^(test|bench|samples|scripts|lib|bin)\//.test(path));
  if (strays.length > 0) throw new Error(`the package has files that it shouldn't: ${strays.join(', ')}`);

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename), 'rxjs@7']);

  for (const [entry, target] of Object.entries(own.exports)) {
    if (typeof target === 'string') continue;
    const name = `sluice${entry.slice(1)}`;
    const names = run(process.execPath, [
      '--input-type=module',
      '-e',
      `console.log(Object.keys(await import('${name}')).length)`,
    ]);
    if (!(Number(names) > 0)) throw new Error(`${name} exports nothing`);
    readFileSync(join(folder, 'node_modules/sluice', target.types));
    process.stdout.write(`${name}: ${names.trim()} exports\n`);
  }

  const binary = join(folder, 'node_modules/.bin/sluice');
  const version = run(binary, ['--version']).trim();
  if (version !== own.version) throw new Error(`sluice --version says ${version}, package.json ${own.version}`);
  writeFileSync(
    join(folder, 'main.ts'),
    `import { program } from 'sluice';\nexport default function* main(word: string) {\n  yield* program(['echo', word]);\n}\n`,
  );
  const output = run(binary, ['run', 'main.ts', '--', 'packed']);
  if (!output.includes('packed')) throw new Error(`sluice run printed ${JSON.stringify(output)}`);
  process.stdout.write(`sluice ${version}: runs a TypeScript file\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
