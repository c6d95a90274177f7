// Ends by SIGCHLD: of many, of others' children beside ours, and when the signal never comes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import type { Exit } from '../../lib/kernel/spawner.ts';
import { execaSpawner, posixSpawner } from '../../lib/spawn/local.ts';
import { run, until } from './support.ts';

const exit0: Exit = { type: 'exit', exitCode: 0, signal: undefined };

/** Children of this process, zombies too; less the reaper. */
function children(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        if (!pid || !readFileSync(`/proc/${pid}/status`, 'latin1').includes(`PPid:\t${process.pid}\n`)) return false;
        return !readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('sluice-reaper');
      } catch {
        return false;
      }
    });
}

t.test('three kinds of children at once, each told of its own end, exactly', async (t) => {
  const ours = Array.from({ length: 600 }, (_, i) =>
    run(['sh', '-c', `exit ${i % 250}`], {}, i % 2 === 0 ? posixSpawner : execaSpawner).exit.then((exit) => {
      t.same(exit, { ...exit0, exitCode: i % 250 }, { diagnostic: false });
    }),
  );
  const theirs = Array.from({ length: 100 }, async (_, i) => {
    const [code] = (await once(spawn('sh', ['-c', `exit ${i}`], { stdio: 'ignore' }), 'exit')) as [number];
    t.equal(code, i);
  });
  await Promise.all([...ours, ...theirs]);
  await until(() => children().length === 0);
});

t.test('a signal that nobody passed on is made up for', async (t) => {
  const listeners = process.listeners('SIGCHLD');
  await run(['true'], {}, posixSpawner).exit;
  const program = run(['sh', '-c', 'read x; exit 7'], { stdin: 'pipe' }, posixSpawner);
  await program.started;
  process.removeAllListeners('SIGCHLD');
  t.teardown(() => {
    for (const listener of listeners) process.on('SIGCHLD', listener);
  });
  program.child.stdin!.end('\n');
  t.same(await program.exit, { ...exit0, exitCode: 7 });
});

t.test('deaths by signals that have no name', async (t) => {
  t.match(await run(['sh', '-c', 'kill -35 $$'], {}, posixSpawner).exit, { exitCode: undefined, signal: 'SIGRTMIN+1' });
  t.match(await run(['sh', '-c', 'kill -ABRT $$'], {}, posixSpawner).exit, { signal: 'SIGABRT' });
});

t.test('Node ends when its programs have, not before', async (t) => {
  const library = JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href);
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const script = `import { program, posixSpawner } from ${library};
    const quiet = { stdout: 'ignore', stderr: 'ignore' };
    program('exec sleep 0.2', quiet).run({ spawner: posixSpawner }).then(() => console.log('waited'));`;
  t.equal(await run([process.execPath, '--import', loader, '--input-type=module', '-e', script]).closed, 'waited\n');
});

t.test('10,000 starts leave no process, no zombie and no descriptor', async (t) => {
  const one = async (): Promise<void> => {
    const program = run(['true'], { stderr: 'pipe' }, posixSpawner);
    const exit = await program.exit;
    program.child.stderr!.resume();
    await program.closed;
    program.child.release();
    if (exit.type !== 'exit' || exit.exitCode !== 0) t.fail(JSON.stringify(exit));
  };
  await one();
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  let left = 10_000;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (left-- > 0) await one();
    }),
  );
  await until(() => descriptors() <= before);
  t.same(children(), []);
});
