import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { gone, lives, until } from './support.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
const library = new URL('../../lib/index.ts', import.meta.url).href;

/** A Node of its own that runs code with sluice; `said` is what it wrote when it wrote a line that is `ready`. */
async function host(code: string, spawner: string): Promise<{ child: ChildProcess; said: string[] }> {
  const script = `import { program, runCommandGens } from ${JSON.stringify(library)};\n${code}`;
  const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SLUICE_SPAWNER: spawner },
  });
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
      if (/^ready$/m.test(text)) resolve();
    });
    child.once('close', () => reject(new Error(`it ended, having said ${text}`)));
  });
  return { child, said: text.split('\n').filter((line) => line !== '' && line !== 'ready') };
}

/** The reapers of a process: those of its children that have the script. */
function reapersOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (child) =>
        child > 0 && field(child, 'PPid') === pid && textOf(`/proc/${child}/cmdline`).includes('sluice-reaper'),
    );
}

function field(pid: number, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(textOf(`/proc/${pid}/status`))?.[1]);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // that of the look itself
  }
}

/** Ends a process and those in the group that it leads, if it does: `timeout` has its program in one. */
function endGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It leads none, or has ended.
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function openOf(pid: number | 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => `${fd} ${linkOf(`/proc/${pid}/fd/${fd}`)}`)
    .sort();
}

const tree = `trap '' TERM; sleep 1001 & echo $!; timeout 1002 sleep 1003 & echo $!; echo $$; echo ready; wait`;
const two = (more = ''): string => `
  let ready = 0;
  const line = (text) => console.log(text === 'ready' ? (++ready === 2 ? text : '') : text);
  await runCommandGens([1, 2].map(() => program(${JSON.stringify(tree)}, { stdout: line, ${more} })));`;

for (const spawner of ['posix', 'execa']) {
  t.test(`${spawner}: L6: a Node that is killed by SIGKILL leaves nobody`, async (t) => {
    const { child, said } = await host(two(), spawner);
    const pids = said.map(Number);
    t.equal(pids.length, 6);
    const [reaper, ...others] = reapersOf(child.pid!);
    t.equal(others.length, 0);
    t.teardown(() => {
      for (const pid of pids) if (lives(pid)) process.kill(pid, 'SIGKILL');
    });
    t.equal(pids.every(lives), true);
    const since = performance.now();
    child.kill('SIGKILL');
    t.equal(await gone(...pids), true);
    t.ok(performance.now() - since < 20_000, 'two seconds, and much more for a slow machine');
    t.equal(await gone(reaper!), true);
  });

  t.test(`${spawner}: one whose start was not written down is found by its environment`, async (t) => {
    // The window between a start and its entry is some microseconds; here Node is stopped in it by its own hand.
    const { child, said } = await host(
      `import fs from 'node:fs';
       import { syncBuiltinESMExports } from 'node:module';
       const { writeSync } = fs;
       fs.writeSync = (fd, text, ...rest) => {
         if (fd > 2 && /^[gp] /.test(text)) {
           writeSync(1, String(text).split(' ')[1] + '\\nready\\n');
           process.kill(process.pid, 'SIGSTOP');
         }
         return writeSync(fd, text, ...rest);
       };
       syncBuiltinESMExports();
       await program('sleep 1004').run();`,
      spawner,
    );
    const [pid] = said.map(Number) as [number];
    t.teardown(() => lives(pid) && process.kill(pid, 'SIGKILL'));
    t.equal(lives(pid), true);
    child.kill('SIGKILL');
    t.equal(await gone(pid), true);
  });

  t.test(`${spawner}: what is detached is left alone, whatever becomes of Node`, async (t) => {
    for (const end of ['SIGKILL', 'SIGUSR2'] as const) {
      const ends = `process.on('SIGUSR2', () => process.exit());`;
      const { child, said } = await host(ends + two('detach: true'), spawner);
      const pids = said.map(Number);
      t.teardown(() => {
        for (const pid of pids) endGroup(pid);
      });
      const { pid: node } = child;
      t.same(reapersOf(node!), [], 'nobody to watch over');
      child.kill(end);
      t.equal(await gone(node!), true);
      t.equal(pids.every(lives), true, end);
    }
  });

  t.test(`${spawner}: the reaper holds nothing open, is one, and goes with Node`, async (t) => {
    const { child } = await host(
      `await runCommandGens([1, 2, 3].map(() => program('true')));
       await program('true').run();
       console.log('ready');
       process.on('SIGUSR2', () => process.exit());
       setInterval(() => {}, 1e6);`,
      spawner,
    );
    const [reaper, ...others] = reapersOf(child.pid!);
    t.equal(others.length, 0);
    const open = openOf(reaper!);
    t.match(open, [/^0 (pipe|socket)/, /^1 .*\(deleted\)/, /^2 \/dev\/null/]);
    // What Node itself inherited every child of it does, unless it was told not to, which execa can't.
    const inherited = spawner === 'execa' ? openOf('self') : [];
    t.same(
      open.slice(3).filter((one) => !inherited.includes(one)),
      [],
    );
    t.equal(readlinkSync(`/proc/${reaper}/cwd`), '/');
    t.equal(field(reaper!, 'NSsid') || field(reaper!, 'Pid'), reaper, 'its own session');
    child.kill('SIGUSR2');
    t.equal(await gone(reaper!), true);
  });

  t.test(`${spawner}: a reaper that was killed is replaced with the next program`, async (t) => {
    const { child, said } = await host(
      `await program('true').run();
       console.log('ready');
       process.once('SIGUSR2', () => program('echo $$; exec sleep 1005', { stdout: (line) => console.log(line + '\\nagain') }).run());
       setInterval(() => {}, 1e6);`,
      spawner,
    );
    t.same(said, []);
    const [first] = reapersOf(child.pid!) as [number];
    process.kill(first, 'SIGKILL');
    await until(() => !existsSync(`/proc/${first}`)); // no zombie either: Node has heard of it
    const pid = new Promise<number>((resolve) => {
      child.stdout!.on('data', (chunk) => resolve(Number.parseInt(String(chunk), 10)));
    });
    child.kill('SIGUSR2');
    const sleeper = await pid;
    t.teardown(() => lives(sleeper) && process.kill(sleeper, 'SIGKILL'));
    t.equal(reapersOf(child.pid!).length, 1);
    child.kill('SIGKILL');
    t.equal(await gone(sleeper), true);
  });

  t.test(`${spawner}: and at once while one lives`, async (t) => {
    const { child, said } = await host(
      `await program('echo $$; echo ready; exec sleep 1011', { stdout: (line) => console.log(line) }).run();`,
      spawner,
    );
    const sleeper = Number(said[0]);
    t.teardown(() => lives(sleeper) && process.kill(sleeper, 'SIGKILL'));
    const [first] = reapersOf(child.pid!) as [number];
    process.kill(first, 'SIGKILL');
    await until(() => reapersOf(child.pid!).some((pid) => pid !== first));
    child.kill('SIGKILL');
    t.equal(await gone(sleeper), true);
  });

  t.test(`${spawner}: the mark is of the program alone, and none with exactEnv`, async (t) => {
    const { child, said } = await host(
      `const of = (text) => text.split('\\n').filter((line) => /^SLUICE_START=/.test(line)).length;
       process.env.SLUICE_START = 'of an outer one';
       const counts = [];
       for (const options of [{}, { env: { A: '1' } }, { exactEnv: { A: '1' } }, { detach: true }])
         counts.push(of((await program('env', options).run()).stdout));
       console.log(JSON.stringify([...counts, process.env.SLUICE_START ?? null]));
       console.log('ready');
       setInterval(() => {}, 1e6);`,
      spawner,
    );
    child.kill('SIGKILL');
    t.same(JSON.parse(said[0]!), [1, 1, 0, 0, null]);
  });
}
