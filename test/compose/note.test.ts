import t from 'tap';
import { emit, note } from '../../lib/compose/note.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { contract } from '../../lib/testing/contract.ts';
import { brief, like, settleDown } from '../support.ts';

contract(t, 'note', () => ({
  runner: () => note('said', { well: true }),
  check: (given) => t.equal(given, undefined),
}));
contract(t, 'emit', () => ({ runner: () => emit({ done: 3 }), check: (given) => t.equal(given, undefined) }));

t.test('note and emit tell of the task that yields them', async (t) => {
  const events: Event[] = [];
  await runCommandGens(
    [
      function* () {
        yield* note('halfway', { percent: 50 });
        yield* emit('thing');
      },
    ],
    { onEvent: (event) => events.push(event) },
  );
  const told = brief(events);
  t.ok(told.includes('note 1 halfway'));
  t.ok(told.includes('item 1'));
});

t.test('without a task they tell of themselves', async (t) => {
  const events: Event[] = [];
  await runCommandGens([note('alone'), emit(1)], { onEvent: (event) => events.push(event) });
  t.same(brief(events), ['start 1', 'note 1 alone', 'settle 1 finished', 'start 2', 'item 2', 'settle 2 finished']);
});

t.test('emit waits for readers that are behind (L5)', async (t) => {
  let emitted = 0;
  const loop = runCommandGens([
    function* () {
      for (; emitted < 100_000; emitted++) yield* emit(emitted);
    },
  ]);
  const events = loop[Symbol.asyncIterator]();
  await events.next();
  await settleDown();
  await settleDown();
  t.ok(emitted < 5000, `${emitted} were emitted before the reader read`);
  loop.kill();
  await t.rejects(
    (async () => {
      for await (const _event of events);
    })(),
    like({ reason: { type: 'killed' } }),
  );
  await t.rejects(loop);
});
