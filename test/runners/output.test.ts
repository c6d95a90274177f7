// Lines, and what is captured of them.
import { Transform } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';
import split2 from 'split2';
import t from 'tap';
import type { RunError } from '../../lib/kernel/index.ts';
import { program, type ProgramOptions } from '../../lib/runners/program.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, gone, hear, live, pidIn, until } from './tools.ts';

const MB = 1024 * 1024;
const sh = (script: string, options: ProgramOptions = {}) => program(['sh', '-c', script], options);
const node = (script: string, options: ProgramOptions = {}) => program([process.execPath, '-e', script], options);
/** Writes the pieces one by one, each when the one before has been taken. */
const pieces = (...list: (string | Buffer)[]): string =>
  `const list = ${JSON.stringify(list.map((piece) => Buffer.from(piece as string).toString('base64')))};
   (function next() {
     if (list.length > 0) process.stdout.write(Buffer.from(list.shift(), 'base64'), () => setTimeout(next, 2));
   })()`;
const linesOf = async (script: string, options: ProgramOptions = {}): Promise<string[]> =>
  (await hear(node(script, options))).lines();

t.test('a last line without a newline, empty lines, and no line', async (t) => {
  t.same(await linesOf(`process.stdout.write('a\\n\\nb')`), ['a', '', 'b']);
  t.same(await linesOf(`process.stdout.write('\\n')`), ['']);
  t.same(await linesOf(``), []);
});

t.test('CRLF and characters that are split over chunks', async (t) => {
  const fish = Buffer.from('🐟');
  const cut = [fish.subarray(0, 1), fish.subarray(1, 3), fish.subarray(3)];
  t.same(await linesOf(pieces('a\r', '\nb', '\r\n', ...cut, '\n', '\ufeffx\u2028y\rz')), [
    'a',
    'b',
    '🐟',
    '\ufeffx\u2028y\rz',
  ]);
  t.equal((await node(pieces(...cut)).run()).stdout, '🐟');
});

t.test('invalid bytes are replaced, or whole by encoding', async (t) => {
  const script = `process.stdout.write(Buffer.from([0x66, 0xff, 0x00, 0xe9, 0x0a]))`;
  t.equal((await node(script).run()).stdout, 'f\ufffd\0\ufffd');
  t.equal((await node(script, { encoding: 'latin1' }).run()).stdout, 'f\xff\0\xe9');
  t.same((await node(script, { encoding: 'buffer' } as never).run()).stdout, Buffer.from([0x66, 0xff, 0, 0xe9, 0x0a]));
  t.same((await hear(node(script, { encoding: 'buffer' }))).lines(), ['f\xff\0\xe9']);
});

t.test('a line of 10 MB', async (t) => {
  const lines = await linesOf(`process.stdout.write('x'.repeat(10 * 1024 * 1024) + '\\nshort\\n')`);
  t.same(
    lines.map((line) => line.length),
    [10 * MB, 5],
  );
});

t.test('a line that is too long kills the program and fails it', async (t) => {
  const script = `echo $$ >&2; echo short; head -c 2000 /dev/zero | tr '\\0' x; sleep 1000`;
  const heard = await hear(sh(script, { maxLine: 1000 }));
  const { error } = heard.outcome as unknown as { error: RunError };
  t.same(error.reason, { type: 'overflow', stream: 'stdout', limit: 1000 });
  t.match(error.message, /wrote a line longer than 1000 bytes to stdout/);
  t.same(heard.lines(), ['short']);
  t.ok(await gone(pidIn(heard.lines('stderr')[0]!)));
});

t.test('so does one that is too long at the very end', async (t) => {
  const error = await failure(sh('printf %0100d 1 >&2', { maxLine: 99 }).run());
  t.same(error.reason, { type: 'overflow', stream: 'stderr', limit: 99 });
  await sh('printf %0100d 1', { maxLine: 100 }).run();
});

t.test('an endless line is no endless allocation', async (t) => {
  const error = await failure(program('cat /dev/zero', { maxLine: '1MiB', capture: false }).run());
  t.equal(error.reason.type, 'overflow');
});

t.test('who captures more than a line may be long gets that much', async (t) => {
  const { stdout } = await node(`process.stdout.write(Buffer.alloc(20 * 1024 * 1024, 120))`, {
    capture: '20MiB',
  }).run();
  t.equal(stdout.length, 20 * MB);
});

t.test('a partial line is told to whoever asks, and comes whole later', async (t) => {
  const clock = fakeClock();
  const { run, record, ended } = await live(
    sh('printf "Password: "; read x; echo "$x!"', { stdin: 'pipe', partial: '200ms' }),
    { clock },
  );
  await until(() => clock.pending > 0);
  await clock.advance('200ms');
  const partial = record.events.find((event) => event.type === 'line');
  t.match(partial, { stream: 'stdout', line: 'Password: ', partial: true });
  run.send('secret');
  t.match(await ended, { value: { stdout: 'Password: secret!' } });
  const lines = record.events.filter((event) => event.type === 'line' && event.partial !== true);
  t.match(lines, [{ line: 'Password: secret!' }]);
});

t.test('nobody asked: no partial lines', async (t) => {
  const { run, record, ended } = await live(sh('printf half; read x', { stdin: 'pipe', unchecked: true }));
  run.end();
  await ended;
  t.same(
    record.events
      .filter((event) => event.type === 'line')
      .map((event) => ('partial' in event ? 'partial' : event.line)),
    ['half'],
  );
});

t.test('functions are called with each line of their stream', async (t) => {
  const out: string[] = [];
  const err: string[] = [];
  const result = await sh('echo a; echo b >&2; printf c', {
    stdout: (line) => out.push(line),
    stderr: (line) => err.push(line),
  }).run();
  t.same([out, err], [['a', 'c'], ['b']]);
  t.match(result, { stdout: '', stderr: '' });
});

t.test('one that throws fails its run only, and kills the program', async (t) => {
  const cause = new Error('mine');
  const runner = sh('echo $$; sleep 1000', {
    stdout: () => {
      throw cause;
    },
  });
  const [error, other] = await Promise.all([failure(runner.run()), program('echo other').run()]);
  t.match(error.reason, { type: 'callback', name: /stdout/ });
  t.equal(error.cause, cause);
  t.equal(other.stdout, 'other');
});

t.test('split: other separators', async (t) => {
  const { lines } = await hear(sh(`printf 'a\\0b\\nc\\0'`, { split: () => split2(/\0/) }));
  t.same(lines(), ['a', 'b\nc']);
  const found: string[] = [];
  await sh(`printf 'x\\0y'`, { split: () => split2(/\0/), stdout: (line) => found.push(line) }).run();
  t.same(found, ['x', 'y']);
});

t.test('split: a mapper gives items', async (t) => {
  const got: unknown[] = [];
  const runner = sh(`echo '{"a":1}'; echo '[2]'`, {
    split: () => split2(JSON.parse),
    stdout: (item) => got.push(item),
  });
  const { items, outcome } = await hear(runner);
  t.same(items, [{ a: 1 }, [2]]);
  t.same(got, [{ a: 1 }, [2]]);
  t.equal(outcome.type, 'finished');
});

t.test('split: what it can not parse fails the program', async (t) => {
  const heard = await hear(
    sh(`echo $$ >&2; echo '{"a":1}'; echo '{'; sleep 1000`, { split: () => split2(JSON.parse) }),
  );
  const { error } = heard.outcome as unknown as { error: RunError };
  t.match(error.reason, { type: 'stream', stream: 'stdout' });
  t.match(error.message, /stdout failed \(its split failed\)\ncause: .*JSON/);
  t.same(heard.items, [{ a: 1 }]);
  t.ok(await gone(pidIn(heard.lines('stderr')[0]!)));
});

t.test('split: any Transform, also one that ends late', async (t) => {
  const late = () =>
    new Transform({
      objectMode: true,
      transform(chunk, _encoding, done) {
        setImmediate(done, null, String(chunk).toUpperCase());
      },
      flush(done) {
        setTimeout(() => done(null, 'LAST'), 300); // longer than any silence is waited for
      },
    });
  const { lines, notes } = await hear(sh('printf abc', { split: late }));
  t.same([lines(), notes], [['ABC', 'LAST'], []]);
  const zipped = gzipSync('some text');
  const unzipped = await hear(program('cat', { stdin: zipped, split: () => createGunzip() }));
  t.equal(String(unzipped.items[0]), 'some text');
});

t.test('split: one that never ends can be killed', async (t) => {
  const stuck = () => new Transform({ transform() {} });
  const { run, ended } = await live(sh('echo x', { split: stuck }));
  await until(() => run.detail.includes('its output is being taken'));
  run.kill();
  t.match(await ended, { type: 'killed' });
});

t.test('split: one that ends early lets the program go on, with a note', async (t) => {
  const first = () =>
    new Transform({
      objectMode: true,
      transform(chunk, _encoding, done) {
        this.push(String(chunk).split('\n')[0]);
        this.push(null);
        done();
      },
    });
  const script = `echo first; read x; echo second; head -c 1000000 /dev/zero; echo done >&2`;
  const { run, line, record, ended } = await live(sh(script, { split: first, stdin: 'pipe' }));
  await line('first');
  run.send('go');
  t.match(await ended, { type: 'finished', value: { stderr: 'done' } });
  t.same(
    record.events.flatMap((event) => (event.type === 'note' ? [event.text] : [])),
    ['the split ended before the output did; what came later was dropped'],
  );
});

t.test('split: a Transform object serves one run', async (t) => {
  const runner = sh('echo x', { split: split2() });
  t.match(runner.traits.once, /a Transform can be used only once/);
  await runner.run();
  t.match(await failure(runner.run()), { name: 'TypeError', message: /was used before/ });
  t.match(await failure(sh('echo x', { split: 7 as never }).run()), { name: 'TypeError' });
});

t.test('capture keeps the tail and says how much is missing', async (t) => {
  const script = `process.stdout.write('x'.repeat(1000000) + 'end\\n')`;
  const { stdout, truncated } = await node(script, { capture: 100 }).run();
  t.equal(stdout, 'x'.repeat(96) + 'end');
  t.equal(truncated, 1_000_004 - 100);
  t.match(await node(script, { capture: '1MiB' }).run(), { truncated: 0 });
  t.match(await node(script, { capture: false }).run(), { stdout: '', truncated: 0 });
  t.match(await node(script, { capture: 0 }).run(), { stdout: '', truncated: 0 });
  const error: RunError = await failure(node(`${script}; process.exitCode = 1`, { capture: false }).run());
  t.match(error.message, /xend$/, 'messages have it all the same');
});

t.test('16 MiB are kept of more', async (t) => {
  const { stdout, truncated } = await sh('yes | head -c 20000000').run();
  t.equal(truncated, 20_000_000 - 16 * MB);
  t.equal(stdout.length, 16 * MB - 1);
});

t.test('the final newline goes, unless it shall stay', async (t) => {
  t.equal((await sh('printf "a\\n\\n"').run()).stdout, 'a\n');
  t.equal((await sh('printf "a\\r\\n"').run()).stdout, 'a');
  t.equal((await sh('printf "a\\n"', { stripFinalNewline: false }).run()).stdout, 'a\n');
});

t.test('what is read by for await is not captured', async (t) => {
  const results: unknown[] = [];
  const iterator = sh('echo x')[Symbol.asyncIterator]();
  for (let step = await iterator.next(); ; step = await iterator.next()) {
    if (step.done !== true) continue;
    results.push(step.value);
    break;
  }
  t.match(results, [{ stdout: '' }]);
});

t.test('megabytes on stderr do not hold up stdout', async (t) => {
  const script = 'head -c 8000000 /dev/zero >&2; echo done';
  t.match(await sh(script, { stdout: () => {} }).run(), { exitCode: 0 });
  const lines: string[] = [];
  for await (const event of sh(script)) if (event.type === 'line' && event.stream === 'stdout') lines.push(event.line);
  t.same(lines, ['done']);
});
