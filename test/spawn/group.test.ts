import { readFileSync } from 'node:fs';
import t from 'tap';
import { Group } from '../../lib/spawn/group.ts';
import { fixture, gone, lives, run, until } from './support.ts';

const by = (signal: NodeJS.Signals) => ({ type: 'exit', exitCode: undefined, signal });

/** SIGKILL at the end of a test to what it may have left. */
function finallyKill(t: { teardown(end: () => void): void }, pid: number): void {
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended, as it should
    }
  });
}

t.test('a signal goes to the whole group', async (t) => {
  const program = run(['sh', '-c', 'sleep 1000 & echo $!; wait']);
  const grandchild = Number(await program.said);
  finallyKill(t, grandchild);
  t.equal(program.child.members().includes(grandchild), true);
  program.child.signal('SIGTERM');
  t.same(await program.exit, by('SIGTERM'));
  t.equal(await gone(grandchild), true);
  t.equal(await until(() => !program.child.alive()), true);
  t.same(program.child.members(), []);
});

t.test('it also reaches the groups that programs made in their session', async (t) => {
  const program = run([fixture('nested-groups')]);
  const [leader, nested] = (await program.said).split(' ').map(Number) as [number, number];
  finallyKill(t, nested);
  t.equal(leader, program.child.pid);
  const group = (pid: number): number =>
    Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[2]);
  t.equal(await until(() => group(nested) === nested), true);
  const members = [...program.child.members()];
  program.child.signal('SIGKILL');
  t.same(await program.exit, by('SIGKILL'));
  t.equal(await gone(...members), true);
  t.equal(await until(() => !program.child.alive()), true);
});

t.test('who makes a group of his own when he is told to end is told once more', async (t) => {
  const program = run([
    'sh',
    '-c',
    'trap "timeout 1000 sleep 1000 >/dev/null & echo \\$!; exit 0" TERM; echo; while :; do sleep 0.01; done',
  ]);
  await program.said;
  program.child.signal('SIGTERM');
  t.match(await program.exit, { exitCode: 0 });
  const nested = Number((await program.closed).trim());
  finallyKill(t, nested);
  t.equal(await until(() => !program.child.alive()), true, 'looking whether it lives is enough');
  t.equal(lives(nested), false);
});

t.test('those left behind after the exit live, and can be killed', async (t) => {
  const program = run(['sh', '-c', 'sleep 1000 & echo $!']);
  const left = Number(await program.said);
  finallyKill(t, left);
  t.match(await program.exit, { exitCode: 0 });
  t.equal(program.child.alive(), true);
  t.same(program.child.members(), [left]);
  program.child.signal('SIGTERM');
  t.equal(await gone(left), true);
  t.equal(await until(() => !program.child.alive()), true);
});

t.test('so can a group of its own that was left behind', async (t) => {
  const program = run(['sh', '-c', 'timeout 1000 sleep 1000 >/dev/null & echo $!']);
  const left = Number(await program.said);
  finallyKill(t, left);
  await program.closed;
  t.equal(await until(() => program.child.members().length === 2), true, 'timeout and sleep');
  const members = program.child.members();
  program.child.signal('SIGTERM');
  t.equal(await gone(...members), true);
  t.equal(program.child.alive(), false);
});

t.test('SIGTERM may be ignored, SIGKILL may not', async (t) => {
  const program = run([fixture('ignores-sigterm')]);
  t.equal(await program.said, 'ready\n');
  const { pid } = program.child;
  finallyKill(t, pid!);
  program.child.signal('SIGTERM');
  await new Promise(setImmediate);
  t.equal(lives(pid!), true);
  program.child.signal('SIGKILL');
  t.same(await program.exit, by('SIGKILL'));
});

t.test('a stopped program is continued to be ended', async (t) => {
  for (const session of [true, false]) {
    const program = run(['sleep', '1000'], { session });
    const pid = await program.started;
    finallyKill(t, pid);
    program.child.signal('SIGSTOP');
    const state = (): string => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]![0]!;
    t.equal(await until(() => state() === 'T'), true);
    t.equal(program.child.alive(), true);
    program.child.signal('SIGTERM');
    t.same(await program.exit, by('SIGTERM'));
  }
});

t.test('zombies do not count', async (t) => {
  const program = run([fixture('leaves-zombie')], { stdin: 'pipe' });
  const parent = Number(await program.said);
  finallyKill(t, parent);
  // The parent of what will be a zombie has left for a session of its own.
  t.equal(await until(() => readFileSync(`/proc/${parent}/stat`, 'latin1').includes('(sleep)')), true);
  program.child.stdin!.end();
  t.match(await program.exit, { exitCode: 0 });
  t.equal(await until(() => !program.child.alive()), true);
  t.equal(process.kill(-program.child.pid!, 0), true, 'the group is there still');
  t.same(program.child.members(), []);
  program.child.signal('SIGKILL');
  t.equal(lives(parent), true);
});

t.test('without a session of its own it is the program alone', async (t) => {
  const program = run(['sh', '-c', 'sleep 1000 & echo $!; wait'], { session: false });
  const grandchild = Number(await program.said);
  finallyKill(t, grandchild);
  t.same(program.child.members(), [program.child.pid]);
  program.child.signal('SIGTERM');
  t.same(await program.exit, by('SIGTERM'));
  t.equal(program.child.alive(), false);
  t.equal(lives(grandchild), true);
});

t.test('before the start an ending signal calls it off', async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP'] as const) {
    const program = run(['sh', '-c', 'echo started']);
    program.child.signal('SIGSTOP');
    program.child.signal(signal);
    program.child.signal('SIGKILL');
    t.same(await program.exit, by(signal));
    t.equal(await program.closed, '');
    t.equal(program.child.pid, undefined);
  }
});

t.test('a number that has been given away is never signalled', async (t) => {
  const other = run(['sleep', '1000']);
  const pid = await other.started;
  // As if a program of this number had been reaped, and its number been used again.
  const group = new Group(pid, true);
  group.leaderExited();
  t.equal(group.alive(), false);
  t.same(group.members(), []);
  group.signal('SIGKILL');
  await new Promise(setImmediate);
  t.equal(lives(pid), true);
  other.child.signal('SIGKILL');
  t.same(await other.exit, by('SIGKILL'));
  group.signal('SIGKILL');
});

t.test('signals after the end, and twice, do nothing', async (t) => {
  const program = run(['sleep', '1000']);
  await program.started;
  program.child.signal('SIGTERM');
  program.child.signal('SIGTERM');
  t.same(await program.exit, by('SIGTERM'));
  program.child.signal('SIGKILL');
  t.equal(program.child.alive(), false);
  program.child.release();
  program.child.release();
});

t.test('hundreds at once', async (t) => {
  const programs = Array.from({ length: 200 }, () => run(['sh', '-c', 'sleep 1000 & wait'], { stdout: 'ignore' }));
  await Promise.all(programs.map(({ started }) => started));
  const members = await Promise.all(programs.map(({ child }) => child.members()));
  for (const { child } of programs) child.signal('SIGKILL');
  for (const { exit } of programs) t.same(await exit, by('SIGKILL'));
  t.equal(await gone(...members.flat()), true);
  t.equal(await until(() => !programs.some(({ child }) => child.alive())), true);
});
