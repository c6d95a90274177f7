import t from 'tap';
import { fromPs, lives, scan } from '../../lib/spawn/procs.ts';
import { fixture, run, until } from './support.ts';

t.test('finds processes by their session', async (t) => {
  // A name with all that could confuse who reads /proc/PID/stat.
  const program = run(['sh', '-c', 'printf ") Z 1 (" >/proc/$$/comm; sleep 1000 & echo $!; wait']);
  const child = Number(await program.said);
  const leader = program.child.pid!;
  const now = performance.now();
  const found = scan(now)!.procs.get(leader)!;
  t.same(found.map(({ pid, group, session }) => [pid, group, session]).sort(), [
    [leader, leader, leader],
    [child, leader, leader],
  ]);
  t.equal(lives(leader), true);
  t.equal(scan(now), scan(now), 'a look is shared for a moment');
  t.equal(scan(now)!.at >= now, true, 'but never one from before');
  program.child.signal('SIGKILL');
  await program.exit;
  t.equal(lives(leader), false);
  t.equal(await until(() => !scan(performance.now())!.procs.has(leader)), true);
});

t.test('ps knows the groups', async (t) => {
  const program = run([fixture('nested-groups')]);
  const [leader, nested] = (await program.said).split(' ').map(Number) as [number, number];
  t.equal(await until(() => fromPs()!.get(nested)?.length === 2), true, 'timeout and sleep');
  t.same(
    fromPs()!
      .get(leader)!
      .map(({ pid, group }) => [pid, group]),
    [[leader, leader]],
  );
  program.child.signal('SIGKILL');
  await program.exit;
  t.equal(await until(() => !fromPs()!.has(leader) && !fromPs()!.has(nested)), true);
});
