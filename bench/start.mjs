// What it takes to begin: the command's --version and an import, as the wall time of a whole process.
//   node bench/start.mjs
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bench } from './harness.mjs';

const bin = fileURLToPath(new URL('../dist/bin/sluice.js', import.meta.url));
const node = (name, ...args) => ({ name, command: [process.execPath, ...args] });
const imports = (what) => node(`import '${what}'`, '--input-type=module', '-e', `import '${what}'`);

await bench('start: the wall time of a process', [
  {
    title: 'one that does nothing else',
    unit: 'ms',
    better: 'lower',
    base: "import 'sluice'",
    rounds: 15,
    wall: true,
    contestants: [
      imports('sluice'),
      imports('sluice/rx'),
      imports('execa'),
      imports('zx'),
      {
        ...node('sluice --version', bin, '--version'),
        ...(existsSync(bin) ? {} : { missing: 'no dist/bin/sluice.js' }),
      },
      node('node -e 0', '-e', '0'),
    ],
  },
]);
