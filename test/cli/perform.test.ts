import { readFileSync } from 'node:fs';
import t from 'tap';
import { lives, start } from './support.ts';

t.test('when nobody reads its output any more it ends, silently', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, all } from 'sluice';
      export default function* main() { yield* all([program('echo "pid $$"; exec sleep 100'), program('yes; echo wrong >&2')]); }`,
  });
  for (const args of [
    ['run', 'a.ts'],
    ['run', 'a.ts', '--report', 'json'],
  ]) {
    const living = start(args, { cwd });
    const [, pid] = await living.says(/pid (\d+)/);
    living.stdout.destroy();
    const { status, stderr } = await living.ended;
    t.equal(status, 141, args.join(' '));
    t.equal(stderr, '', args.join(' '));
    t.notOk(lives(Number(pid)));
  }
});

t.test(
  'a reader that is slow makes the programs wait; memory stays bounded',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const living = start(['seq', 'echo ready; yes "$(head -c 1000 /dev/zero | tr "\\0" x)"']);
    await living.says(/ready/);
    living.stdout.pause();
    // It has come to a stop when it uses no more time.
    const spent = (): string => readFileSync(`/proc/${living.pid}/stat`, 'utf8').split(' ').slice(13, 15).join(' ');
    for (let before = '', same = 0; same < 10;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const now = spent();
      same = now === before ? same + 1 : 0;
      before = now;
    }
    const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${living.pid}/status`, 'utf8'))![1]);
    t.ok(resident < 200 * 1024, `${resident} kB`);
    living.stdout.destroy();
    t.equal((await living.ended).status, 141);
  },
);
