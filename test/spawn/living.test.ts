import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fixture, gone, lives, run } from './support.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;

/** Runs a host to its end: how it ended, and the pids of the programs it had started. */
async function host(ending: string): Promise<{ code: number | null; pids: number[]; ms: number }> {
  const child = spawn(process.execPath, ['--import', loader, fixture('host.ts'), ending], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  let since = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    text += String(chunk);
    since = performance.now();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, pids: text.trim().split(' ').map(Number), ms: performance.now() - since };
}

for (const [ending, status] of [
  ['exit', 7],
  ['throw', 1],
  ['reject', 1],
  ['handler', 8],
  ['everything', 0],
] as const) {
  t.test(`no child outlives its host: ${ending}`, async (t) => {
    const { code, pids, ms } = await host(ending);
    t.teardown(() => {
      for (const pid of pids) if (lives(pid)) process.kill(-pid, 'SIGKILL'); // each leads a group
    });
    t.equal(code, status);
    t.equal(pids.length, 4);
    t.equal(await gone(...pids), true);
    t.ok(ms < 2000, `${ms} ms`);
  });
}

t.test('the hook comes with the first program', async (t) => {
  const script = `
    import { localSpawner } from ${JSON.stringify(new URL('../../lib/spawn/local.ts', import.meta.url).href)};
    console.log(process.listenerCount('exit'));
    const common = { cwd: '/', env: undefined, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', session: true };
    for (let i = 0; i < 3; i++)
      await new Promise((resolve) => localSpawner.spawn({ argv: ['true'], ...common }, () => {}, resolve));
    console.log(process.listenerCount('exit'));`;
  const program = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
  const [before, after] = (await program.closed).split('\n').map(Number) as [number, number];
  t.equal(after, before + 1);
});

t.test('at the end of its host a program is told, and has the time to clean up', async (t) => {
  const told = join(t.testdir(), 'told');
  const program = `trap 'echo cleaned up >"$0"; exit' TERM; echo ready; while :; do sleep 0.01; done`;
  const script = `
    import { localSpawner } from ${JSON.stringify(new URL('../../lib/spawn/local.ts', import.meta.url).href)};
    const common = { cwd: '/', env: undefined, stdin: 'ignore', stdout: 'pipe', stderr: 'ignore', session: true };
    const argv = ['sh', '-c', ${JSON.stringify(program)}, ${JSON.stringify(told)}];
    const child = localSpawner.spawn({ argv, ...common }, () => child.stdout.once('data', () => process.exit(3)), () => {});`;
  const host = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
  t.match(await host.exit, { exitCode: 3 });
  t.equal(readFileSync(told, 'utf8'), 'cleaned up\n');
});

t.test(
  'one that heeds no SIGTERM gets SIGKILL at the end of its host, also where its leader has heeded it',
  async (t) => {
    const program = `sh -c "trap '' TERM; echo \\$\\$; exec sleep 1000" & wait`;
    const script = `
    import { localSpawner } from ${JSON.stringify(new URL('../../lib/spawn/local.ts', import.meta.url).href)};
    const common = { cwd: '/', env: undefined, stdin: 'ignore', stdout: 'pipe', stderr: 'ignore', session: true };
    const said = (pid) => process.stdout.write(pid, () => process.exit(3));
    const child = localSpawner.spawn({ argv: ['sh', '-c', ${JSON.stringify(program)}], ...common }, () => child.stdout.once('data', said), () => {});`;
    const host = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
    const pid = Number(await host.closed);
    t.teardown(() => lives(pid) && process.kill(pid, 'SIGKILL'));
    t.ok(pid > 0);
    t.ok(await gone(pid));
  },
);
