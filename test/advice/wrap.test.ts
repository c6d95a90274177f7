import t from 'tap';
import { timeout } from '../../lib/advice/timeout.ts';
import { createRunner } from '../../lib/kernel/index.ts';
import { value } from '../support.ts';

t.test('1,000 advice on one runner', async (t) => {
  let runner = value(1);
  for (let i = 0; i < 1000; i++) runner = runner.with(timeout('1h'));
  t.equal(await runner.run(), 1);
});

t.test('what the loop has to know of a runner holds for the advice around it', async (t) => {
  const made = createRunner({
    spec: { type: 'inner' },
    label: 'its label',
    shield: true,
    once: 'once only',
    unchecked: true,
    discard: () => void discarded++,
    slot: true,
    leaf: true,
    start: () => ({ pause() {}, play() {}, kill() {} }),
  });
  let discarded = 0;
  const outer = made.with(timeout('1s'));
  t.equal(outer.label, 'its label');
  t.same(outer.spec, { type: 'timeout', ms: 1000, of: { type: 'inner' } });
  t.match(outer.traits, { shield: true, once: 'once only', unchecked: true });
  t.notOk(outer.traits.slot, 'the inner one takes the slot');
  t.notOk(outer.traits.leaf);
  outer.traits.discard!();
  t.equal(discarded, 1);
});
