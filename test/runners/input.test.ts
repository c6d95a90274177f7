import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { checkInput, feedInput, inputOnce, type Feeding, type Input } from '../../lib/runners/input.ts';
import { rounds, until } from '../../lib/testing/record.ts';

/** Takes what it is given, piece by piece, only when told to. */
class Slow extends Writable {
  taken = '';
  #next: (() => void) | undefined;
  constructor() {
    super({ highWaterMark: 4 });
  }
  override _write(chunk: Buffer, _encoding: string, next: () => void): void {
    this.taken += chunk.toString('latin1');
    this.#next = next;
  }
  take(): void {
    const next = this.#next;
    this.#next = undefined;
    next?.();
  }
}

interface Fed {
  readonly feeding: Feeding;
  readonly told: unknown[];
}

function feed(writable: Writable, input: Input, end?: boolean): Fed {
  const told: unknown[] = [];
  const feeding = feedInput(writable, input, {
    onError: (error) => told.push(error),
    onDone: (complete) => told.push(complete),
    ...(end === undefined ? {} : { end }),
  });
  assert.deepEqual(told, [], 'nothing is told before it returns');
  return { feeding, told };
}

async function fed(input: Input): Promise<string> {
  const through = new PassThrough();
  const { told } = feed(through, input);
  const text = Buffer.concat(await through.toArray()).toString();
  assert.deepEqual(told, [true]);
  return text;
}

t.test('every kind of input is written as it is', async (t) => {
  t.equal(await fed('a\nbé'), 'a\nbé');
  t.equal(await fed(''), '');
  t.equal(await fed(new TextEncoder().encode('é')), 'é');
  t.equal(await fed(Buffer.alloc(5_000_000, 'x')), 'x'.repeat(5_000_000));
  t.equal(await fed(['a', '', Buffer.from('b'), 'c\n']), 'abc\n');
  t.equal(await fed(new Set(['a', 'b'])), 'ab');
  t.equal(await fed([]), '');
  const later = async function* (): AsyncGenerator<string | Uint8Array> {
    yield 'a';
    await rounds(2);
    yield new Uint8Array([98]);
  };
  t.equal(await fed(later()), 'ab');
  t.equal(await fed(Readable.from(['a', Buffer.from('b')])), 'ab');
  t.equal(await fed(new Blob(['web']).stream() as never), 'web');
  const folder = t.testdir({ 'a b.txt': 'content\n' });
  t.equal(await fed(pathToFileURL(join(folder, 'a b.txt'))), 'content\n');
});

t.test('at the pace of the writable, nothing ahead', async (t) => {
  const slow = new Slow();
  let made = 0;
  const numbers = function* (): Generator<string> {
    while (made < 20) yield `${++made}`.padEnd(4, '.');
  };
  const { told } = feed(slow, numbers());
  for (let i = 0; i < 20; i++) {
    await rounds();
    t.ok(made <= i + 2, `${made} made, ${i} taken`);
    slow.take();
  }
  await until(() => told.length > 0);
  t.equal(slow.taken.length, 80);
  t.ok(slow.writableEnded);
});

t.test('an iterable without end leaves the event loop alone', async (t) => {
  const sink = new Writable({ write: (_chunk, _encoding, next) => next() });
  const endless = function* (): Generator<string> {
    for (;;) yield 'y\n';
  };
  const { feeding, told } = feed(sink, endless());
  await rounds(20);
  feeding.stop();
  t.same(told, []);
});

t.test('end: false leaves the writable open', async (t) => {
  const through = new PassThrough();
  const { told } = feed(through, 'a', false);
  await until(() => told.length > 0);
  t.notOk(through.writableEnded);
  t.equal(String(through.read()), 'a');
});

t.test('a source that fails', async (t) => {
  const source = new Readable({ read() {} });
  const throwing = function* (): Generator<string> {
    yield 'a';
    throw new RangeError('broken');
  };
  const rejecting = async function* (): AsyncGenerator<string> {
    yield 'a';
    throw new RangeError('broken');
  };
  const noIterator = () => {
    throw new RangeError('broken');
  };
  const cases: [string, () => Input, object][] = [
    ['an iterable', throwing, { message: 'broken' }],
    ['an async iterable', rejecting, { message: 'broken' }],
    ['one that gives no iterator', () => ({ [Symbol.iterator]: noIterator }), { message: 'broken' }],
    [
      'one whose iterator gives no result',
      () => ({ [Symbol.iterator]: () => ({ next: () => 5 as never }) }),
      { message: /no result object/ },
    ],
    ['a stream', () => source, { message: 'broken' }],
    ['a stream that has failed', () => new PassThrough().destroy(new Error('broken')), { message: 'broken' }],
    ['a stream that is closed early', () => new PassThrough().destroy(), { message: 'it was closed before its end' }],
    ['a file that is missing', () => pathToFileURL(join(t.testdir(), 'missing')), { code: 'ENOENT' }],
    [
      'something that is no text',
      () => ['a', 5 as never],
      { name: 'TypeError', message: 'an input is made of strings and bytes; this one gave the number 5' },
    ],
  ];
  for (const [what, make, pattern] of cases) {
    const through = new PassThrough();
    const { told } = feed(through, make());
    if (what === 'a stream') source.destroy(new Error('broken'));
    await until(() => told.length > 0);
    t.match(told, [pattern], what);
    t.notOk(through.writableEnded, 'the writable is left as it is');
    await rounds();
    t.equal(told.length, 1);
  }
});

t.test('a reader that goes away is no error; the source is closed', async (t) => {
  for (const code of ['EPIPE', 'ECONNRESET', undefined]) {
    const slow = new Slow();
    let returned = false;
    const endless = function* (): Generator<string> {
      try {
        for (;;) yield 'more than fits';
      } finally {
        returned = true;
      }
    };
    const { told } = feed(slow, endless());
    await rounds();
    slow.destroy(code === undefined ? undefined : Object.assign(new Error(code), { code }));
    await until(() => told.length > 0);
    t.same(told, [false], code ?? 'destroyed');
    t.ok(returned);
  }
  const slow = new Slow();
  const { told } = feed(slow, Readable.from(['more than fits', 'b']));
  await rounds();
  const error = Object.assign(new Error('EIO'), { code: 'EIO' });
  slow.destroy(error);
  await until(() => told.length > 0);
  t.same(told, [error], 'another failure is one');
});

t.test('a writable that takes nothing any more', async (t) => {
  for (const writable of [new PassThrough().end(), new PassThrough().destroy()]) {
    for (const input of ['a', ['a'], new PassThrough()]) {
      const { told } = feed(writable, input);
      await rounds();
      t.same(told, [false]);
      if (input instanceof PassThrough) t.ok(input.destroyed);
    }
  }
});

t.test('stop ends it also where the source only makes us wait', async (t) => {
  const calls: string[] = [];
  const stuck = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: async () => {
        calls.push('return');
        throw new Error('nobody hears of this');
      },
    }),
  };
  const { feeding, told } = feed(new PassThrough(), stuck);
  await rounds();
  feeding.stop();
  feeding.stop();
  t.same(calls, ['return']);
  const source = new PassThrough();
  feed(new PassThrough(), source).feeding.stop();
  t.ok(source.destroyed);
  await rounds();
  t.same(told, []);
});

t.test('a source that ends is left as it is', async (t) => {
  const both = new PassThrough({ autoDestroy: false });
  both.end('a');
  t.equal(await fed(both), 'a');
  t.notOk(both.destroyed);
});

t.test('pause and play', async (t) => {
  let made = 0;
  const numbers = async function* (): AsyncGenerator<string> {
    while (made < 10) {
      await rounds(1);
      yield `${made++}`;
    }
  };
  const through = new PassThrough();
  const { feeding, told } = feed(through, numbers());
  await until(() => made === 3);
  feeding.pause();
  await rounds(10);
  t.ok(made <= 4, `${made} made`);
  const before = made;
  feeding.pause();
  await rounds();
  t.equal(made, before);
  feeding.play();
  await until(() => told.length > 0);
  let all = '';
  for (let part: unknown; (part = through.read()) !== null;) all += String(part);
  t.equal(all, '0123456789');
});

t.test('a real program that reads no more', async (t) => {
  const head = spawn('head', ['-n', '1'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const endless = function* (): Generator<string> {
    for (;;) yield 'y\n';
  };
  const { told } = feed(head.stdin, endless());
  const [out] = await Promise.all([head.stdout.toArray(), once(head, 'close'), until(() => told.length > 0)]);
  t.equal(String(out), 'y\n');
  t.same(told, [false]);
});

t.test('what can be fed, and what only once', async (t) => {
  for (const input of ['', Buffer.alloc(0), [], new PassThrough(), new URL('file:///x'), new Blob([]).stream()]) {
    checkInput(input, 'stdin');
  }
  const wrong: [unknown, string][] = [
    [
      undefined,
      'stdin: expected a string, bytes, a file: URL, a stream or an iterable of strings and bytes, got undefined',
    ],
    [5, 'stdin: expected a string, bytes, a file: URL, a stream or an iterable of strings and bytes, got the number 5'],
    [
      { a: 1 },
      'stdin: expected a string, bytes, a file: URL, a stream or an iterable of strings and bytes, got an object {a}',
    ],
    [new URL('http://x/'), 'stdin: only a file: URL can be read, not http:'],
  ];
  for (const [input, message] of wrong) t.throws(() => checkInput(input, 'stdin'), { name: 'TypeError', message });
  for (const input of ['', Buffer.alloc(0), ['a'], new URL('file:///x'), undefined])
    t.equal(inputOnce(input), undefined);
  t.equal(inputOnce(['a'].values()), 'its input: an iterator can be read only once');
  t.equal(inputOnce(new PassThrough()), 'its input: a stream can be read only once');
});
