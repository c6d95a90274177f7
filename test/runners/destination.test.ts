// Where output goes.
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { file, program, type ProgramOptions } from '../../lib/runners/program.ts';
import { failure, hear, live, until } from './tools.ts';

const MB = 1024 * 1024;
const sh = (script: string, options: ProgramOptions = {}) => program(['sh', '-c', script], options);
t.test('files, written anew or appended to', async (t) => {
  const folder = t.testdir({ log: 'before\n' });
  const result = await sh('echo out; echo err >&2', {
    stdout: file('out', {}),
    stderr: file('log', { append: true }),
    cwd: folder,
  }).run();
  t.match(result, { stdout: '', stderr: '' });
  t.equal(readFileSync(join(folder, 'out'), 'utf8'), 'out\n');
  t.equal(readFileSync(join(folder, 'log'), 'utf8'), 'before\nerr\n');
  await sh('echo url', { stdout: pathToFileURL(join(folder, 'out')) }).run();
  t.equal(readFileSync(join(folder, 'out'), 'utf8'), 'url\n');
  const both = file(join(folder, 'both'));
  await sh('echo 1; echo 2 >&2; echo 3', { stdout: both, stderr: both }).run();
  t.equal(readFileSync(both.file, 'utf8'), '1\n2\n3\n');
  const error = await failure(sh('true', { stdout: file(join(folder, 'no/such')) }).run());
  t.same(error.reason, { type: 'file', path: join(folder, 'no/such') });
});

t.test('ignore', async (t) => {
  const { outcome, lines } = await hear(sh('echo x; echo y >&2', { stdout: 'ignore' }));
  t.same(lines(), []);
  t.match(outcome, { value: { stdout: '', stderr: 'y' } });
});

t.test('a Writable gets the bytes, all of them before the end, and stays open', async (t) => {
  const folder = t.testdir();
  const log = createWriteStream(join(folder, 'log'));
  const { lines } = await hear(
    all([sh('head -c 3000000 /dev/zero; echo', { stdout: log }), sh('echo b', { stdout: log })]),
  );
  t.equal(readFileSync(join(folder, 'log')).length, 3_000_003);
  t.same(lines(), [], 'bytes, no lines');
  t.notOk(log.writableEnded);
  log.end();
  await once(log, 'close');
});

t.test('a slow Writable makes the program wait', async (t) => {
  let held: (() => void) | undefined;
  let taken = 0;
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      taken += chunk.length;
      held = done;
    },
  });
  const { run, ended } = await live(program('cat /dev/zero', { stdout: slow }));
  await until(() => held !== undefined && run.detail.includes('not read now'));
  const before = taken;
  const { rss } = process.memoryUsage();
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  t.equal(taken, before);
  t.ok(process.memoryUsage().rss - rss < 20 * MB);
  run.kill();
  t.match(await ended, { type: 'killed' }, 'a kill does not wait for it');
});

t.test('one that takes its time at the end is waited for', async (t) => {
  const taken: string[] = [];
  const slow = new Writable({
    write(chunk, _encoding, done) {
      setTimeout(() => {
        taken.push(String(chunk));
        done();
      }, 300); // longer than any silence is waited for
    },
  });
  const { notes } = await hear(sh('printf x', { stdout: slow }));
  t.same([taken, notes], [['x'], []]);
});

t.test('a Writable that fails, or is closed, or was, fails and kills the program', async (t) => {
  const cause = new Error('disk full');
  const failing = new Writable({ write: (_chunk, _encoding, done) => done(cause) });
  const endless = { stdout: failing };
  const error = await failure(sh('while :; do echo x; sleep 0.01; done', endless).run());
  t.same(error.reason, { type: 'stream', stream: 'stdout' });
  t.equal(error.cause, cause);
  const closing = new PassThrough().resume();
  const { run, ended, line } = await live(sh('echo ready >&2; sleep 1000', { stdout: closing }));
  await line('ready');
  closing.destroy();
  t.match(await ended, { type: 'failed', error: { message: /stdout failed \(its destination was closed\)/ } });
  t.equal(run.state.type, 'failed');
  const folder = t.testdir();
  t.match(await failure(sh('touch ran', { stdout: closing, cwd: folder }).run()), { reason: { type: 'stream' } });
  t.throws(() => readFileSync(join(folder, 'ran')), { code: 'ENOENT' }, 'and is not even started');
});

t.test('one that is ended meanwhile fails it too', async (t) => {
  const ending = new PassThrough({ autoDestroy: false }).resume();
  const { run, ended, line } = await live(sh('echo ready >&2; read x; echo x', { stdout: ending, stdin: 'pipe' }));
  await line('ready');
  ending.end();
  run.send('go');
  t.match(await ended, { type: 'failed', error: { reason: { type: 'stream', stream: 'stdout' } } });
});

t.test('many programs with one Writable raise no warnings', async (t) => {
  const warnings: unknown[] = [];
  const warn = (warning: unknown): void => void warnings.push(warning);
  process.on('warning', warn);
  const shared = new PassThrough();
  let text = '';
  shared.on('data', (chunk) => (text += String(chunk)));
  const before = shared.listenerCount('error');
  await all(Array.from({ length: 30 }, () => sh('echo x', { stdout: shared, stderr: shared }))).run();
  await new Promise(setImmediate);
  process.off('warning', warn);
  t.same(warnings, []);
  t.equal(text, 'x\n'.repeat(30));
  t.equal(shared.listenerCount('error'), before);
});

t.test('a Writable of an old kind will do', async (t) => {
  const chunks: string[] = [];
  const old = Object.assign(new EventEmitter(), {
    writable: true,
    write: (chunk: Buffer) => chunks.push(String(chunk)) > 0,
    end() {},
  });
  await sh('echo x', { stdout: old as never }).run();
  t.same(chunks, ['x\n']);
});

t.test(`'inherit' is Node's own`, async (t) => {
  const script = join(t.testdir(), 'host.ts');
  const lib = new URL('../../lib/', import.meta.url);
  writeFileSync(
    script,
    `import { program } from '${new URL('runners/program.ts', lib)}';
     import '${new URL('../test/support.ts', lib)}';
     await program(['sh', '-c', 'echo out; echo err >&2'], { stdout: 'inherit', stderr: 'inherit' }).run();`,
  );
  const loader = new URL('../dist/lib/cli/load/register.js', lib).href;
  t.match(await program([process.execPath, '--import', loader, script]).run(), { stdout: 'out', stderr: 'err' });
});
