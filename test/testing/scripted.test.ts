import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  all,
  file,
  pipe,
  program,
  retry,
  runCommandGens,
  sh,
  spawn,
  unchecked,
  within,
  type Runner,
} from '../../lib/index.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { contract } from '../../lib/testing/contract.ts';
import { scripted } from '../../lib/testing/scripted.ts';
import { failure, rounds, until } from '../kernel/tools.ts';

const run = <T>(runner: Runner<T>, spawner: ReturnType<typeof scripted>): Promise<T> => runner.run({ spawner });

contract(t, 'a scripted program', () => ({
  runner: () => program(['say', 'hello']),
  endless: () => program(['serve']),
  failing: () => program(['fail']),
  options: {
    spawner: scripted([
      { command: ['say', 'hello'], stdout: ['hello', 'world'], stderr: ['!'], times: Infinity },
      { command: ['serve'], endless: true, times: Infinity },
      { command: ['fail'], exitCode: 3, times: Infinity },
    ]),
  },
  check: ({ stdout, stderr, exitCode }) =>
    t.same({ stdout, stderr, exitCode }, { stdout: 'hello\nworld', stderr: '!', exitCode: 0 }),
}));

t.test('a script is tested without running anything', async (t) => {
  const release = function* (): Generator<any, string, any> {
    const { stdout } = yield* program(['git', 'status', '--porcelain']);
    if (stdout !== '') yield* program('git commit -am wip && git push');
    const [a, b] = yield* all([sh`grep -c ${'a b'} file`, program(['wc'], { stdin: 'some\ntext\n' })]);
    return `${a!.stdout} ${b!.stdout}`;
  };
  const spawner = scripted([
    { command: ['git', 'status', /^--p/], stdout: 'M x\n' },
    { command: 'git commit -am wip && git push', stderr: ['pushed'] },
    { command: /^grep .*file$/, stdout: ['3'] },
    { command: ({ argv }) => argv[0] === 'wc', stdout: ({ stdin }) => `${stdin.split('\n').length}` },
  ]);
  t.same(await runCommandGens([release()], { spawner }), ['3 3']);
  spawner.done();
  t.equal(spawner.calls.length, 4);
  t.match(spawner.calls[3], { text: 'wc', argv: ['wc'], stdin: 'some\ntext\n', env: {} });
  t.match(spawner.calls[1], { argv: ['/bin/sh', '-c', 'git commit -am wip && git push'] });
});

t.test('ends', async (t) => {
  const ends = (how: object) => scripted([{ command: 'x', ...how }]);
  t.match(await failure(run(program('x'), ends({ exitCode: 7, stderr: ['why'] }))), {
    reason: { type: 'exit', exitCode: 7 },
    message: /why/,
  });
  t.match(await failure(run(program('x'), ends({ signal: 'SIGSEGV' }))), {
    reason: { type: 'signal', signal: 'SIGSEGV' },
  });
  t.match(await failure(run(program('x'), ends({ error: 'ENOENT' }))), {
    reason: { type: 'spawn', code: 'ENOENT' },
    message: /x: ENOENT, as scripted/,
  });
  t.match(await failure(run(program('x'), ends({ error: new Error('its own') }))), {
    reason: { type: 'spawn' },
    message: /its own/,
  });
  const bytes = await run(program(['x'], { encoding: 'buffer' }), ends({ stdout: Buffer.from([1, 0, 255]) }));
  t.same(bytes.stdout, Buffer.from([1, 0, 255]));
});

t.test('delay, with a fake clock', async (t) => {
  const clock = fakeClock();
  const spawner = scripted([{ command: 'x', stdout: ['early'], delay: '1h' }], { clock });
  const lines: string[] = [];
  let over = false;
  const done = program('x', { stdout: (line: string) => void lines.push(line) })
    .run({ spawner, clock })
    .finally(() => (over = true));
  await clock.advance('59m');
  t.same(lines, ['early']);
  t.notOk(over);
  await clock.advance('1m');
  t.equal((await done).ms, 3_600_000);
  t.equal(clock.pending, 0);
});

t.test('retries use entries in their order', async (t) => {
  const clock = fakeClock();
  const spawner = scripted([
    { command: ['curl', 'x'], exitCode: 7, times: 2 },
    { command: ['curl', 'x'], stdout: ['got it'] },
  ]);
  const done = program(['curl', 'x']).with(retry(3)).run({ spawner, clock });
  await clock.runAll();
  t.match(await done, { stdout: 'got it' });
  spawner.done();
});

t.test('kills: the signals it got; what it ignores', async (t) => {
  const clock = fakeClock();
  const spawner = scripted([
    { command: 'polite', endless: true },
    { command: 'stubborn', endless: true, ignores: ['SIGTERM'] },
  ]);
  const loop = runCommandGens([program('polite'), program('stubborn', { grace: '2s' })], { spawner, clock });
  const error = failure(loop);
  await until(() => spawner.calls.length === 2);
  await rounds();
  loop.kill('me');
  await clock.advance('1999ms');
  t.equal(loop.list().length, 1);
  await clock.advance('1ms');
  t.match(await error, { reason: { type: 'killed', by: 'me' } });
  t.same(
    spawner.calls.map(({ signals }) => signals),
    [['SIGTERM'], ['SIGTERM', 'SIGKILL']],
  );
});

t.test('stdin: sent lines, a file, one that is not read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'in'), 'from a file');
  const spawner = scripted([
    { command: 'cat', stdout: ({ stdin }) => stdin.toUpperCase(), times: 2 },
    { command: 'true', reads: false },
  ]);
  const [out] = await runCommandGens(
    [
      function* () {
        const cat = yield* spawn(program('cat', { stdin: 'pipe' }));
        cat.send('one');
        cat.send('two');
        cat.end();
        const { stdout } = (yield* cat.join()) as { stdout: string };
        yield* program('cat', { stdin: file(join(folder, 'in')), stdout: file(join(folder, 'out')) });
        yield* program('true', { stdin: 'unread' });
        return stdout;
      },
    ],
    { spawner },
  );
  t.equal(out, 'ONE\nTWO');
  t.equal(readFileSync(join(folder, 'out'), 'utf8'), 'FROM A FILE');
  spawner.done();
});

t.test('a server speaks before it is spoken to, and lives until its stdin ends', async (t) => {
  const spawner = scripted([{ command: 'server', stdout: ['LISTENING'] }]);
  const heard: string[] = [];
  const loop = runCommandGens(
    [
      function* () {
        const server = yield* spawn(program('server', { stdin: 'pipe' }));
        const said = (yield* server.next()) as { line: string } | undefined;
        heard.push(said!.line);
        server.send('hello');
        server.end();
        yield* server.join();
      },
    ],
    { spawner },
  );
  t.teardown(() => loop.kill());
  await rounds();
  t.same(heard, ['LISTENING']);
  await loop;
  t.equal(spawner.calls[0]!.stdin, 'hello\n');
});

t.test('a pipe', async (t) => {
  const spawner = scripted([
    { command: 'producer', stdout: ['b', 'a'] },
    { command: 'sort', stdout: ({ stdin }) => stdin.split('\n').filter(Boolean).toSorted() },
  ]);
  t.match(await run(pipe(program('producer'), program('sort')), spawner), { stdout: 'a\nb' });
});

t.test('cwd and env', async (t) => {
  process.env['SLUICE_OWN'] = 'own';
  t.teardown(() => delete process.env['SLUICE_OWN']);
  const spawner = scripted([{ command: 'x' }]);
  await run(within({ cwd: '/usr', env: { LANG: 'C', SLUICE_OWN: undefined } }, program('x', { cwd: 'lib' })), spawner);
  const [call] = spawner.calls;
  t.equal(call!.cwd, '/usr/lib');
  t.equal(call!.env['SLUICE_OWN'], undefined);
  t.ok('SLUICE_OWN' in call!.env);
  t.equal(call!.env['LANG'], process.env['LANG'] === 'C' ? undefined : 'C');
  t.notOk('PATH' in call!.env);
});

t.test(
  'an unexpected command fails with what was expected; done() tells it too, also when it was swallowed',
  async (t) => {
    const spawner = scripted([
      { command: ['git', 'pull'] },
      { command: /^make/, times: 2 },
      { command: 'never', times: Infinity },
    ]);
    await run(program(['git', 'pull']), spawner);
    const error = await failure(run(program(['git', 'push']).with(unchecked), spawner));
    t.match(error, { reason: { type: 'spawn', code: 'UNEXPECTED' } });
    t.match(error.message, /unexpected command: git push\n/);
    t.match(error.message, / {2}git pull \(used up\)\n {2}\/\^make\/ × 2\n {2}never/);
    t.throws(() => spawner.done(), {
      name: 'AssertionError',
      message: /unexpected: git push\n.*missing: .*\/\^make\/ × 2\n.*missing: .*never$/,
    });
  },
);

t.test('what was meant otherwise is told apart: words, and a command of the shell', async (t) => {
  const message = async (command: readonly string[], started: string) =>
    (await failure(run(program(started), scripted([{ command }])))).message;
  t.match(
    await message(['echo', 'a'], 'echo a'),
    /unexpected command: echo a \(a shell command\)\nexpected:\n {2}echo a$/,
  );
  t.match(await message(['ls', 'a b'], 'ls a b'), /unexpected command: ls a b\nexpected:\n {2}ls 'a b'$/);
});

t.test('what is no entry is a TypeError', async (t) => {
  t.throws(() => scripted([{ command: 5 as never }]), TypeError);
  t.throws(() => scripted([{ command: 'x', delay: 'soon' }]), TypeError);
  t.throws(() => scripted([{ command: 'x', times: -1 }]), TypeError);
  t.throws(() => scripted([{ command: 'x', exitcode: 1 } as never]), /scripted: unknown option exitcode/);
  t.throws(() => scripted([], { clok: 1 } as never), /scripted: unknown option clok/);
});
