// The part of the contract that is about kills (L4), and the end of what was killed (L3).
import assert from 'node:assert/strict';
import { all } from '../compose/all.ts';
import { isRunError, type Loop, type Runnable, type Runner } from '../kernel/index.ts';
import { rounds, through, until, type Record } from './record.ts';
import { run, type Subject } from './subject.ts';

type Act = (loop: Loop<unknown[]>, record: Record) => Promise<void> | void;
type Wrap = (make: () => Runner, loop: () => Loop<unknown[]>) => Runnable;

/** However and whenever it is killed, a run settles killed, once, and leaves nothing. */
export function killing(test: (what: string, body: (subject: Subject<any>) => Promise<void>) => void): void {
  const kill = (what: string, act: Act, wrap: Wrap = (make) => make()): void =>
    test(`killed ${what} it settles killed, once`, async (subject) => {
      const make = subject.endless ?? subject.runner;
      const started: { loop: Loop<unknown[]>; record: Record } = run(subject, [wrap(make, () => started.loop)]);
      const { loop, record } = started;
      const ended = loop.then(
        () => assert.equal(subject.endless, undefined, 'killed, it finished'),
        (error: unknown) => {
          assert.ok(isRunError(error, 'killed'), String(error));
          assert.equal((error.reason as { by?: string }).by, 'me');
          const [outcome] = error.outcomes!;
          assert.deepEqual([outcome?.type, (outcome as { by?: string }).by], ['killed', 'me']);
        },
      );
      await act(loop, record);
      await ended;
      assert.deepEqual(loop.list(), []);
      await rounds();
      record.wellFormed();
    });
  kill('as it starts', (loop) => loop.kill('me'));
  kill(
    'before it has begun',
    async (loop) => {
      await until(() => loop.list().length === 2);
      loop.kill('me');
    },
    (make, loop) =>
      async function* () {
        loop().pause();
        await rounds(2);
        await make().run();
      },
  );
  kill('while it runs', async (loop, record) => {
    await until(() => record.began('1'));
    await rounds();
    loop.kill('me');
  });
  kill('twice', async (loop, record) => {
    await until(() => record.began('1'));
    loop.kill('me');
    loop.kill('somebody else');
    await rounds(1);
    loop.kill('somebody else');
  });
  kill('while it is paused', async (loop, record) => {
    await until(() => record.began('1'));
    loop.pause();
    await rounds();
    loop.kill('me');
  });
  kill('and at once with SIGKILL', async (loop, record) => {
    await until(() => record.began('1'));
    loop.kill('me');
    loop.kill('SIGKILL');
  });

  test('killed after its end nothing happens', async (subject) => {
    const { loop, record } = run(subject, [subject.runner()]);
    await until(() => record.began('1'));
    const handle = loop.find('1');
    await through(subject.finish, loop);
    handle?.kill();
    handle?.pause();
    handle?.play();
    await rounds();
    record.wellFormed();
  });

  test('killed by an all whose other child fails', async (subject) => {
    const { loop, record } = run(subject, [
      function* () {
        yield* all<unknown>([
          (subject.endless ?? subject.runner)(),
          function* () {
            throw new Error('the other');
          },
        ]);
      },
    ]);
    await assert.rejects(Promise.resolve(loop), { message: /the other/ });
    record.wellFormed();
    assert.deepEqual(loop.list(), []);
  });
}
