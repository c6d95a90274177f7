import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import '../support.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within, type Change } from '../../lib/compose/within.ts';
import { via } from '../../lib/fleet/via.ts';
import { runCommandGens, type Event, type Runnable, type Runner } from '../../lib/kernel/index.ts';
import { pipe } from '../../lib/runners/pipe.ts';
import { file, program } from '../../lib/runners/program.ts';
import type { SudoOptions } from '../../lib/ssh/sudo.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { like } from '../support.ts';
import { isAlive, until } from '../ssh/rig/procs.ts';
import * as rigs from '../ssh/rig/rig.ts';

const skip = rigs.sshdMissing() ?? false;

/** Wrapped by the first around the second and so on. */
function nested<T>(vias: readonly NonNullable<Change['via']>[], body: Runnable<T>): Runner<T> {
  return vias.reduceRight<Runnable<T>>((inner, one) => within({ via: one }, inner), body) as Runner<T>;
}

const docker = (container: string) => via.docker(container, { lifeline: false });

/** Programs of these names print what they were given, and where. */
function printers(t: Test, ...names: string[]): string {
  const folder = t.testdir();
  for (const name of names) {
    const text = `#!/bin/sh\necho "${name} in $PWD, X=$X"\nfor word; do echo "  $word"; done\n`;
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

async function words(runner: Runner<any>, path: string): Promise<string[]> {
  const { stdout } = (await within(
    { env: { PATH: `${path}:${process.env['PATH']}`, X: 'outside' }, cwd: '/' },
    runner,
  ).run()) as { stdout: string };
  return stdout.split('\n').map((line) => line.replace(/^ {2}/, ''));
}

t.test('nice', async (t) => {
  const { stdout } = await within({ via: via.nice(7) }, program(['nice'])).run();
  t.equal(stdout, '7');
  t.equal((await within({ via: via.nice() }, program(['nice'])).run()).stdout, '10');
  for (const wrong of [20, -21, 1.5, '3'])
    t.throws(() => via.nice(wrong as number), /via.nice: a number from -20 to 19/);
});

t.test('what a client has used is not told as the program’s', async (t) => {
  const env = { PATH: `${printers(t, 'docker')}:${process.env['PATH']}` };
  for (const lifeline of [true, false]) {
    const inside = within({ via: via.docker('web', { lifeline }) }, program(['ls']));
    t.equal((await within({ env }, inside).run()).usage, undefined);
  }
});

t.test('docker: folder and environment are those in the container', async (t) => {
  const path = printers(t, 'docker');
  t.same(await words(within({ via: via.docker('web', { lifeline: false }) }, program(['ls', '-l', 'a b'])), path), [
    ...['docker in /, X=outside', 'exec', 'web', 'ls', '-l', 'a b'],
  ]);
  const inner = within(
    { via: via.docker('web', { user: 'me', workdir: '/srv', lifeline: false }), env: { X: 'inside' }, cwd: 'data' },
    program(['cat'], { stdin: 'text', cwd: 'sub' }),
  );
  t.same((await words(inner, path)).slice(1), [
    ...['exec', '-i', '-u', 'me', '-w', '/srv/data/sub', '-e', 'X=inside', 'web', 'cat'],
  ]);
  const exact = within({ via: via.docker('web', { lifeline: false }) }, program(['ls'], { exactEnv: { A: 'b' } }));
  t.same((await words(exact, path)).slice(1), ['exec', 'web', 'env', '-i', 'A=b', 'ls']);
});

t.test('kubectl', async (t) => {
  const path = printers(t, 'kubectl');
  t.same((await words(within({ via: via.kubectl('pod/web', { lifeline: false }) }, program(['ls'])), path)).slice(1), [
    ...['exec', 'pod/web', '--', 'ls'],
  ]);
  const options = { namespace: 'prod', container: 'main', context: 'east', lifeline: false };
  const inner = within(
    { via: via.kubectl('web', options), env: { X: 'inside' }, cwd: '/srv' },
    program(['cat'], { stdin: 'text' }),
  );
  t.same((await words(inner, path)).slice(1), [
    ...['--context', 'east', '-n', 'prod', 'exec', '-i', 'web', '-c', 'main', '--'],
    ...['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', '/srv', 'env', 'X=inside', 'cat'],
  ]);
});

t.test('what runs in a container is ended there', async (t) => {
  // The client can be killed at will: what it has begun is in another session.
  const path = t.testdir();
  const client = `#!/bin/sh\nwhile [ "$1" != -- ] && [ "$1" != c ]; do shift; done; shift\nexec setsid -w "$@"\n`;
  for (const name of ['docker', 'kubectl']) writeFileSync(join(path, name), client, { mode: 0o755 });
  for (const [name, one] of [
    ['docker', via.docker('c')],
    ['kubectl', via.kubectl('pod', { namespace: 'n' })],
  ] as const) {
    const pids = join(path, `${name}.pids`);
    const script = `trap '' TERM; sleep 1000 & echo $$ $! > ${pids}; echo up; wait; sleep 1000`;
    const body = function* () {
      const sleeping = yield* spawn(program(['sh', '-c', script]));
      yield* sleeping.next();
      sleeping.kill('SIGKILL');
      yield* sleeping.join();
    };
    const loop = within({ env: { PATH: `${path}:${process.env['PATH']}` } }, within({ via: one }, body)).run();
    await t.rejects(loop, like({ reason: { type: 'killed' } }), name);
    const both = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    await until(`${name}: they have gone`, () => !both.some(isAlive));
    const plain = within({ via: one }, program('echo out; echo err >&2; cat; exit 3', { unchecked: true }));
    const result = await within({ env: { PATH: `${path}:${process.env['PATH']}` } }, plain).run();
    t.match(result, { stdout: 'out', stderr: 'err', exitCode: 3 }, name);
  }
});

t.test('nested, the innermost goes first', async (t) => {
  const path = printers(t, 'docker', 'kubectl', 'sudo', 'nice');
  const sudo = via.sudo({ lifeline: false });
  const of = (...vias: NonNullable<Change['via']>[]) => words(nested(vias, program(['true'])), path);
  t.same(await of(via.nice(5), docker('c')), [...['nice in /, X=outside', '-n', '5', 'docker', 'exec', 'c', 'true']]);
  t.same((await of(docker('c'), via.nice(5))).slice(1), ['exec', 'c', 'nice', '-n', '5', 'true']);
  t.same((await of(docker('a'), docker('b'))).slice(1), ['exec', 'a', 'docker', 'exec', 'b', 'true']);
  const [where, ...rest] = await of(sudo, via.nice(5), via.kubectl('p', { lifeline: false }));
  t.match(where, 'sudo in /, X=outside');
  t.same(
    rest.filter((word) => !/^(?:PATH|X|PWD)=/.test(word)),
    ['-n', '--', 'env', 'nice', '-n', '5', 'kubectl', 'exec', 'p', '--', 'true'],
  );
  t.same((await of(docker('c'), via.sudo({ user: 'me', lifeline: false }), via.nice(5))).slice(1), [
    ...['exec', 'c', 'sudo', '-n', '-u', 'me', '--', 'nice', '-n', '5', 'true'],
  ]);
});

t.test('on another host', { skip }, async (t) => {
  const rig = await rigs.startRig();
  t.teardown(() => rig.stop());
  const host = rig.hosts[0]!;
  const bin = join(host.home, 'bin');
  writeFileSync(join(bin, 'docker'), '#!/bin/sh\necho "$HOME $X"\nfor word; do echo "$word"; done\n', { mode: 0o755 });
  const inner = within({ via: docker('c'), env: { X: 'inside' } }, program(['ls', "it's"]));
  const { stdout } = await within({ via: via.ssh('h1', { config: rig.config }), env: { X: 'there' } }, inner).run();
  t.same(stdout.split('\n'), [`${host.home} there`, 'exec', '-e', 'X=inside', 'c', 'ls', "it's"]);
});

// --- sudo -------------------------------------------------------------------------------------------------------------------

const SECRET = ' s3cret\\ ';

interface Place {
  readonly name: string;
  /** What a command is run with. */
  run<T>(sudo: SudoOptions, body: Runner<T>): Runner<T>;
  readonly folder: string;
}

/** The same sudo here and on a host. */
async function places(t: Test, password: string | undefined): Promise<Place[]> {
  const rig = await rigs.startRig();
  t.teardown(() => rig.stop());
  const host = rig.hosts[0]!;
  rigs.installSudo(host, password);
  const folder = t.testdir();
  mkdirSync(join(folder, 'sub'));
  const path = `${join(host.home, 'bin')}:${process.env['PATH']}`;
  return [
    {
      name: 'here',
      folder,
      run: (sudo, body) => within({ cwd: folder, env: { PATH: path } }, within({ via: via.sudo(sudo) }, body)),
    },
    {
      name: 'there',
      folder,
      run: (sudo, body) =>
        within({ via: via.ssh('h1', { config: rig.config }), cwd: folder }, within({ via: via.sudo(sudo) }, body)),
    },
  ];
}

const password = (): string => SECRET;

t.test('sudo with a password', { skip }, async (t) => {
  for (const { name, run, folder } of await places(t, SECRET)) {
    let asked = 0;
    const ask = { password: async () => (asked++, SECRET) };
    const show = 'echo "$SUDO_USER $RIG_SUDO $PWD $X"; cat; echo error >&2';
    const sudo = { ...ask, user: 'nobody' };
    const { stdout, stderr } = await run(
      sudo,
      program(['sh', '-c', show], { stdin: 'in\nput', env: { X: "it's" } }),
    ).run();
    t.match(stdout, new RegExp(`^\\w+ nobody ${folder} it's\nin\nput$`), name);
    t.equal(stderr, 'error', `${name}: nothing of sudo's own`);
    t.equal((await run(ask, program('echo $RIG_SUDO; cat')).run()).stdout, 'root', `${name}: without stdin`);

    writeFileSync(join(folder, 'in'), 'from a file');
    const result = await run(
      ask,
      program('cat; echo error >&2', { stdin: file(join(folder, 'in')), stderr: file(join(folder, 'err')) }),
    ).run();
    t.equal(result.stdout, 'from a file', name);
    t.equal(readFileSync(join(folder, 'err'), 'utf8'), 'error\n', name);
    const big = 'x'.repeat(3_000_000);
    t.equal((await run(ask, program(['cat'], { stdin: big })).run()).stdout.length, big.length, name);
    t.equal(
      (await run(ask, pipe(program('echo one; echo two'), program(['wc', '-l']))).run()).stdout.trim(),
      '2',
      name,
    );
    await t.rejects(
      run(ask, program(['sh', '-c', 'exit 7'])).run(),
      like({ reason: { type: 'exit', exitCode: 7 } }),
      name,
    );
    t.ok(asked >= 5);
  }
});

t.test('one who is asked is asked once for all programs', { skip }, async (t) => {
  const [here] = await places(t, SECRET);
  let asked = 0;
  const both = function* () {
    yield* program(['true']);
    yield* program(['true']);
  };
  const sudo = { password: () => (asked++, SECRET) };
  await here!.run(sudo, within({}, both)).run();
  t.equal(asked, 1);
});

t.test('a password of the environment; where none is needed, none is written', { skip }, async (t) => {
  process.env['VIA_TEST_PASSWORD'] = SECRET;
  for (const { name, run } of await places(t, SECRET)) {
    const ask = { password: { env: 'VIA_TEST_PASSWORD' } };
    t.equal((await run(ask, program(['cat'], { stdin: 'in' })).run()).stdout, 'in', name);
    const missing = run({ password: { env: 'VIA_TEST_NONE' } }, program(['true'])).run();
    const message = /PASSWORD.*\n.*the environment variable VIA_TEST_NONE gave no password/;
    await t.rejects(missing, like({ reason: { type: 'spawn', code: 'PASSWORD' }, message }));
  }
  for (const { name, run } of await places(t, undefined)) {
    t.equal((await run({ password }, program(['cat'], { stdin: 'in' })).run()).stdout, 'in', name);
    t.equal((await run({}, program(['cat'], { stdin: 'in' })).run()).stdout, 'in', name);
    t.equal((await run({}, program('echo $RIG_SUDO; cat')).run()).stdout, 'root', name);
  }
});

t.test('a wrong one is an error after one try, and not shown', { skip }, async (t) => {
  for (const { name, run } of await places(t, SECRET)) {
    const events: Event[] = [];
    for (const stdin of [undefined, 'line\nline\nline\n']) {
      const body = program(['cat'], stdin === undefined ? {} : { stdin });
      const error = await run({ password: () => 'swordfish' }, body)
        .run({ onEvent: (event) => events.push(event) })
        .then(
          () => undefined,
          (error: Error) => error,
        );
      t.match(error, { reason: { type: 'spawn', code: 'PASSWORD' } }, name);
      t.match(error?.message, /the password was refused: .*1 incorrect password attempt/s, name);
      t.notOk((JSON.stringify(events) + error?.message).includes('swordfish'));
    }
    await t.rejects(
      run({}, program(['true'])).run(),
      like({ reason: { type: 'exit', exitCode: 1 }, stderr: 'sudo: a password is required' }),
      name,
    );
  }
});

t.test('a password is in no argv, event or dry run', { skip }, async (t) => {
  for (const { name, run } of await places(t, SECRET)) {
    const events: Event[] = [];
    const onEvent = (event: Event): void => void events.push(event);
    const look = 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n"';
    const { stdout } = await run({ password }, program(['sh', '-c', look])).run({ onEvent });
    t.notOk(stdout.includes(SECRET.trim()), name);
    t.ok(stdout.includes('/proc'), 'it has seen itself');
    let asked = false;
    await run({ password: () => ((asked = true), SECRET) }, program(['true'])).run({ onEvent, dryRun: true });
    t.notOk(asked);
    t.notOk(JSON.stringify(events).includes('s3cret'));
    t.match(events[0], { type: 'start' });
  }
});

t.test('killed, all of it is ended by the lifeline', { skip }, async (t) => {
  for (const { name, run, folder } of await places(t, SECRET)) {
    const pids = join(folder, `${name}.pids`);
    const script = `trap '' TERM; sleep 1000 & setsid -f sleep 0.01; echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; echo up; wait; sleep 1000`;
    const clock = fakeClock();
    const body = function* () {
      const sleeping = yield* spawn(program(['sh', '-c', script]));
      yield* sleeping.next();
      sleeping.kill('SIGKILL');
      yield* sleeping.join();
    };
    await t.rejects(run({ password }, within({}, body)).run({ clock }), like({ reason: { type: 'killed' } }), name);
    const both = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    await until(`${name}: they have gone`, () => !both.some(isAlive));
    t.equal(both.length, 2);
  }
});

t.test('killed while the password is waited for', { skip }, async (t) => {
  for (const { name, run } of await places(t, SECRET)) {
    let asked!: () => void;
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const never = { password: () => (asked(), new Promise<string>(() => {})) };
    const loop = runCommandGens([run(never, program(['true']))]);
    await asking;
    loop.kill('test');
    await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }), name);
  }
});

t.test('what is wrong', async (t) => {
  t.throws(() => via.sudo({ password: 'secret' } as never), /password is a function .* not the password itself/);
  t.throws(() => via.sudo({ password: { env: '' } }), /password is a function that gives it/);
  t.throws(() => via.sudo({ user: '-u' }), /via.sudo: user is a name/);
  t.throws(() => via.sudo({ usr: 'me' } as never), /unknown option usr/);
  t.throws(() => via.docker(''), /via.docker: the container/);
  t.throws(() => via.docker('c', { user: '-x' }), /via.docker: user/);
  t.throws(() => via.kubectl('p', { pod: 'x' } as never), /unknown option pod/);
});
