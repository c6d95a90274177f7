import { readFileSync, writeFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { spawn as start } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { like } from '../support.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { via } from '../../lib/fleet/via.ts';
import type { Runnable, Runner, Via } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { isAlive, until } from './rig/procs.ts';
import * as rigs from './rig/rig.ts';

const skip = rigs.sshdMissing() ?? false;

/** What is beyond signals from outside, as root's programs and those in a container: they are in a session of their own. */
function entries(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const enter = (until: string): string =>
    `#!/bin/sh\nwhile [ "$1" != ${until} ]; do shift; done; shift\nexec setsid -w "$@"\n`;
  for (const [name, word] of [
    ['sudo', '--'],
    ['docker', 'c'],
    ['kubectl', '--'],
  ] as const)
    writeFileSync(join(folder, name), enter(word), { mode: 0o755 });
}

interface Place {
  readonly name: string;
  readonly path: string;
  /** Of the fixture that is another Node. */
  readonly words: readonly string[];
  run<T>(through: Via, body: Runnable<T>): Runner<T>;
  readonly host?: rigs.RigHost;
}

async function places(t: Test): Promise<readonly Place[]> {
  const rig = await rigs.startRig();
  t.teardown(() => rig.stop());
  const host = rig.hosts[0]!;
  entries(join(host.home, 'bin'));
  const path = `${join(host.home, 'bin')}:${process.env['PATH']}`;
  return [
    { name: 'here', path, words: [], run: (by, body) => within({ env: { PATH: path } }, within({ via: by }, body)) },
    {
      ...{ name: 'there', path, host, words: [rig.config, 'h1'] },
      run: (by, body) => within({ via: via.ssh('h1', { config: rig.config }) }, within({ via: by }, body)),
    },
  ];
}

const ways = { sudo: via.sudo(), docker: via.docker('c'), kubectl: via.kubectl('p', { namespace: 'n' }) };

/** One that doesn't mind SIGTERM, one that it has started, and one in a group of its own. */
function stubborn(pids: string): [string, ...string[]] {
  const script = `trap '' TERM; sleep 1000 & timeout 1000 sleep 1000 & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; cat; wait; sleep 1000`;
  return ['sh', '-c', script];
}

const read = (file: string): number[] => readFileSync(file, 'utf8').trim().split(' ').map(Number);

t.test('a command that has stdin', { skip }, async (t) => {
  const all = await places(t);
  const each = async (act: (place: Place, by: Via, name: string, pids: string) => Promise<void>): Promise<void> => {
    for (const place of all)
      for (const [way, by] of Object.entries(ways)) {
        const name = `${way} ${place.name}`;
        await act(place, by, name, join(t.testdirName, `${name.replace(' ', '-')}-${Math.random()}`));
      }
  };
  t.testdir({});

  t.test('gets all of it', async (t) => {
    const text = 'x'.repeat(1_000_000);
    await each(async ({ run }, by, name) => {
      const { stdout } = await run(by, program(['cat'], { stdin: text })).run();
      t.ok(stdout === text, name);
      const failing = program('read -r x; echo "$x"; echo err >&2; exit 3', { stdin: 'a b\n', unchecked: true });
      t.match(await run(by, failing).run(), { stdout: 'a b', stderr: 'err', exitCode: 3 }, name);
    });
  });

  t.test('is killed', async (t) => {
    await each(async ({ run }, by, name, pids) => {
      const body = function* () {
        const one = yield* spawn(program(stubborn(pids), { stdin: 'pipe' }));
        one.send('up\n');
        yield* one.next();
        one.kill('SIGKILL');
        yield* one.join();
      };
      await t.rejects(run(by, body).run(), like({ reason: { type: 'killed' } }), name);
      await until(`${name}: they have gone`, () => !read(pids).some(isAlive), 2000);
    });
  });

  t.test('is told which signal it was', async (t) => {
    await each(async ({ run }, by, name) => {
      const script = `trap 'echo INT; exit 7' INT; echo up; while read -r x; do :; done`;
      const body = function* () {
        const one = yield* spawn(program(['sh', '-c', script], { stdin: 'pipe' }));
        yield* one.next();
        one.kill('SIGINT');
        const said = yield* one.next();
        try {
          yield* one.join();
        } catch {
          // killed
        }
        return said;
      };
      t.match(await run(by, body).run(), { line: 'INT' }, name);
    });
  });

  t.test('takes too long', async (t) => {
    await each(async ({ run }, by, name, pids) => {
      const body = program(stubborn(pids), { stdin: 'x', timeout: '1s', grace: '100ms' });
      await t.rejects(run(by, body).run(), like({ reason: { type: 'timeout' } }), name);
      await until(`${name}: they have gone`, () => !read(pids).some(isAlive), 2000);
    });
  });

  t.test('is ended when Node is killed', async (t) => {
    const living: [string, number[]][] = [];
    await each(async ({ words, path }, _by, name, pids) => {
      const script = fileURLToPath(new URL('../fixtures/beside.ts', import.meta.url));
      const load = fileURLToPath(new URL('../../dist/lib/cli/load/register.js', import.meta.url));
      const args = ['--import', load, script, name.split(' ')[0]!, ...words, '--', ...stubborn(pids)];
      const node = start(process.execPath, args, { env: { ...process.env, PATH: path }, stdio: 'ignore' });
      await until(`${name}: it has begun`, () => existsSync(pids));
      const ended = new Promise((resolve) => node.once('exit', resolve));
      node.kill('SIGKILL');
      await ended;
      living.push([name, read(pids)]);
      t.ok(isAlive(read(pids)[0]!), `${name}: it was beyond what ends programs here`);
    });
    for (const [name, pids] of living) await until(`${name}: they have gone`, () => !pids.some(isAlive));
  });

  t.test('is ended when the connection is cut', async (t) => {
    const living: [string, number[]][] = [];
    await each(async ({ run, host }, by, name, pids) => {
      if (host === undefined) return;
      const over = run(
        by,
        program(stubborn(pids), {
          stdin: (async function* () {
            yield 'x';
            await new Promise(() => {});
          })(),
        }),
      ).run();
      over.catch(() => {});
      await until(`${name}: it has begun`, () => existsSync(pids));
      host.killSessions();
      await t.rejects(over, like({ reason: { type: 'connection', phase: 'lost' } }), name);
      living.push([name, read(pids)]);
    });
    for (const [name, pids] of living) await until(`${name}: they have gone`, () => !pids.some(isAlive));
  });

  t.test('and ends well leaves nobody', async (t) => {
    const { run } = all[0]!;
    for (const [name, by] of Object.entries(ways)) {
      const { stdout } = await run(by, program('echo $$; cat', { stdin: 'x' })).run();
      t.notOk(isAlive(Number(stdout.split('\n')[0])), name);
    }
  });
});
