import { Readable } from 'node:stream';
import t from 'tap';
import { isRunError, runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { stream } from '../../lib/runners/stream.ts';
import { like } from '../support.ts';
import { rounds } from './tools.ts';

/** A promise that is settled from outside. */
function deferred(): { promise: Promise<void>; resolve(): void; reject(error: Error): void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

t.test('a line callback that is async is waited for', async (t) => {
  const { promise, resolve } = deferred();
  let settled = false;
  const run = program('echo a', { stdout: () => promise })
    .run()
    .finally(() => (settled = true));
  const loop = runCommandGens([stream(Readable.from(['a\n']), () => promise)]);
  while (loop.list()[0]?.detail !== 'is done; waits for 1 callbacks of its lines') await rounds();
  t.notOk(settled);
  resolve();
  await run;
  t.same(await loop, [1]);
});

t.test('its rejection fails the run, also after the end of the program', async (t) => {
  const { promise, reject } = deferred();
  const loop = runCommandGens([stream(Readable.from(['a\n']), () => promise)]);
  while (!loop.list()[0]?.detail.startsWith('is done')) await rounds();
  reject(new Error('too late?'));
  await t.rejects(loop, {
    errors: [{ reason: { type: 'callback', name: 'the line callback of stream' }, cause: { message: 'too late?' } }],
  });
  await t.rejects(
    program('echo a; exec sleep 1000', { stdout: () => Promise.reject(new Error('at once')) }).run(),
    { reason: { type: 'callback', name: 'the line callback of stdout' }, cause: { message: 'at once' } },
    'the program is ended for it',
  );
  await t.rejects(
    stream(Readable.from([{ n: 1 }]), () => Promise.reject(new Error('item'))).run(),
    like({
      reason: { type: 'callback', name: 'the callback of items' },
    }),
  );
});

t.test('a kill does not wait for callbacks', async (t) => {
  const loop = runCommandGens([stream(Readable.from(['a\n']), () => new Promise(() => {}))]);
  while (!loop.list()[0]?.detail.startsWith('is done')) await rounds();
  loop.kill('enough');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'enough' } }));
});

t.test('onEvent that is async: the run of the event fails, or what is above it', async (t) => {
  const failing = (type: Event['type']) =>
    runCommandGens([program('echo a'), program('echo b')], {
      onEvent: (event) => (event.type === type ? Promise.reject(new Error(event.run)) : undefined) as never,
    });
  const lines = await failing('line').catch((error: AggregateError) => error);
  t.same(
    (lines as AggregateError).errors.map((error) => isRunError(error, 'callback') && (error.cause as Error).message),
    ['1', '2'],
  );
  await t.rejects(failing('settle'), like({ reason: { type: 'callback', name: 'onEvent' } }));
});

t.test('L5: a run with many callbacks on their way is not read on', async (t) => {
  const { promise, resolve } = deferred();
  let given = 0;
  const source = new Readable({
    read() {
      given++;
      this.push('a\n'.repeat(5000));
    },
  });
  const loop = runCommandGens([stream(source, () => promise)]);
  let before = -1;
  while (before !== given) {
    before = given;
    await rounds();
  }
  t.ok(given < 100, `${given} chunks were read`);
  loop.kill();
  resolve();
  await t.rejects(loop);
});
