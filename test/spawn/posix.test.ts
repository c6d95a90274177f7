import { chmodSync, closeSync, copyFileSync, openSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { posixSpawner } from '../../lib/spawn/local.ts';
import { conformance } from './conformance.ts';
import { run, until } from './support.ts';

conformance(t, posixSpawner);

const quiet = { stdout: 'ignore' } as const;

t.test('killed while it is being started: it is ended as soon as it has begun', async (t) => {
  const other = run(['sleep', '1006'], quiet, posixSpawner);
  await other.started;
  let began = 0;
  const exits = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const program = run(['sleep', '1007'], quiet, posixSpawner);
      void program.started.then(() => began++);
      for (let tick = 0; tick < i % 12; tick++) await undefined;
      for (let turn = 0; turn < i % 5; turn++) await new Promise(setImmediate);
      program.child.signal(i % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      program.child.signal('SIGUSR1'); // ends nothing that hasn't begun
      return program.exit;
    }),
  );
  for (const [i, exit] of exits.entries())
    t.same(exit, { type: 'exit', exitCode: undefined, signal: i % 2 === 0 ? 'SIGTERM' : 'SIGKILL' });
  t.ok(began > 0, `${began} had begun`);
  other.child.signal('SIGKILL');
  await other.exit;
});

t.test('a program file that is open for writing a moment longer', async (t) => {
  const path = join(t.testdir({}), 'program');
  copyFileSync('/bin/true', path);
  chmodSync(path, 0o755);
  const fd = openSync(path, 'r+');
  const { exit } = run([path], quiet, posixSpawner);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  closeSync(fd);
  t.match(await exit, { exitCode: 0 });
});

t.test('a folder in PATH with a name that is too long is passed over', async (t) => {
  for (const long of ['a'.repeat(5000), `/${'a'.repeat(300)}`]) {
    const { exit } = run(['true'], { ...quiet, env: { PATH: `${long}:/usr/bin:/bin` } }, posixSpawner);
    t.match(await exit, { exitCode: 0 });
  }
});

t.test('given up while it is being started: it is ended all the same', async (t) => {
  const other = run(['sleep', '1006'], quiet, posixSpawner);
  await other.started;
  const { child, exit } = run(['sleep', '1008'], quiet, posixSpawner);
  for (let tick = 0; tick < 5; tick++) await undefined;
  child.signal('SIGTERM');
  child.release();
  t.match(await exit, { signal: 'SIGTERM' });
  other.child.signal('SIGKILL');
  await other.exit;
});

for (const ending of ['process.exit(0)', 'throw new Error("on purpose")', 'process.kill(process.pid, "SIGKILL")'])
  t.test(`Node ends while programs are being started: ${ending}`, async (t) => {
    const name = join(t.testdir({}), 'sleep');
    symlinkSync('/bin/sleep', name);
    const script = `
      import { posixSpawner } from ${JSON.stringify(new URL('../../lib/spawn/local.ts', import.meta.url).href)};
      const command = { argv: [${JSON.stringify(name)}, '1009'], cwd: '/', env: undefined, session: true };
      const start = (then) =>
        posixSpawner.spawn({ ...command, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }, then, () => {});
      start(() => {
        for (let i = 0; i < 8; i++) start(() => {});
        setImmediate(() => { ${ending}; });
      });`;
    const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
    const alive = (): boolean =>
      readdirSync('/proc').some((pid) => {
        try {
          return Number(pid) > 0 && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(name);
        } catch {
          return false;
        }
      });
    const program = run([process.execPath, '--import', loader, '--input-type=module', '-e', script], quiet);
    await program.exit;
    await until(() => !alive());
  });

t.test('threads that others hold keep a few starts waiting, not all', async (t) => {
  const script = `
    import { pbkdf2 } from 'node:crypto';
    import { posixSpawner } from ${JSON.stringify(new URL('../../lib/spawn/local.ts', import.meta.url).href)};
    const places = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', cwd: '/', env: undefined, session: true };
    const start = (seconds) =>
      new Promise((resolve) => {
        const child = posixSpawner.spawn({ ...places, argv: ['sleep', seconds] }, () => resolve(child), () => {});
      });
    const first = await start('1000');
    let over = false;
    for (let i = 0; i < 4; i++) pbkdf2('a', 'b', 3_000_000, 64, 'sha512', () => (over = true));
    const waiting = Array.from({ length: 4 }, () => start('1000'));
    const since = performance.now();
    while (performance.now() - since < 50) await new Promise(setImmediate);
    const later = await start('1000');
    console.log(over ? 'late' : 'at once');
    for (const child of [first, later, ...(await Promise.all(waiting))]) child.signal('SIGKILL');`;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const program = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
  t.equal(await program.closed, 'at once\n');
});
