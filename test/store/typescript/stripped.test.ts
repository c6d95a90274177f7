import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { remembered } from '../../../lib/store/typescript/stripped.ts';

t.test('what was stripped once is remembered in the project’s store', async (t) => {
  const folder = t.testdir({ '.sluice': {}, lib: {} });
  const file = join(folder, 'lib/a.ts');
  let calls = 0;
  const strip = (code: string): string =>
    remembered(code, file, () => {
      calls++;
      return code.toUpperCase();
    });
  t.equal(strip('a'), 'A');
  t.equal(strip('a'), 'A');
  t.equal(calls, 1);
  t.equal(strip('b'), 'B', 'other code');
  const kept = join(folder, '.sluice/stripped');
  for (const name of readdirSync(kept)) {
    const whole = readFileSync(join(kept, name), 'utf8');
    writeFileSync(join(kept, name), whole.replace(/\n./, '\nX'));
  }
  t.equal(strip('a'), 'A', 'what is damaged is made anew');
  t.equal(calls, 3);
});

t.test('without a store, or with one that can’t be written, it is stripped each time', async (t) => {
  const folder = t.testdir({ full: { '.sluice': { stripped: 'a file' } } });
  let calls = 0;
  const strip = (file: string): string => remembered('a', file, () => `${++calls}`);
  mkdirSync(join('/tmp', 'sluice-no-store'), { recursive: true });
  t.equal(strip('/tmp/sluice-no-store/a.ts'), '1');
  t.equal(strip('/tmp/sluice-no-store/a.ts'), '2');
  t.notOk(existsSync('/tmp/sluice-no-store/.sluice'));
  t.equal(strip(join(folder, 'full/a.ts')), '3');
  t.equal(strip(join(folder, 'full/a.ts')), '4');
});
