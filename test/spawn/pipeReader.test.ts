import { execFileSync, type StdioOptions } from 'node:child_process';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { load, openPipe } from '../../lib/spawn/libc.ts';
import { PipeReader } from '../../lib/spawn/pipeReader.ts';
import { run, until } from './support.ts';

load();

/** A pipe, its reader and what that has told. */
function pipe(): { fd: number; reader: PipeReader; told: string[]; text(): string } {
  const [from, fd] = openPipe();
  const reader = new PipeReader(from);
  const told: string[] = [];
  let text = '';
  for (const event of ['end', 'error', 'close']) reader.on(event, () => told.push(event));
  const listen = reader.on.bind(reader);
  reader.on = (event, listener) =>
    listen(event, event === 'data' ? (chunk: Buffer) => ((text += String(chunk)), listener(chunk)) : listener);
  return { fd, reader, told, text: () => text };
}

const ignore = (): void => {};

t.test('it flows from the first listener on, and ends', async (t) => {
  const { fd, reader, told, text } = pipe();
  t.equal(reader.readableFlowing, null);
  writeSync(fd, 'before');
  reader.on('data', ignore);
  t.equal(reader.readableFlowing, true);
  t.equal(text(), '', 'nothing inside the call');
  await until(() => text() === 'before');
  writeSync(fd, ' and after');
  await until(() => text() === 'before and after');
  t.same(told, []);
  closeSync(fd);
  await until(() => told.length === 2);
  t.same(told, ['end', 'close']);
  reader.destroy();
  await new Promise(setImmediate);
  t.same(told, ['end', 'close'], 'once');
});

t.test('paused before it has a listener it stays so', async (t) => {
  const { fd, reader, text, told } = pipe();
  reader.pause();
  reader.on('data', ignore);
  writeSync(fd, 'x');
  closeSync(fd);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  t.equal(text(), '');
  reader.resume();
  await until(() => told.includes('close'));
  t.equal(text(), 'x');
});

t.test('paused by its listener: the end, which came with the data, is told later', async (t) => {
  const { fd, reader, text, told } = pipe();
  writeSync(fd, 'x');
  closeSync(fd);
  reader.on('data', () => reader.pause());
  await until(() => text() === 'x');
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  t.same(told, []);
  reader.resume();
  await until(() => told.length === 2);
  t.same(told, ['end', 'close']);
});

t.test('destroyed it reads no more, and whoever writes is told', async (t) => {
  const { fd, reader, text, told } = pipe();
  reader.on('data', () => reader.destroy());
  writeSync(fd, 'x'.repeat(60_000));
  await until(() => told.length > 0);
  t.same(told, ['close']);
  t.equal(text().length, 60_000);
  t.throws(() => writeSync(fd, 'y'), { code: 'EPIPE' });
  closeSync(fd);
  const before = readdirSync('/proc/self/fd').length;
  const other = pipe();
  other.reader.destroy();
  closeSync(other.fd);
  t.equal(readdirSync('/proc/self/fd').length, before, 'nothing is left open of one that never flowed');
});

t.test('an error is told, and then it is closed', async (t) => {
  // A folder can't be read; nor can epoll tell of one.
  const reader = new PipeReader(openSync('/', 'r'));
  const told: string[] = [];
  for (const event of ['end', 'close']) reader.on(event, () => told.push(event));
  reader.on('error', (error: NodeJS.ErrnoException) => told.push(error.code!));
  reader.on('data', ignore);
  t.same(told, []);
  await until(() => told.length === 2);
  t.same(told, ['EPERM', 'close']);
});

t.test('a writer of packets, each of which is a read', async (t) => {
  const { fd, reader, text, told } = pipe();
  // Started by Node, as a spawner may give its programs sockets, which know no packets of this kind.
  const stdio: StdioOptions = ['ignore', fd, 'inherit'];
  execFileSync('sh', ['-c', 'seq 6 | dd oflag=direct bs=2 status=none'], { stdio });
  reader.on('data', ignore);
  await until(() => text() === '1\n2\n3\n4\n5\n6\n');
  t.same(told, [], 'all of it, and before the end');
  closeSync(fd);
  await until(() => told.length === 2);
});

t.test('one whose listener throws loses nothing, nor do the others', async (t) => {
  const script = `
    import { writeSync, closeSync } from 'node:fs';
    import { load, openPipe } from ${url('libc')};
    import { PipeReader } from ${url('pipeReader')};
    load();
    let thrown = 0, text = '', ends = 0;
    process.on('uncaughtException', () => thrown++);
    for (let i = 0; i < 3; i++) {
      const [from, to] = openPipe();
      writeSync(to, 'a'.repeat(65535) + i);
      closeSync(to);
      const reader = new PipeReader(from);
      reader.on('end', () => ++ends === 3 && console.log(thrown, text.replaceAll('a', '').split('').sort().join('')));
      reader.on('data', (chunk) => { text += chunk; throw new Error('on purpose'); });
    }`;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const program = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
  t.equal(await program.closed, '3 012\n');
});

t.test('while it flows it keeps Node from ending, paused it does not', async (t) => {
  const script = `
    import { writeSync } from 'node:fs';
    import { load, openPipe } from ${url('libc')};
    import { PipeReader } from ${url('pipeReader')};
    load();
    const [from, to] = openPipe();
    const reader = new PipeReader(from);
    reader.on('data', (chunk) => { console.log(String(chunk)); reader.pause(); });
    setTimeout(() => writeSync(to, 'heard'), 50).unref();
    process.on('exit', () => console.log('over'));`;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const program = run([process.execPath, '--import', loader, '--input-type=module', '-e', script]);
  t.equal(await program.closed, 'heard\nover\n');
});

t.test('whatever is written arrives, in order, however it is paused', async () => {
  const step = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 70_000 }) }),
    fc.constantFrom<'pause' | 'resume' | 'wait'>('pause', 'resume', 'wait'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { fd, reader, told } = pipe();
      const chunks: Buffer[] = [];
      reader.on('data', (chunk: Buffer) => chunks.push(chunk));
      let paused = false;
      let written = 0;
      let room = 65_536;
      const expected: Buffer[] = [];
      for (const what of steps) {
        if (what === 'wait') await new Promise(setImmediate);
        else if (what === 'pause' || what === 'resume') {
          reader[what]();
          paused = what === 'pause';
        } else {
          const size = Math.min(what.write, room);
          if (size === 0) continue;
          expected.push(Buffer.alloc(size, written++ % 251));
          writeSync(fd, expected.at(-1)!);
          room -= size;
        }
        const got = chunks.reduce((sum, { length }) => sum + length, 0);
        // A page may hold less than it could.
        room = got === expected.reduce((sum, { length }) => sum + length, 0) ? 65_536 : Math.max(0, room - 4096);
      }
      closeSync(fd);
      if (paused) reader.resume();
      await until(() => told.includes('close'));
      if (!Buffer.concat(chunks).equals(Buffer.concat(expected))) throw new Error('not what was written');
    }),
    { numRuns: 200 },
  );
});

function url(name: string): string {
  return JSON.stringify(new URL(`../../lib/spawn/${name}.ts`, import.meta.url).href);
}
