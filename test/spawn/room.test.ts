import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { available, taken } from '../../lib/spawn/room.ts';
import { run, until } from './support.ts';

const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))![1]);
const exact = (): number => Math.floor((limit - (readdirSync('/proc/self/fd').length - 1) - 32) / 3);

t.test('a third of the free descriptors, less 32', async (t) => {
  t.equal(available(), exact());
  const before = available();
  for (let i = 0; i < 10; i++) taken();
  t.equal(available(), before - 10, 'a start is known of without counting');
  t.equal(await until(() => available() === before), true, 'and the count sets it right');
});

t.test('it follows what is opened and closed', async (t) => {
  const before = available();
  const fds = Array.from({ length: 30 }, () => openSync('/dev/null', 'r'));
  t.equal(await until(() => available() === before - 10), true);
  for (const fd of fds) closeSync(fd);
  t.equal(await until(() => available() === before), true);
});

t.test('at least one while nothing runs', async (t) => {
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const room = new URL('../../lib/spawn/room.ts', import.meta.url).href;
  const script = `import { available } from ${JSON.stringify(room)}; console.log(available());`;
  const host = `ulimit -n 40; exec "$0" --import "$1" --input-type=module -e "$2"`;
  const program = run(['sh', '-c', host, process.execPath, loader, script]);
  t.equal(await program.closed, '1\n', 'or a tiny limit would stall the loop');
});
