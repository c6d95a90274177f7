import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type Run, type Runner } from '../../lib/kernel/index.ts';
import { socket, type SocketAddress, type SocketOptions, type SocketResult } from '../../lib/runners/socket.ts';
import { contract } from '../../lib/testing/contract.ts';
import { Record, rounds, until } from '../../lib/testing/record.ts';

interface Here {
  readonly address: { readonly host: string; readonly port: number };
  readonly sockets: Set<Socket>;
  close(): Promise<void>;
}

async function listen(handler: (socket: Socket) => void, where?: string): Promise<Here> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    handler(socket);
  });
  if (where === undefined) server.listen(0, '127.0.0.1');
  else server.listen(where);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    address: { host: '127.0.0.1', port: address.port },
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server for one test. */
async function serve(t: Test, handler: (socket: Socket) => void, where?: string): Promise<Here> {
  const here = await listen(handler, where);
  t.teardown(() => here.close());
  return here;
}

const echo = (socket: Socket): void => void socket.pipe(socket);
/** Says nothing by itself, but reads, and ends when the other side does. */
const silent = (socket: Socket): void => void socket.on('end', () => socket.end()).resume();

/** A port that nobody listens to. */
async function nobody(): Promise<Here['address']> {
  const { address, close } = await listen(silent);
  await close();
  await rounds();
  return address;
}

/** Breaks a connection off; `resetAndDestroy` would end it in peace first. */
function reset(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { _handle: { reset(done: () => void): void } };
  handle.reset(() => {});
  socket.destroy();
}

const caught = (promise: PromiseLike<unknown>): Promise<any> =>
  Promise.resolve(promise).then(
    () => 'it was fulfilled',
    (error: unknown) => error,
  );

contract<SocketResult>(t, 'socket', async () => {
  const here = await listen((socket) => {
    socket.once('data', (first) => {
      if (String(first) !== 'wait') socket.pipe(socket).write(first);
      else socket.on('end', () => socket.end());
    });
  });
  const unused = await nobody();
  return {
    runner: () => socket(here.address, { input: 'one\ntwo\n', onLine: () => {}, capture: '1MiB' }),
    endless: () => socket(here.address, { input: 'wait', end: false }),
    failing: () => socket(unused),
    check: ({ text, bytesRead, bytesWritten }) => assert.deepEqual([text, bytesRead, bytesWritten], ['one\ntwo', 8, 8]),
    close: () => here.close(),
  };
});

t.test('reads lines, and gives what was read', async (t) => {
  const { address } = await serve(t, (socket) => socket.end('one\r\ntwo\n\nthrée'));
  const record = new Record();
  const result = await socket(address).run({ onEvent: record.see });
  t.match(result, { text: 'one\r\ntwo\n\nthrée', truncated: 0, bytesRead: 16, bytesWritten: 0, ms: Number });
  t.same(record.said(), [
    ['socket', 'one'],
    ['socket', 'two'],
    ['socket', ''],
    ['socket', 'thrée'],
  ]);
  const start = record.events.find((event) => event.type === 'start');
  t.match(start, { label: `socket 127.0.0.1:${address.port}`, spec: { type: 'socket', ...address } });
});

t.test('a unix socket, also by a relative path', async (t) => {
  const folder = t.testdir();
  await serve(t, echo, join(folder, 's'));
  t.equal((await socket({ path: join(folder, 's') }, { input: 'hello' }).run()).text, 'hello');
  t.equal((await within({ cwd: folder }, socket({ path: 's' }, { input: 'hello' })).run()).text, 'hello');
});

t.test('a name is looked up', async (t) => {
  const { address } = await serve(t, echo);
  t.equal((await socket({ port: address.port }, { input: 'hello' }).run()).text, 'hello', 'localhost by default');
});

t.test('capture', async (t) => {
  const { address } = await serve(t, (socket) => socket.end('0123456789\n'));
  const get = (options: SocketOptions): Promise<SocketResult> => socket(address, options).run();
  const lines: string[] = [];
  t.match(await get({ onLine: (line) => lines.push(line) }), { text: '', truncated: 0, bytesRead: 11 });
  t.same(lines, ['0123456789']);
  t.match(await get({ onLine: () => {}, capture: '1KiB' }), { text: '0123456789' });
  t.match(await get({ capture: false }), { text: '', truncated: 0 });
  const large = await serve(t, (socket) => socket.end(`${'x'.repeat(20_000)}\n`));
  t.match(await socket(large.address, { capture: 10_000 }).run(), { text: 'x'.repeat(9_999), truncated: 10_001 });
  const bytes = await serve(t, (socket) => socket.end(Buffer.from([0xe9])));
  t.match(await socket(bytes.address, { encoding: 'latin1' }).run(), { text: 'é' });
});

t.test('every kind of input', async (t) => {
  const { address } = await serve(t, echo);
  const folder = t.testdir({ file: 'from a file' });
  const later = async function* (): AsyncGenerator<string | Uint8Array> {
    yield 'lat';
    await rounds(2);
    yield Buffer.from('er');
  };
  const inputs: [SocketOptions['input'], string][] = [
    ['text', 'text'],
    [Buffer.from('bytes'), 'bytes'],
    [['a', 'b'], 'ab'],
    [later(), 'later'],
    [Readable.from(['a', 'b']), 'ab'],
    [pathToFileURL(join(folder, 'file')), 'from a file'],
  ];
  for (const [input, text] of inputs) {
    const runner = socket(address, { input });
    t.match(runner.spec, { input: 'given' });
    t.equal((await runner.run()).text, text);
  }
  const once = socket(address, { input: ['a'].values() });
  t.match(once.traits.once, 'its input: an iterator can be read only once');
  await once.run();
  t.match(await caught(once.run()), {
    name: 'TypeError',
    message: 'socket: its input: an iterator can be read only once',
  });
});

t.test('ten megabytes, there and back', async (t) => {
  const { address } = await serve(t, echo);
  const line = `${'x'.repeat(999)}\n`;
  const lines = function* (): Generator<string> {
    for (let i = 0; i < 10_000; i++) yield line;
  };
  let seen = 0;
  await socket(address, { input: lines(), onLine: () => seen++ }).run();
  t.equal(seen, 10_000);
});

t.test('a slow reader holds the other side, and that one the input', async (t) => {
  const { address, sockets } = await serve(t, echo);
  let made = 0;
  const endless = function* (): Generator<string> {
    for (;;) yield `${String(made++).padEnd(9_999)}\n`;
  };
  for await (const event of socket(address, { input: endless() })) {
    if (event.type !== 'line') continue;
    // What is between the two, the system's buffers included, is full when nothing goes on.
    for (let before = -1; before !== made;) {
      before = made;
      await rounds(50);
    }
    t.ok(made < 10_000, `${made} made while nobody read`);
    break;
  }
  await until(() => sockets.size === 0);
});

/** Runs a socket together with what talks through it. */
async function talk(runner: Runner<SocketResult>, body: (run: Run) => void): Promise<SocketResult> {
  const [result] = await runCommandGens([
    function* () {
      const run = yield* spawn(runner);
      body(run);
      return (yield* run.join()) as SocketResult;
    },
  ]);
  return result!;
}

t.test('send and end', async (t) => {
  const { address } = await serve(t, echo);
  const result = await talk(socket(address), (run) => {
    run.send('one');
    run.send('two\n');
    run.send(Buffer.from('th'));
    run.send(new TextEncoder().encode('ree'));
    run.end();
  });
  t.match(result, { text: 'one\ntwo\nthree', bytesWritten: 13 });
  const after = await talk(socket(address, { input: 'first\n', end: false }), (run) => {
    run.send('second');
    run.end();
    run.end();
  });
  t.match(after.text.split('\n').sort(), ['first', 'second']);
});

t.test('a conversation', async (t) => {
  const { address } = await serve(t, (socket) => {
    socket.write('ready\n');
    socket.on('data', (line) => socket.write(`got ${String(line)}`));
    socket.on('end', () => socket.end('bye\n'));
  });
  const heard: string[] = [];
  let run: Run | undefined;
  const onLine = (line: string): void => {
    heard.push(line);
    if (line === 'ready') run!.send('1');
    else if (line === 'got 1') run!.end();
  };
  await talk(socket(address, { onLine }), (spawned) => (run = spawned));
  t.same(heard, ['ready', 'got 1', 'bye']);
});

t.test('what can be sent, and when', async (t) => {
  const { address } = await serve(t, silent);
  const failure = async (body: (run: Run) => void): Promise<any> =>
    (await caught(talk(socket(address), body))).errors[0];
  t.match(await failure((run) => run.send({ a: 1 })), {
    name: 'TypeError',
    message: 'send: a socket takes strings (lines) and bytes, got an object {a}',
  });
  const late = await failure((run) => {
    run.end();
    run.send('late');
  });
  t.match(late, { reason: { type: 'closed' }, message: /send\(\) after our side has ended/ });
});

t.test('half-closed: our side ends, the other goes on', async (t) => {
  const { address } = await serve(t, (socket) => {
    let all = '';
    socket.on('data', (more) => (all += String(more)));
    socket.on('end', () => {
      socket.write('late ');
      setImmediate(() => socket.end(all.toUpperCase()));
    });
  });
  t.equal((await socket(address, { input: 'answer' }).run()).text, 'late ANSWER');
});

t.test('half-closed: the other ends, our input goes on', async (t) => {
  let heard = '';
  const { address, sockets } = await serve(t, (socket) => {
    socket.on('data', (more) => (heard += String(more)));
    socket.end('all said\n');
  });
  const source = new PassThrough();
  const onLine = (): void => {
    setImmediate(() => {
      source.write('still ');
      source.end('here');
    });
  };
  await socket(address, { input: source, onLine }).run();
  await until(() => sockets.size === 0);
  t.equal(heard, 'still here');
});

t.test('without an input, or with end: false, our side ends when the other has', async (t) => {
  const { address } = await serve(t, (socket) => socket.once('data', () => {}).end('banner'));
  t.equal((await socket(address).run()).text, 'banner');
  t.equal((await socket(address, { input: 'GET', end: false }).run()).text, 'banner');
});

t.test('the other side ends and takes no more: its answer counts, with a note', async (t) => {
  const endless = function* (): Generator<string> {
    for (;;) yield 'x'.repeat(10_000);
  };
  const { address } = await serve(t, (socket) => {
    // Reads everything there is, so that closing sends no reset before the answer.
    socket.write('enough\n');
    socket.end();
    socket.on('finish', () => setImmediate(() => socket.destroy()));
  });
  const record = new Record();
  const outcome = await socket(address, { input: endless() })
    .run({ onEvent: record.see })
    .catch((error: unknown) => error);
  // The reset may overtake the end of the answer; then it is a connection that was lost.
  if (outcome instanceof Error) t.match(outcome, { reason: { type: 'connection', phase: 'lost', sent: 'maybe' } });
  else {
    t.match(outcome, { text: 'enough' });
    t.ok(record.events.some((event) => event.type === 'note' && /took everything/.test(event.text)));
  }
});

t.test('no connection', async (t) => {
  const folder = t.testdir({ file: '' });
  const cases: [SocketAddress, string, string | RegExp][] = [
    [await nobody(), 'connect', 'ECONNREFUSED'],
    [{ host: 'localhost', port: (await nobody()).port }, 'connect', 'ECONNREFUSED'],
    [{ path: join(folder, 'missing') }, 'connect', 'ENOENT'],
    [{ path: join(folder, 'file') }, 'connect', 'ECONNREFUSED'],
    [{ host: 'no.such.host.invalid', port: 80 }, 'resolve', /ENOTFOUND|EAI_AGAIN/],
  ];
  for (const [address, phase, code] of cases) {
    const error = await caught(socket(address, { input: 'never sent' }).run());
    t.match(error, { name: 'RunError', reason: { type: 'connection', phase, sent: 'no' }, cause: { code } });
    t.match(error.message, code, 'the message says why');
  }
});

t.test('nothing is taken from the input before there is a connection', async (t) => {
  let taken = 0;
  const input = {
    *[Symbol.iterator]() {
      taken++;
      yield 'a';
    },
  };
  await caught(socket(await nobody(), { input }).run());
  t.equal(taken, 0);
  const broken = new PassThrough();
  const { address } = await serve(t, silent);
  broken.destroy(new Error('broken'));
  t.match(await caught(socket(address, { input: broken }).run()), {
    reason: { type: 'stream', stream: 'input' },
    cause: { message: 'broken' },
  });
});

t.test('connectTimeout', async (t) => {
  const { address } = await serve(t, silent);
  // The time is up in a microtask, which no connection is faster than.
  const clock = {
    now: () => 0,
    after(ms: number, then: () => void) {
      t.equal(ms, 3000);
      let cancelled = false;
      queueMicrotask(() => cancelled || then());
      return () => (cancelled = true);
    },
  };
  const run = (where: SocketAddress): Promise<unknown> => socket(where, { connectTimeout: '3s' }).run({ clock });
  t.match(await caught(run(address)), {
    reason: { type: 'connection', phase: 'connect', sent: 'no' },
    message: /no answer in 3000 ms/,
  });
  t.match(await caught(run({ ...address, host: 'localhost' })), { reason: { type: 'connection', phase: 'resolve' } });
});

t.test('a connection that is lost', async (t) => {
  const { address } = await serve(t, (socket) => void socket.once('data', () => reset(socket)));
  const lost = await caught(socket(address, { input: 'hello', end: false }).run());
  t.match(lost, { reason: { type: 'connection', phase: 'lost', sent: 'maybe' }, cause: { code: 'ECONNRESET' } });
  const here = await serve(t, (socket) => void socket.write('last words\nand half a li'));
  const onLine = (line: string): void => {
    if (line === 'last words') here.sockets.forEach(reset);
  };
  const error = await caught(socket(here.address, { onLine }).run());
  t.match(error, { reason: { type: 'connection', phase: 'lost', sent: 'no' }, stdout: /^last words/ });
  t.match(error.message, /lost\ncause: .*\nlast words/);
});

t.test('a line callback that throws, a line too long, an input that fails', async (t) => {
  const { address, sockets } = await serve(t, (socket) => {
    silent(socket);
    socket.write('line\nlonger line\n');
  });
  const failure = (options: SocketOptions): Promise<any> => caught(socket(address, options).run());
  const throws = (): void => {
    throw new Error('mine');
  };
  t.match(await failure({ onLine: throws }), {
    reason: { type: 'callback', name: 'the line callback of socket' },
    cause: { message: 'mine' },
  });
  const lines: string[] = [];
  t.match(await failure({ maxLine: 5, onLine: (line) => lines.push(line) }), {
    reason: { type: 'overflow', stream: 'socket', limit: 5 },
  });
  t.same(lines, ['line']);
  const broken = function* (): Generator<string> {
    yield 'a';
    throw new Error('broken');
  };
  t.match(await failure({ input: broken() }), {
    reason: { type: 'stream', stream: 'input' },
    cause: { message: 'broken' },
  });
  const before = sockets.size;
  t.match(await failure({ input: pathToFileURL(join(t.testdir(), 'missing')) }), {
    reason: { type: 'file', path: /missing$/ },
    cause: { code: 'ENOENT' },
  });
  t.ok(sockets.size <= before, 'nothing was connected');
  await until(() => sockets.size === 0);
});

t.test('a pause reads nothing and takes nothing from the input', async (t) => {
  const { address, sockets } = await serve(t, (socket) => socket.write('ready\n'));
  let made = 0;
  const input = async function* (): AsyncGenerator<string> {
    for (;;) {
      await rounds(1);
      yield `${made++}\n`;
    }
  };
  const lines: string[] = [];
  const loop = runCommandGens([socket(address, { input: input(), onLine: (line) => lines.push(line) })]);
  await until(() => lines.length === 1 && made > 3);
  loop.pause();
  await rounds();
  const before = made;
  for (const socket of sockets) socket.write('more\n');
  await rounds(50);
  t.ok(made <= before + 1);
  t.same(lines, ['ready']);
  t.match(loop.list()[0]?.detail, /not read now$/);
  loop.play();
  await until(() => lines.length === 2 && made > before + 3);
  loop.kill();
  t.match(await caught(loop), { reason: { type: 'killed' } });
});

t.test('a kill destroys the connection and closes the source of the input', async (t) => {
  const { address, sockets } = await serve(t, silent);
  const source = new PassThrough();
  const loop = runCommandGens([socket(address, { input: source })]);
  await until(() => sockets.size === 1);
  t.match(loop.list()[0]?.detail, /^connect/);
  loop.kill('me');
  t.match(await caught(loop), { reason: { type: 'killed', by: 'me' } });
  t.ok(source.destroyed);
  await until(() => sockets.size === 0);
  const unused = new PassThrough();
  const late = runCommandGens([socket(address, { input: unused })]);
  late.kill();
  t.match(await caught(late), { reason: { type: 'killed' } });
  t.ok(unused.destroyed, 'also before it began');
});

t.test('what is wrong is told at the call', async (t) => {
  const wrong: [unknown, unknown, string][] = [
    [undefined, {}, 'socket: expected { host, port } or { path }, got undefined'],
    ['x:1', {}, 'socket: expected { host, port } or { path }, got the string "x:1"'],
    [{ host: 'x' }, {}, 'socket: expected a port from 1 to 65535, got undefined'],
    [{ port: '80' }, {}, 'socket: expected a port from 1 to 65535, got the string "80"'],
    [{ port: 70_000 }, {}, 'socket: expected a port from 1 to 65535, got the number 70000'],
    [{ host: '', port: 80 }, {}, 'socket: expected a host, got the string ""'],
    [{ path: '' }, {}, 'socket: expected the path of a unix socket, got the string ""'],
    [{ path: 'x', port: 80 }, {}, 'socket: give either { host, port } or { path }'],
    [{ port: 80 }, { inptu: '' }, 'socket: unknown option inptu; known are onLine, input, end'],
    [{ port: 80 }, { input: 5 }, 'socket: input: expected a string, bytes, a file: URL'],
    [{ port: 80 }, { onLine: null }, 'socket: onLine is a function, got null'],
    [{ port: 80 }, { encoding: 'hex' }, `socket: encoding 'hex' is neither 'utf8' nor 'latin1'`],
    [{ port: 80 }, { connectTimeout: 'soon' }, `socket: connectTimeout: 'soon' is no duration`],
    [{ port: 80 }, { maxLine: -1 }, 'socket: maxLine: -1 is no size'],
  ];
  for (const [address, options, message] of wrong) {
    const error: unknown = t.throws(() => socket(address as never, options as never));
    t.ok(String(error).startsWith(`TypeError: ${message}`), String(error));
  }
});
