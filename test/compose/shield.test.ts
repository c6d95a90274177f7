import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { shield } from '../../lib/compose/shield.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { contract } from '../../lib/testing/contract.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

// In another runner, as a loop waits for what is shielded in it.
contract(t, 'shield', () => ({
  runner: () => all([shield(value(1))]),
  failing: () => shield(failure(new RangeError('no'))),
  check: (given) => t.same(given, [1]),
}));

t.test('a kill waits for it, and what it gives is answered as usual', async (t) => {
  const step = driven<string>();
  const seen: string[] = [];
  const loop = runCommandGens([
    function* () {
      seen.push(yield* shield(step.runner));
      try {
        yield* sleep(Infinity);
      } finally {
        seen.push(yield* shield(value('cleaned')));
      }
    },
  ]);
  await settleDown();
  loop.kill('test');
  await settleDown();
  t.same(step.kills, []);
  step.finish('done');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.same(seen, ['done', 'cleaned']);
});
