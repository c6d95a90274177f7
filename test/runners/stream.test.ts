import { once } from 'node:events';
import { spawn as spawnProcess } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable, Writable } from 'node:stream';
import { ReadableStream as WebStream } from 'node:stream/web';
import t, { type Test } from 'tap';
import split2 from 'split2';
import { isRunError, runCommandGens, type Event, type Run, type Runner } from '../../lib/kernel/index.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { stream, streams, type StreamSource } from '../../lib/runners/stream.ts';
import { contract } from '../../lib/testing/contract.ts';
import { rounds, until } from '../../lib/testing/record.ts';

const bytes = (...chunks: (string | Uint8Array)[]): Readable =>
  Readable.from(
    chunks.map((chunk) => Buffer.from(chunk as string)),
    { objectMode: false },
  );

const caught = (promise: PromiseLike<unknown>): Promise<any> =>
  Promise.resolve(promise).then(
    () => 'it was fulfilled',
    (error: unknown) => error,
  );
async function rejects(t: Test, promise: PromiseLike<unknown>, pattern: object, what?: string): Promise<void> {
  t.match(await caught(promise), pattern, what ?? 'fails');
}

contract<number>(t, 'stream', () => ({
  runner: () => stream(bytes('one\ntwo\n', 'thr', 'ee')),
  endless: () => stream(new PassThrough()),
  failing: () => stream(new Readable({ read: () => {} }).destroy(new Error('broken'))),
  check: (count) => {
    if (count !== 3) throw new Error(`${count} lines`);
  },
}));

contract<number>(t, 'streams', () => ({
  runner: () =>
    streams([
      [['one', 'two'], null],
      [['three', { four: 4 }], () => {}],
      [new WebStream({ start: (controller) => controller.close() })],
    ]),
  endless: () => streams([[['one']], [new PassThrough()]]),
  failing: () =>
    streams([
      [new PassThrough()],
      [
        (function* () {
          yield 'one';
          throw new Error('broken');
        })(),
      ],
    ]),
  check: (count) => {
    if (count !== 2) throw new Error(`${count} lines`);
  },
}));

/** Events of one stream that say something, by its end. */
async function read(t: Test, source: StreamSource, options = {}): Promise<unknown[]> {
  const called: unknown[] = [];
  const events: unknown[] = [];
  const onEvent = (event: Event): void => {
    if (event.type === 'line') events.push(event.line);
    if (event.type === 'item') events.push(event.item);
  };
  const count = await stream(source, (line) => called.push(line), options).run({ onEvent });
  t.equal(count, called.length, 'it gives their number');
  t.same(events, called, 'callbacks and events are the same');
  return called;
}

t.test('bytes are cut at newlines, wherever the chunks are cut', async (t) => {
  t.same(await read(t, bytes('a\r', '\nb', '\n\n', Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1))), [
    'a',
    'b',
    '',
    'é',
  ]);
  t.same(await read(t, bytes()), []);
  t.same(await read(t, bytes(Buffer.from([0xe9, 10])), { encoding: 'latin1' }), ['é']);
  const text = bytes('é\nb', 'c');
  text.setEncoding('utf8');
  t.same(await read(t, text), ['é', 'bc'], 'also where the stream decodes them itself');
});

t.test('in object mode strings are lines, other values are items', async (t) => {
  t.same(await read(t, Readable.from(['a', 'b\n', 'c\r\nd', '', { e: 1 }, 6, Buffer.from('g\nh'), 'i'])), [
    'a',
    'b',
    'c',
    'd',
    '',
    { e: 1 },
    6,
    'g',
    'h',
    'i',
  ]);
  t.same(await read(t, bytes('a\0b').pipe(split2('\0'))), ['a', 'b']);
  t.same(await read(t, bytes('{"a":1}\n[2]').pipe(split2(JSON.parse))), [{ a: 1 }, [2]]);
});

t.test('web streams and iterables', async (t) => {
  const web = new WebStream({
    start(controller) {
      for (const chunk of ['a\nb', 'c\n']) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  t.same(await read(t, web), ['a', 'bc']);
  t.same(await read(t, web.constructor === WebStream ? new Blob(['x\ny']).stream() : web), ['x', 'y']);
  t.same(await read(t, ['a', 'b', { c: 1 }]), ['a', 'b', { c: 1 }]);
  const asynchronous = async function* (): AsyncGenerator<string | Uint8Array> {
    yield 'a';
    await rounds(1);
    yield new TextEncoder().encode('b\nc');
  };
  t.same(await read(t, asynchronous()), ['a', 'b', 'c']);
});

t.test('a stream in whatever state', async (t) => {
  const ended = bytes('lost');
  await ended.toArray();
  t.equal(await stream(ended).run(), 0, 'one that has ended ends');
  const paused = bytes('kept\n');
  paused.pause();
  t.same(await read(t, paused), ['kept'], 'one that was paused is read');
  for (const make of [
    () => bytes('lost').destroy(),
    () => new PassThrough().destroy(new Error('broken')),
    () => createReadStream('/nonexistent/file'),
    () => createReadStream(t.testdir()), // a folder
  ]) {
    const error = await caught(stream(make(), null, { name: 'mine' }).run());
    t.ok(isRunError(error, 'stream'), String(error));
    t.match(error, {
      reason: { type: 'stream', stream: 'mine' },
      run: '1',
      cause: Error,
      message: /^stream: mine failed\n/,
    });
  }
});

t.test('a stream that fails before it is read ends nothing but the run', async (t) => {
  const source = new PassThrough();
  const runner = stream(source);
  source.destroy(new Error('broken'));
  await rounds();
  await rejects(t, runner.run(), { reason: { type: 'stream', stream: 'stream' }, cause: { message: 'broken' } });
});

t.test('what a child process has written waits for its reader, also when the child is gone', async (t) => {
  const lines: string[] = [];
  const ofDead = async (): Promise<Runner<number>> => {
    const child = spawnProcess('printf', ['one\ntwo']);
    const runner = stream(child.stdout, (line) => lines.push(line));
    await once(child, 'exit');
    await rounds(5); // it is now that Node would read it, for nobody
    return runner;
  };
  await (await ofDead()).run();
  t.same(lines, ['one', 'two']);

  lines.length = 0;
  const loop = runCommandGens([await ofDead()]);
  loop.pause();
  await rounds(5);
  t.same(lines, [], 'nor is it read before it may be');
  loop.play();
  await loop;
  t.same(lines, ['one', 'two']);

  const read: string[] = [];
  const shared = spawnProcess('printf', ['one\ntwo']);
  shared.stdout.on('data', (chunk: Buffer) => read.push(chunk.toString()));
  stream(shared.stdout);
  await once(shared, 'close');
  t.same(read, ['one\ntwo'], 'a stream that somebody reads already is left to him until then');
});

t.test('a stream that is closed before its end fails, with the lines until then', async (t) => {
  const source = new PassThrough();
  const lines: string[] = [];
  source.write('one\ntw');
  const reading = stream(source, (line) => {
    lines.push(line);
    source.destroy();
  }).run();
  await rejects(t, reading, { reason: { type: 'stream', stream: 'stream' }, message: /closed before its end/ });
  t.same(lines, ['one', 'tw']);
});

t.test('the first stream that fails takes the others with it', async (t) => {
  const [one, two] = [new PassThrough(), new PassThrough()];
  const reading = streams([[one], [two]], { names: ['one', 'two'] }).run();
  two.destroy(new Error('broken'));
  await rejects(t, reading, { reason: { type: 'stream', stream: 'two' }, cause: { message: 'broken' } });
  t.ok(one.destroyed);
});

t.test('the names of streams', async (t) => {
  const names = async (runner: Runner): Promise<string[]> => {
    const seen: string[] = [];
    await runner.run({ onEvent: (event) => event.type === 'line' && seen.push(event.stream) });
    return seen.sort();
  };
  t.same(await names(stream(['a'])), ['stream']);
  t.same(await names(stream(['a'], null)), [], 'null: no events');
  t.same(await names(stream(['a'], undefined, { name: 'log' })), ['log']);
  t.same(await names(streams([[['a']], [['b'], null], [['c'], () => {}]])), ['0', '2']);
  t.same(await names(streams([[['a']], [['b']]], { names: ['out', 'err'] })), ['err', 'out']);
  t.equal(await streams([]).run(), 0);
});

t.test('callbacks run inside a turn; one that throws fails the run and destroys the streams', async (t) => {
  const [one, two] = [new PassThrough(), new PassThrough()];
  const lines: string[] = [];
  one.write('a\nb\nc\n');
  const reading = streams([
    [
      one,
      (line) => {
        lines.push(line);
        if (line === 'b') throw new RangeError('mine');
      },
    ],
    [two],
  ]).run();
  await rejects(t, reading, {
    reason: { type: 'callback', name: 'the line callback of 0' },
    cause: { message: 'mine' },
  });
  t.same(lines, ['a', 'b']);
  t.ok(one.destroyed && two.destroyed);
  await rejects(
    t,
    stream([{}], () => {
      throw new Error('mine');
    }).run(),
    { reason: { type: 'callback' } },
    'that of an item, too',
  );
});

t.test('a line that is too long', async (t) => {
  const source = new PassThrough();
  source.write('fits\nis too long');
  const lines: string[] = [];
  await rejects(t, stream(source, (line) => lines.push(line), { maxLine: 4 }).run(), {
    reason: { type: 'overflow', stream: 'stream', limit: 4 },
  });
  t.same(lines, ['fits']);
  t.ok(source.destroyed);
  t.equal(await stream(['ééé'], null, { maxLine: 4 }).run(), 0, 'dropped ones are not measured');
  await rejects(t, stream(['ééé'], undefined, { maxLine: 4 }).run(), { reason: { type: 'overflow' } });
});

t.test('a pause pauses the stream; what was read before waits', async (t) => {
  const source = new PassThrough({ highWaterMark: 16 });
  const seen: string[] = [];
  let run: Run | undefined;
  const loop = runCommandGens([
    function* () {
      run = yield* spawn(stream(source, (line) => seen.push(line)));
      yield* run.join();
    },
  ]);
  source.write('a\n');
  await until(() => seen.length === 1);
  run!.pause();
  await until(() => source.isPaused());
  for (let i = 0; i < 20; i++) source.write('more than fits\n');
  await rounds();
  t.ok(source.writableNeedDrain, 'whoever writes has to wait');
  t.same(seen, ['a']);
  run!.play();
  source.end('z');
  await loop;
  t.equal(seen.length, 22);
  t.equal(seen.at(-1), 'z');
});

t.test('a slow reader holds an endless stream; neither starves anybody', async (t) => {
  let [made, items] = [0, 0];
  const lines = new Readable({
    read() {
      made++;
      this.push('y'.repeat(1000) + '\n');
    },
  });
  const objects = (function* () {
    for (;;) yield { item: ++items };
  })();
  let seen = 0;
  for await (const event of streams([[lines], [objects]])) {
    if (event.type !== 'line' && event.type !== 'item') continue;
    if (++seen === 100) break;
    await rounds(1);
  }
  t.ok(made < 1500, `${made} lines`);
  t.ok(items < 20_000, `${items} items`);
  t.ok(lines.destroyed);
  t.same(objects.next(), { done: true, value: undefined }, 'its iterator was returned');
});

t.test('an async iterable that always has something starves nobody', async (t) => {
  let done = false;
  setImmediate(() => (done = true));
  const always: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({ next: async () => (done ? { value: undefined, done } : { value: 'y', done }) }),
  };
  t.equal(await stream(always, null).run(), 0);
});

t.test('a kill destroys the streams, also before it began', async (t) => {
  const sources = [new PassThrough(), new PassThrough()];
  let returned = false;
  const stuck: AsyncGenerator<string> = {
    next: () => new Promise(() => {}),
    return: async () => ((returned = true), { done: true, value: undefined }),
  } as never;
  const never: AsyncIterable<string> = { [Symbol.asyncIterator]: () => stuck };
  const loop = runCommandGens([streams([[sources[0]!], [never]])]);
  await rounds(2);
  loop.kill('me');
  await rejects(t, loop, { reason: { type: 'killed', by: 'me' } });
  t.ok(sources[0]!.destroyed);
  t.ok(returned);
  const begun = (function* () {
    yield 'a';
    yield 'b';
  })();
  begun.next();
  const late = runCommandGens([streams([[sources[1]!], [begun]])]);
  late.kill();
  await rejects(t, late, { reason: { type: 'killed' } });
  t.ok(sources[1]!.destroyed);
  t.ok(begun.next().done);
});

t.test('what can be read once says so', async (t) => {
  const source = stream(bytes('a'));
  t.match(source.traits.once, /only once/);
  t.equal(await source.run(), 1);
  await rejects(t, source.run(), { name: 'TypeError', message: 'stream: a stream can be read only once' });
  t.match(stream([].values()).traits.once, /only once/);
  const list = stream(['a']);
  t.equal(list.traits.once, undefined);
  t.same([await list.run(), await list.run()], [1, 1]);
});

t.test('what is wrong is told at the call', async (t) => {
  const wrong: [() => unknown, string][] = [
    [() => stream(null as never), 'stream: expected a readable stream or an iterable, got null'],
    [() => stream('file.txt' as never), 'stream: expected a readable stream or an iterable, got the string "file.txt"'],
    [() => stream([], 'x' as never), 'stream: what is called with the lines is a function or null, got the string "x"'],
    [
      () => stream([], null, { nam: 'x' } as never),
      'stream: unknown option nam; known are encoding, maxLine, label, name',
    ],
    [() => stream([], null, { encoding: 'hex' as never }), `stream: encoding 'hex' is neither 'utf8' nor 'latin1'`],
    [() => streams(5 as never), 'streams: expected a list of [stream, function] pairs, got the number 5'],
    [() => streams([bytes()] as never), 'streams: entry 0: expected [stream, function], got a Readable'],
    [() => streams([[[]], [new Writable() as never]]), 'streams: entry 1: expected a readable stream or an iterable'],
    [() => streams([[[]], [[]]], { names: ['a', 'a'] }), 'streams: names are as many as the streams, all different: 2'],
  ];
  for (const [call, message] of wrong) {
    const error: unknown = t.throws(call);
    t.ok(String(error).startsWith(`TypeError: ${message}`), String(error));
  }
});

t.test('stdin of Node itself keeps nobody alive', async (t) => {
  const lib = new URL('../../lib/', import.meta.url).href;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const node = (body: string) => {
    const code = `import { stream } from '${lib}runners/stream.ts';
      import { runCommandGens } from '${lib}kernel/index.ts';
      import { sleep } from '${lib}runners/sleep.ts';
      ${body}`;
    const child = spawnProcess(process.execPath, ['--import', loader, '--input-type=module', '-e', code], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
    const said = async (words: string): Promise<void> => {
      while (!text.includes(words)) await once(child.stdout, 'data');
    };
    return { child, said, ended: once(child, 'close').then(([code]) => [text, code]) };
  };
  await t.test('to its end', async (t) => {
    const { child, ended } = node(`console.log(await stream(process.stdin, console.log).run())`);
    child.stdin.end('one\ntwo');
    t.same(await ended, ['one\ntwo\n2\n', 0]);
  });
  await t.test('left in the middle, somebody else reads on', async (t) => {
    const { child, said, ended } = node(`
      for await (const event of stream(process.stdin)) if (event.type === 'line') break;
      console.log('next');
      process.stdin.resume().once('data', (rest) => {
        console.log(String(rest));
        setImmediate(() => process.stdin.pause());
      });
    `);
    child.stdin.write('one\n');
    await said('next');
    child.stdin.write('two');
    t.same(await ended, ['next\ntwo\n', 0], 'it ends although its stdin is open');
  });
  await t.test('left by a failure', async (t) => {
    const { child, ended } = node(`
      const throws = () => { throw 1; };
      const error = await stream(process.stdin, throws).run().catch((error) => error);
      console.log(error.reason.name);
    `);
    child.stdin.write('one\n');
    t.same(await ended, ['the line callback of stream\n', 0]);
    const other = node(`
      const error = await stream(process.stdin, undefined, { maxLine: 2 }).run().catch((error) => error);
      console.log(error.reason.type);
    `);
    other.child.stdin.write('one\n');
    t.same(await other.ended, ['overflow\n', 0]);
  });
});
