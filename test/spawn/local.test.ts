import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import t from 'tap';
import { execaSpawner, localSpawner, posixSpawner } from '../../lib/spawn/local.ts';
import { run } from './support.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
const library = JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href);

/** What a Node with this variable says of a program that writes where its stdout leads. */
async function kind(env: Record<string, string>, code = `program('readlink /proc/self/fd/1').run()`): Promise<string> {
  const script = `import { program, posixSpawner } from ${library};
    ${code}.then(({ stdout }) => console.log(stdout), (error) => console.log(error.reason.code + ' ' + error.message));`;
  const variables = { ...(process.env as Record<string, string>), SLUICE_SPAWNER: '', ...env };
  const node = [process.execPath, '--import', loader, '--input-type=module', '-e', script] as const;
  return run(node, { env: variables }).closed;
}

t.test('posix_spawn is taken where it can be: its pipes are pipes, those of Node are sockets', async (t) => {
  t.match(await kind({}), /^pipe:/);
  t.match(await kind({ SLUICE_SPAWNER: 'posix' }), /^pipe:/);
  t.match(await kind({ SLUICE_SPAWNER: 'execa' }), /^socket:/);
  t.match(
    await kind({ SLUICE_SPAWNER: 'execa' }, `program('readlink /proc/self/fd/1').run({ spawner: posixSpawner })`),
    /^pipe:/,
  );
});

t.test('a wish that can not be met is told', async (t) => {
  t.match(await kind({ SLUICE_SPAWNER: 'poxis' }), /SLUICE_SPAWNER is 'poxis'; expected 'posix' or 'execa'/);
  const without = `--import=data:text/javascript,${encodeURIComponent(`
    import Module from 'node:module';
    const load = Module._load;
    Module._load = (name, ...rest) => { if (name === 'koffi') throw new Error('no koffi\\nat all'); return load(name, ...rest); };`)}`;
  t.match(
    await kind({ NODE_OPTIONS: without, SLUICE_SPAWNER: 'posix' }),
    /without the optional package koffi \(no koffi\)/,
  );
  t.match(await kind({ NODE_OPTIONS: without }), /^socket:/, 'else there is execa');
});

t.test('in a worker thread execa starts', async (t) => {
  const script = `
    import { parentPort } from 'node:worker_threads';
    import(${JSON.stringify(loader)})
      .then(() => import(${library}))
      .then(({ program }) => program('readlink /proc/self/fd/1').run())
      .then(({ stdout }) => parentPort.postMessage(stdout), (error) => parentPort.postMessage(String(error)));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    execArgv: [],
    env: { ...process.env, SLUICE_SPAWNER: '' },
  });
  t.match(await once(worker, 'message'), [/^socket:/]);
  await worker.terminate();
});

t.test('programs are joined by a pipe of the kernel, or not at all', async (t) => {
  t.equal(execaSpawner.joint!(), undefined);
  for (const spawner of [posixSpawner, localSpawner]) {
    const joint = spawner.joint!();
    if (joint === undefined) {
      t.equal(process.env['SLUICE_SPAWNER'], 'execa');
      continue;
    }
    const reader = run(['sh', '-c', 'readlink /proc/self/fd/0; cat'], { stdin: joint }, spawner);
    const writer = run(['sh', '-c', 'readlink /proc/self/fd/1'], { stdout: joint }, spawner);
    const [own, ends] = (await reader.closed).split('\n') as [string, string];
    t.match(own, /^pipe:/);
    t.equal(ends, own);
    t.equal(writer.child.stdout, undefined);
    t.equal(joint.unread, false);
  }
});

t.test('whoever will not start is as one who has ended', async (t) => {
  const joint = posixSpawner.joint!()!;
  const reader = run(['cat'], { stdin: joint }, posixSpawner);
  const none = run(['no-such-program'], { stdout: joint }, posixSpawner);
  t.match(await none.exit, { code: 'ENOENT' });
  t.equal(await reader.closed, '');

  const second = posixSpawner.joint!()!;
  const yes = run(['yes'], { stdout: second }, posixSpawner);
  const killed = run(['cat'], { stdin: second }, posixSpawner);
  killed.child.signal('SIGKILL'); // it has not begun
  t.match(await killed.exit, { signal: 'SIGKILL' });
  t.match(await yes.exit, { signal: 'SIGPIPE' });
  t.equal(second.unread, true);
});

t.test('stdin, stdout and stderr of Node closed by hand disturb nobody', async (t) => {
  const code = `Promise.resolve().then(async () => {
    const fs = await import('node:fs');
    fs.closeSync(0);
    const { stdout } = await program('cat; readlink /proc/self/fd/0; echo err >&2', { stdin: 'typed' }).run();
    return { stdout };
  })`;
  t.match(await kind({ SLUICE_SPAWNER: 'posix' }, code), /^typedpipe:/);
  t.ok(readlinkSync('/proc/self/fd/1'));
});
