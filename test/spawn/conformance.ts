// What every spawner of this machine promises, whatever it starts programs with.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Test } from 'tap';
import type { Command, Exit, Spawner } from '../../lib/kernel/spawner.ts';
import { fixture, run as start, type Program } from './support.ts';

const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script];
const exitOf = (exitCode: number): Exit => ({ type: 'exit', exitCode, signal: undefined });

/** A failure without its error object. */
async function failure(program: { exit: Promise<Exit> }): Promise<string> {
  const exit = await program.exit;
  return exit.type === 'error' ? `${exit.code}: ${exit.error.message}` : JSON.stringify(exit);
}

/** Runs the suite over a spawner. */
export function conformance(t: Test, spawner: Spawner): void {
  const run = (argv: readonly [string, ...string[]], more: Partial<Command> = {}): Program =>
    start(argv, more, spawner);

  t.test('tells the exit code and the signal', async (t) => {
    for (const code of [0, 1, 255])
      t.same(await run([fixture('exits-with'), String(code)]).exit, {
        type: 'exit',
        exitCode: code,
        signal: undefined,
      });
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGHUP'] as const)
      t.same(await run([fixture('dies-by'), signal.slice(3)]).exit, { type: 'exit', exitCode: undefined, signal });
  });

  t.test('calls nothing inside spawn, and each thing once', async (t) => {
    const calls: string[] = [];
    const told = (what: string) => () => calls.push(what);
    const common = {
      cwd: '/',
      env: undefined,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
      session: true,
    } as const;
    await new Promise<void>((resolve) => {
      const child = spawner.spawn({ argv: ['true'], ...common }, told('started'), () =>
        resolve(told('exited')() as never),
      );
      calls.push('spawned');
      t.equal(child.pid, undefined);
      t.equal(child.stdout, undefined);
      t.equal(child.alive(), false);
    });
    t.same(calls, ['spawned', 'started', 'exited']);
  });

  t.test('streams that are not read at once lose nothing', async (t) => {
    const all = 'x'.repeat(300_000);
    const program = node(`process.stdout.write('x'.repeat(300000))`);
    const text: string[] = [];
    let exit: Exit | undefined;
    const child = spawner.spawn(
      { argv: program, cwd: '/', env: undefined, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', session: true },
      () => {
        void t.equal(child.stdin, undefined);
      },
      (told) => {
        exit = told;
      },
    );
    // execa would resume them in setImmediate, Node at the exit; the program can't end before it has been read.
    while (child.stdout === undefined) await new Promise(setImmediate);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    t.equal(child.stdout.readableFlowing, false);
    child.stdout.on('data', (chunk: Buffer) => text.push(String(chunk)));
    t.equal(exit, undefined);
    child.stdout.resume();
    await new Promise<void>((resolve) => child.stdout!.on('end', resolve));
    t.equal(text.join(''), all);
  });

  t.test('a paused stream stays paused when the program ends', async (t) => {
    const text: string[] = [];
    let exited: () => void;
    const exit = new Promise<void>((resolve) => {
      exited = resolve;
    });
    const child = spawner.spawn(
      {
        argv: ['echo', 'hello'],
        cwd: '/',
        env: undefined,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
        session: true,
      },
      () => {
        child.stdout!.on('data', (chunk: Buffer) => text.push(String(chunk)));
        child.stdout!.pause();
      },
      () => exited(),
    );
    await exit;
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    t.same(text, []);
    child.stdout!.resume();
    await new Promise<void>((resolve) => child.stdout!.on('end', resolve));
    t.same(text, ['hello\n']);
  });

  t.test('output after the exit', async (t) => {
    const folder = t.testdir();
    const fifo = join(folder, 'fifo');
    await once(spawn('mkfifo', [fifo]), 'exit');
    const program = run([fixture('leaves-behind'), fifo], { cwd: folder });
    t.same(await program.exit, exitOf(0));
    t.equal(program.child.alive(), true);
    t.not(program.child.members().length, 0);
    writeFileSync(fifo, 'go\n');
    t.equal(await program.closed, 'early\nlate\n');
  });

  t.test('a program that cannot be started says why', async (t) => {
    const folder = t.testdir({ file: '', 'a folder': {} });
    t.equal(await failure(run(['no-such-program'])), 'ENOENT: there is no program no-such-program in PATH');
    t.equal(await failure(run(['./no-such-program'], { cwd: '/usr' })), 'ENOENT: /usr/no-such-program does not exist');
    t.equal(
      await failure(run(['true'], { env: { PATH: '/usr/no-such-folder' } })),
      'ENOENT: there is no program true in PATH',
      'it is the PATH of the program that counts',
    );
    const script = fixture('missing-interpreter');
    const needs = `ENOENT: ${script} needs /no/such/interpreter, which does not exist (see its first line)`;
    t.equal(await failure(run([script])), needs);
    const PATH = fixture('.').slice(0, -1);
    t.equal(await failure(run(['missing-interpreter'], { env: { PATH } })), needs);
    const { mode } = await import('node:fs').then(({ statSync }) => statSync(fixture('not-executable')));
    t.equal(mode & 0o111, 0);
    t.equal(
      await failure(run([fixture('not-executable')])),
      `EACCES: ${fixture('not-executable')} is not executable (chmod +x makes it so)`,
    );
    t.equal(await failure(run([folder])), `EACCES: ${folder} is a folder, no program`);
    t.match(await failure(run([join(folder, 'file', 'program')])), /^ENOTDIR: .* a part of the path is no folder$/);
    t.match(await failure(run(['echo', 'x'.repeat(200_000)])), /^E2BIG: the arguments and the environment are longer/);
    t.match(await failure(run(['echo', 'a\0b'])), /^EINVAL: .* NUL/);
  });

  t.test('a folder that is none is told from a missing program', async (t) => {
    const folder = t.testdir({ file: '' });
    const missing = join(folder, 'missing');
    t.equal(await failure(run(['true'], { cwd: missing })), `CWD: the folder ${missing} does not exist`);
    const file = join(folder, 'file');
    t.equal(await failure(run(['true'], { cwd: file })), `CWD: the folder ${file} is no folder`);
  });

  t.test('a script without #! is run by sh, as by any shell', async (t) => {
    t.equal(await run([fixture('without-shebang'), 'yes']).closed, 'run by a shell: yes\n');
  });

  t.test('the environment is the given one and no more', async (t) => {
    const exact = { env: { ONLY: 'this' }, exactEnv: true };
    t.equal(await run(['/usr/bin/env'], exact).closed, 'ONLY=this\n');
    process.env['SLUICE_TEST'] = 'own';
    t.match(await run(['/usr/bin/env']).closed, /^SLUICE_TEST=own$/m);
    delete process.env['SLUICE_TEST'];
  });

  t.test('a session of its own, or none', async (t) => {
    const field =
      'process.stdout.write(require("fs").readFileSync("/proc/self/stat","latin1").split(") ")[1].split(" ")[3])';
    const own = run(node(field));
    t.equal(await own.closed, String(await own.started));
    const shared = run(node(field), { session: false });
    t.not(await shared.closed, String(await shared.started));
  });

  t.test('files are opened for it, once for both outputs', async (t) => {
    const folder = t.testdir({ input: 'one\ntwo\n', log: 'before\n' });
    const both = { file: join(folder, 'both') };
    const program = run(['sh', '-c', 'cat; echo err >&2; echo out'], {
      stdin: { file: join(folder, 'input') },
      stdout: both,
      stderr: both,
    });
    t.same(await program.exit, exitOf(0));
    t.equal(program.child.stdout, undefined);
    t.equal(readFileSync(both.file, 'utf8'), 'one\ntwo\nerr\nout\n');
    await run(['echo', 'after'], { stdout: { file: join(folder, 'log'), append: true } }).exit;
    t.equal(readFileSync(join(folder, 'log'), 'utf8'), 'before\nafter\n');
    const missing = join(folder, 'missing');
    const exit = await run(['cat'], { stdin: { file: missing }, stdout: both }).exit;
    t.match(exit, { type: 'error', code: 'ENOENT', file: missing });
  });

  t.test('a file that waits for its other end holds up nobody, and can be given up', async (t) => {
    const fifo = join(t.testdir(), 'fifo');
    await once(spawn('mkfifo', [fifo]), 'exit');
    const waits = run(['cat'], { stdin: { file: fifo } });
    t.equal(await run(['echo', 'meanwhile']).closed, 'meanwhile\n');
    waits.child.signal('SIGTERM');
    t.same(await waits.exit, { type: 'exit', exitCode: undefined, signal: 'SIGTERM' });
    writeFileSync(fifo, ''); // lets the thread go
  });

  t.test('stdin: nothing, or a pipe', async (t) => {
    t.equal(await run(['cat']).closed, '');
    const program = run(['cat'], { stdin: 'pipe' });
    await program.started;
    program.child.stdin!.end('typed');
    t.equal(await program.closed, 'typed');
  });

  t.test('no descriptor is left, whatever became of the start', async (t) => {
    const folder = t.testdir({ file: '' });
    await run(['true']).closed;
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const some = await Promise.all(
      Array.from({ length: 20 }, () => [
        run(['echo', 'x']),
        run(['cat'], { stdin: { file: join(folder, 'file') } }),
        run(['no-such-program'], { stdin: 'pipe', stdout: { file: join(folder, 'out') } }),
        run(['true'], { cwd: join(folder, 'missing'), stdin: 'pipe' }),
        run(['echo', 'x'.repeat(200_000)], { stdin: 'pipe' }),
        run([folder]),
        run(['true'], { stdin: { file: join(folder, 'file') }, stdout: { file: join(folder, 'missing', 'out') } }),
      ])
        .flat()
        .map(({ closed }) => closed),
    );
    t.equal(some.length, 140);
    for (let i = 0; i < 3; i++) await new Promise(setImmediate);
    t.equal(descriptors(), before);
  });
}
