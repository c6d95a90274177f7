// stdin, and what is sent.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { runCommandGens, type RunError } from '../../lib/kernel/index.ts';
import { file, program, type ProgramOptions } from '../../lib/runners/program.ts';
import { contract } from '../../lib/testing/contract.ts';
import { failure, live, pidIn, gone, unhandledOf, until } from './tools.ts';

const MB = 1024 * 1024;
const cat = (stdin: ProgramOptions['stdin'], options: ProgramOptions = {}) => program('cat', { ...options, stdin });
const echoed = async (stdin: ProgramOptions['stdin']): Promise<string> => (await cat(stdin).run()).stdout;

contract(t, 'program that reads a stream', () => ({
  runner: () => cat(Readable.from(['some ', 'text\n'])),
  endless: () => cat(new PassThrough()),
}));

t.test('is at its end by default', async (t) => {
  t.equal((await program('cat').run()).stdout, '');
  t.equal((await program(['sh', '-c', 'read x || echo none']).run()).stdout, 'none');
  t.equal(await echoed('ignore'), '');
});

t.test('a string, bytes, a file, lists and generators of those', async (t) => {
  const folder = t.testdir({ input: 'from a file\n' });
  t.equal(await echoed('a string without an end'), 'a string without an end');
  t.equal(await echoed('ünï🐟\n'), 'ünï🐟');
  t.equal(await echoed(''), '');
  t.equal(await echoed(Buffer.from([0x68, 0x69])), 'hi');
  t.equal(await echoed(new Uint8Array([0x68, 0x69])), 'hi');
  t.equal(await echoed(pathToFileURL(join(folder, 'input'))), 'from a file');
  t.equal(await echoed({ file: join(folder, 'input') }), 'from a file');
  t.equal((await cat(file('input'), { cwd: folder }).run()).stdout, 'from a file', 'relative to its folder');
  t.equal(await echoed(['a', Buffer.from('b'), 'c']), 'abc');
  t.equal(await echoed(new Set(['a', 'b'])), 'ab');
  t.equal(
    await echoed(
      (function* () {
        yield 'x';
        yield 'y';
      })(),
    ),
    'xy',
  );
  t.equal(
    await echoed(
      (async function* () {
        yield 'x';
        await Promise.resolve();
        yield Buffer.from('y');
      })(),
    ),
    'xy',
  );
  t.equal(await echoed(Readable.from(['r', 's'])), 'rs');
  t.equal(await echoed(new Blob(['web']).stream() as never), 'web');
  const empty: string[] = [];
  t.equal(await echoed(empty), '');
});

t.test('the keywords as text are bytes', async (t) => {
  t.equal(await echoed(Buffer.from('pipe')), 'pipe');
});

t.test('50 MB go through whole', async (t) => {
  const block = Buffer.alloc(MB, 'y');
  const { stdout } = await program(['wc', '-c'], { stdin: Array.from({ length: 50 }, () => block) }).run();
  t.equal(Number(stdout), 50 * MB);
});

t.test('an endless source waits for a program that reads slowly', async (t) => {
  let given = 0;
  const source = function* () {
    for (;;) yield ((given += 65536), Buffer.alloc(65536));
  };
  await program(['sh', '-c', 'head -c 10 >/dev/null; exit 0'], { stdin: source() }).run();
  t.ok(given < 20 * MB, `${given} bytes were taken`);
});

t.test('a program that does not read is no failure', async (t) => {
  const unhandled = await unhandledOf(async () => {
    for (const stdin of ['x'.repeat(5 * MB), Buffer.alloc(5 * MB), Readable.from([Buffer.alloc(5 * MB)])]) {
      t.match(await program('true', { stdin }).run(), { exitCode: 0 });
      t.match(await failure(program('exit 3', { stdin: 'x'.repeat(MB) }).run()), { reason: { exitCode: 3 } });
    }
  });
  t.same(unhandled, []);
});

t.test('one that closes its stdin and runs on is none either; its source is let go', async (t) => {
  let returned = false;
  const source = async function* () {
    try {
      for (;;) {
        yield 'x'.repeat(100_000);
        await new Promise(setImmediate);
      }
    } finally {
      returned = true;
    }
  };
  const { ended, run } = await live(program(['sh', '-c', 'exec <&-; sleep 1000'], { stdin: source() }));
  await until(() => returned);
  t.equal(run.state.type, 'running');
  run.kill('SIGKILL');
  t.match(await ended, { type: 'killed' });
});

t.test('a generator is returned when the program ends before it', async (t) => {
  let returned = false;
  const source = function* () {
    try {
      for (;;) yield 'y\n';
    } finally {
      returned = true;
    }
  };
  const { stdout } = await program('head -n 2', { stdin: source() }).run();
  t.equal(stdout, 'y\ny');
  t.ok(returned);
});

t.test('a source that throws midway kills the program and is the cause', async (t) => {
  const cause = new Error('no more');
  let say!: (line: string) => void;
  const said = new Promise<string>((resolve) => (say = resolve));
  const source = async function* () {
    await said;
    yield 'some\n';
    throw cause;
  };
  const script = 'echo $$; cat >/dev/null; sleep 1000';
  const error: RunError = await failure(program(['sh', '-c', script], { stdin: source(), stdout: say }).run());
  t.same(error.reason, { type: 'stream', stream: 'stdin' });
  t.equal(error.cause, cause);
  t.match(error.message, /stdin failed \(the source of its stdin failed\)\ncause: no more/);
  t.ok(await gone(pidIn(await said)));
});

t.test('so do a stream that fails, one that is destroyed, and what gives no text', async (t) => {
  const cause = new Error('broken');
  const broken = new Readable({
    read() {
      this.destroy(cause);
    },
  });
  t.equal((await failure(cat(broken).run())).cause, cause);
  const destroyed = new PassThrough();
  destroyed.destroy();
  t.match(await failure(cat(destroyed).run()), { reason: { type: 'stream', stream: 'stdin' } });
  t.match(await failure(cat([1] as never).run()), { cause: { message: /made of strings and bytes.*the number 1/ } });
});

t.test('a URL of a file that is missing: nothing is started', async (t) => {
  const error = await failure(cat(pathToFileURL('/no/such/file')).run());
  t.same(error.reason, { type: 'file', path: '/no/such/file' });
});

t.test('a source that runs once makes a runner that runs once', async (t) => {
  const runner = cat(Readable.from(['x']));
  t.match(runner.traits.once, /its input: a stream can be read only once/);
  t.throws(() => runner.with(retry(3)), { name: 'TypeError', message: /retry: its input/ });
  await runner.run();
  t.match(await failure(runner.run()), { name: 'TypeError', message: /stdin was read before/ });
  t.equal(cat(['x']).traits.once, undefined);
  t.match(cat([].values()).traits.once, /an iterator can be read only once/);
  const shared = Readable.from(['x']);
  await cat(shared).run();
  t.match(await failure(cat(shared).run()), { name: 'TypeError' }, 'also when two runners have the same');
});

t.test('a stream is let go where its program is killed before it begins', async (t) => {
  const source = new PassThrough();
  const loop = runCommandGens([cat(source)]);
  loop.kill();
  await failure(loop);
  t.ok(source.destroyed);
});

t.test('a stream that has come far already', async (t) => {
  const ended = Readable.from([]);
  for await (const _ of ended);
  t.equal(await echoed(ended), '');
  const half = new PassThrough();
  half.end('first second');
  half.read(6);
  t.equal(await echoed(half), 'second');
});

t.test('send: a line a time, in order, until end', async (t) => {
  const { run, line, ended } = await live(program('cat', { stdin: 'pipe' }));
  run.send('one');
  t.equal(await line('one'), 'one');
  run.send('two\n');
  run.send(Buffer.from('th'));
  run.send(Buffer.from('ree'));
  run.end();
  t.match(await ended, { value: { stdout: 'one\ntwo\nthree' } });
});

t.test('what is sent before the start waits for it', async (t) => {
  const results = await runCommandGens([
    function* () {
      const run = yield* spawn(program('cat', { stdin: 'pipe' }));
      run.send('early');
      run.end();
      return (yield* run.join()).stdout;
    },
  ]);
  t.same(results, ['early']);
});

t.test('what is sent to one that has ended is nothing', async (t) => {
  const { run, ended } = await live(program(['sh', '-c', 'exec <&-; echo closed'], { stdin: 'pipe' }));
  run.send('x'.repeat(MB));
  await ended;
  run.send('late');
  run.end();
  t.match(await ended, { type: 'finished' });
});

t.test('what is sent after end() is a failure; ending twice is none', async (t) => {
  const twice = await live(program('cat', { stdin: 'pipe' }));
  twice.run.end();
  twice.run.end();
  t.match(await twice.ended, { type: 'finished' });
  const late = await live(program('cat', { stdin: 'pipe' }));
  late.run.end();
  late.run.send('lost');
  t.match(await late.ended, {
    type: 'failed',
    error: { reason: { type: 'closed' }, message: /send\(\) after end\(\)/ },
  });
});

t.test('sending needs stdin: pipe, and text', async (t) => {
  const { run, ended } = await live(program('sleep 1000'));
  run.send('x');
  t.match(await ended, { type: 'failed', error: { message: /send\(\) needs the option stdin: 'pipe'/ } });
  const typed = await live(program('cat', { stdin: 'pipe' }));
  typed.run.send(7);
  t.match(await typed.ended, {
    type: 'failed',
    error: { message: /takes strings \(lines\) and bytes, got the number 7/ },
  });
});

t.test('L5: what is sent to one that does not read has a limit', async (t) => {
  const { run, ended } = await live(program('exec sleep 1000', { stdin: 'pipe', grace: 100 }));
  const piece = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 66; i++) run.send(piece);
  t.match(await ended, {
    type: 'failed',
    error: {
      reason: { type: 'overflow', stream: 'input', limit: 64 * 1024 * 1024 },
      message: /does not read what is sent: more than 67108864 bytes wait/,
    },
  });
});

t.test("Node's own stdin is nobody's who does not ask for it", async (t) => {
  const lib = new URL('../../lib/', import.meta.url);
  const script = `
    import { program } from '${new URL('runners/program.ts', lib)}';
    import '${new URL('../test/support.ts', lib)}';
    const { stdout } = await program('cat').run();
    process.stdout.write('[' + stdout + ']');
    process.stdin.pipe(process.stdout);`;
  const loader = new URL('../dist/lib/cli/load/register.js', lib).href;
  const argv: [string, ...string[]] = [process.execPath, '--import', loader, '--input-type=module', '-e', script];
  t.match(await program(argv, { stdin: 'for the host' }).run(), { stdout: '[]for the host' });
});

t.test(`stdin: 'inherit' without a terminal is Node's own`, async (t) => {
  const folder = t.testdir({ input: 'for the child\n' });
  const script = join(folder, 'host.ts');
  const lib = new URL('../../lib/', import.meta.url);
  writeFileSync(
    script,
    `import { program } from '${new URL('runners/program.ts', lib)}';
     import '${new URL('../test/support.ts', lib)}';
     const { stdout } = await program('cat', { stdin: 'inherit' }).run();
     console.log('got', stdout);`,
  );
  const loader = new URL('../dist/lib/cli/load/register.js', lib).href;
  const host = program([process.execPath, '--import', loader, script], { stdin: file(join(folder, 'input')) });
  t.equal((await host.run()).stdout, 'got for the child');
  t.equal(readFileSync(join(folder, 'input'), 'utf8'), 'for the child\n');
});
