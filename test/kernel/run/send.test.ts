import t from 'tap';
import { spawn } from '../../../lib/compose/spawn.ts';
import { createRunner, runCommandGens } from '../../../lib/kernel/index.ts';
import { failure, hand, until } from '../tools.ts';

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
