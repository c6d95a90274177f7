import t from 'tap';
import { around } from '../../../lib/advice/around.ts';
import { fallback } from '../../../lib/advice/fallback.ts';
import { retry } from '../../../lib/advice/retry.ts';
import { slots } from '../../../lib/advice/slots.ts';
import { spawn } from '../../../lib/compose/spawn.ts';
import { createRunner, runCommandGens, type Advice } from '../../../lib/kernel/index.ts';
import { promise } from '../../../lib/runners/promise.ts';
import { failure, hand, until, type Hand } from '../tools.ts';

const quiet = { pause() {}, play() {}, kill() {} };

t.test('send and end', async (t) => {
  t.test(
    'reach the runner, also what was sent before it began; after its end they are lost without harm',
    async (t) => {
      const h = hand();
      const loop = runCommandGens([
        function* () {
          const run = yield* spawn(h.runner);
          run.send('a');
          run.send('b');
          run.end();
          yield* run.join();
          run.send('too late');
          run.end();
        },
      ]);
      await until(() => h.starts.length === 1 && h.last.calls.length === 3);
      t.same(h.last.calls, ['send a', 'send b', 'end']);
      h.last.finish();
      await loop;
    },
  );

  t.test(
    'an advice keeps them until what it goes around is there: in line, before it proceeds, between tries',
    async (t) => {
      const setup = hand({ spec: { type: 'setup' } });
      const busy = hand();
      const one = slots(1);
      const cases: readonly (readonly [string, Advice, ready: (h: Hand) => Promise<void>])[] = [
        ['slots', one, async () => busy.last.finish()],
        [
          'around',
          around(function* (proceed) {
            yield* setup.runner;
            return yield* proceed;
          }),
          async () => {
            await until(() => setup.starts.length === 1);
            setup.last.finish();
          },
        ],
        ['two', ((runner) => runner.with(retry(1), one)) as Advice, async () => {}],
        [
          'retry',
          retry({ backoff: '1ms' }),
          async (h) => {
            await until(() => h.starts.length === 1);
            h.last.fail(new Error('once'));
          },
        ],
      ];
      for (const [name, advice, ready] of cases) {
        const h = hand();
        await runCommandGens([
          name === 'slots' ? busy.runner.with(one) : function* () {},
          function* () {
            const run = yield* spawn(h.runner.with(advice));
            if (name === 'retry') yield* promise(() => ready(h));
            run.send('a');
            run.send('b');
            run.end();
            yield* promise(async () => {
              if (name !== 'retry') await ready(h);
              await until(() => h.starts.length === (name === 'retry' ? 2 : 1) && h.last.calls.length === 3);
            });
            t.same(h.last.calls, ['send a', 'send b', 'end'], name);
            h.last.finish();
            yield* run.join();
          },
        ]);
        t.same(
          setup.starts.flatMap(({ calls }) => calls),
          [],
        );
      }
    },
  );

  t.test('what it falls back to has them too', async (t) => {
    const [first, second] = [hand(), hand()];
    await runCommandGens([
      function* () {
        const run = yield* spawn(first.runner.with(fallback(second.runner)));
        run.send('a');
        yield* promise(async () => {
          await until(() => first.starts.length === 1 && first.last.calls.length === 1);
          first.last.fail(new Error('no'));
          await until(() => second.starts.length === 1);
        });
        run.send('b');
        run.end();
        yield* promise(() => until(() => second.last.calls.length === 2));
        t.same([first.last.calls, second.last.calls], [['send a'], ['send b', 'end']]);
        second.last.finish();
        yield* run.join();
      },
    ]);
  });

  t.test('to what takes nothing it is a failure', async (t) => {
    const mute = createRunner({ spec: { type: 'mute' }, start: () => quiet });
    const error = await failure(
      runCommandGens([
        function* () {
          const run = yield* spawn(
            createRunner({
              ...mute.traits,
              spec: { type: 'mute' },
              start: (sink) => ({ ...quiet, kill: (by) => sink.settle({ type: 'killed', by }) }),
            }),
          );
          run.send('x');
          yield* run.join();
        },
      ]),
    );
    t.match(error.errors, [{ reason: { type: 'closed' }, message: /nothing can be sent to a mute/ }]);
  });
});
