import { spawn as spawnProcess } from 'node:child_process';
import { connect, createServer } from 'node:net';
import t from 'tap';
import { enqueue, idle, overdue, turning, turnTime, type Target } from '../../lib/kernel/engine.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { failure, immediate, rounds, until } from './tools.ts';

const target = (handle: (operation: number) => void): Target => ({ handle });

t.test('operations are handled in order, in a turn, with what was given', async (t) => {
  const seen: unknown[] = [];
  enqueue({ handle: (...given) => seen.push([...given, turning()]) }, 1, 'a', 'b', 'c');
  enqueue(
    target(() => {
      seen.push('second');
      enqueue(
        target(() => seen.push('from within')),
        0,
      );
    }),
    2,
  );
  enqueue(
    target(() => seen.push('third')),
    3,
  );
  t.notOk(turning());
  t.notOk(idle());
  t.same(seen, []);
  await rounds(1);
  t.same(seen, [[1, 'a', 'b', 'c', true], 'second', 'third', 'from within']);
  t.ok(idle());
});

t.test('an answer comes in a microtask, not in the next round of the event loop', async (t) => {
  await rounds(2);
  let handled = false;
  enqueue(
    target(() => (handled = true)),
    0,
  );
  await Promise.resolve();
  t.ok(handled);
});

t.test('one that throws is an uncaught exception; the rest is handled', async (t) => {
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const caught: unknown[] = [];
  const listen = (error: unknown): void => void caught.push(error);
  process.on('uncaughtException', listen);
  let rest = false;
  enqueue(
    target(() => {
      throw new Error('a bug');
    }),
    0,
  );
  enqueue(
    target(() => (rest = true)),
    0,
  );
  await until(() => rest);
  await rounds();
  process.off('uncaughtException', listen);
  for (const one of before) process.on('uncaughtException', one);
  t.match(caught, [{ message: 'a bug' }]);
});

t.test('L1: however much is put on the queue, one turn is scheduled', async (t) => {
  await new Promise((resolve) => setImmediate(resolve)); // no turn is under way
  const { queueMicrotask, setImmediate: immediate } = globalThis;
  let scheduled = 0;
  let handled = 0;
  const target = { handle: () => void handled++ };
  // In a microtask while there is time left, else behind I/O.
  globalThis.queueMicrotask = (call) => {
    scheduled++;
    queueMicrotask(call);
  };
  globalThis.setImmediate = ((call: () => void) => {
    scheduled++;
    return immediate(call);
  }) as typeof setImmediate;
  for (let i = 0; i < 100; i++) enqueue(target, 0);
  Object.assign(globalThis, { queueMicrotask, setImmediate: immediate });
  t.equal(scheduled, 1);
  while (handled < 100) await new Promise((resolve) => setImmediate(resolve));
});

t.test('overdue and turnTime', async (t) => {
  let late: boolean | undefined;
  let told: number | undefined;
  enqueue(
    target(() => {
      const since = performance.now();
      told = turnTime() - since;
      while (performance.now() - since < 7);
      late = overdue();
    }),
    0,
  );
  await until(() => late !== undefined);
  t.ok(late);
  t.ok(Math.abs(told!) < 1000);
});

t.test('L1: a long turn is cut: timers, I/O and kills come between', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const socket = connect((server.address() as { port: number }).port);
  await new Promise((resolve) => socket.once('connect', resolve));
  let echoes = 0;
  socket.on('data', () => {
    echoes++;
    if (!over) socket.write('x');
  });
  let timers = 0;
  let longest = 0;
  let last = performance.now();
  const interval = setInterval(() => {
    timers++;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  let over = false;
  socket.write('x');
  const yields = 1_000_000;
  const count = function* (): Generator<any, number, any> {
    let sum = 0;
    for (let i = 0; i < yields; i++) sum += yield* immediate(1);
    return sum;
  };
  const since = performance.now();
  const [sum] = await runCommandGens([count()]);
  const ms = performance.now() - since;
  over = true;
  clearInterval(interval);
  socket.destroy();
  server.close();
  t.equal(sum, yields);
  // A slice is 5 ms; a machine that is busy with other things has fewer of them. Uncut there would be none.
  t.ok(timers >= 5, `${timers} timers in ${Math.round(ms)} ms, longest gap ${Math.round(longest)} ms`);
  t.ok(echoes >= 5, `${echoes} echoes in ${Math.round(ms)} ms`);
});

t.test('L1: an endless generator can be killed, from a timer', async (t) => {
  const sync = function* (): Generator<any, void, any> {
    for (;;) yield* immediate(1);
  };
  const async = async function* (): AsyncGenerator<any, void, any> {
    for (;;) yield* immediate(1);
  };
  const plain = async function* (): AsyncGenerator<any, void, any> {
    for (;;) yield immediate(1);
  };
  for (const body of [sync, async, plain]) {
    const loop = runCommandGens<void>([body]);
    setTimeout(() => loop.kill('me'), 1);
    t.match(await failure(loop), { reason: { type: 'killed', by: 'me' } });
  }
});

t.test('nothing of the loop keeps Node alive by itself', async (t) => {
  const index = new URL('../../lib/kernel/index.ts', import.meta.url).href;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const script = `
    import { createRunner, runCommandGens } from ${JSON.stringify(index)};
    const quiet = { pause() {}, play() {}, kill() {} };
    runCommandGens([createRunner({ spec: { type: 'never' }, start: () => quiet })]);
    process.on('exit', () => console.log('left'));`;
  const child = spawnProcess(process.execPath, ['--import', loader, '--input-type=module', '-e', script]);
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  await new Promise((resolve) => child.once('close', resolve));
  t.equal(output, 'left\n');
});
