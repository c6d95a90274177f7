import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { chain } from '../../lib/advice/chain.ts';
import { retry } from '../../lib/advice/retry.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { within } from '../../lib/compose/within.ts';
import { createRunner, runCommandGens, type Advice } from '../../lib/kernel/index.ts';
import { toRunner } from '../../lib/kernel/runnable.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { driven, like, settleDown, value } from '../support.ts';

const same: Advice = (runner) => runner;
adviceContract(t, 'chain', chain('contract', same));
adviceContract(
  t,
  'chain of several',
  chain(
    'contract of several',
    around(function* (proceed) {
      return yield* proceed;
    }),
    chain('contract'),
  ),
);

const adds = (log: string[], name: string): Advice =>
  around(function* (proceed) {
    log.push(name);
    return yield* proceed;
  });

t.test('is the composition, the first outermost; its spec names it; wherever advice is taken', async (t) => {
  const log: string[] = [];
  const given = chain('ab', adds(log, 'a'), adds(log, 'b'));
  t.equal(given, chain('ab'));
  const runner = value(1).with(given);
  t.same(runner.spec, { type: 'chain', name: 'ab', of: { type: 'value' } });
  const leaf = driven<number>();
  const all = runCommandGens([runner, within({ advice: [chain('ab')] }, leaf.runner)], {
    advice: [chain('ab')],
  });
  await settleDown();
  leaf.finish(2);
  t.same(await all, [1, 2]);
  t.equal(log.join(''), 'ababab');
});

t.test('is looked up when a run begins', async (t) => {
  const log: string[] = [];
  const runner = value(1).with(chain('later'), chain('later'));
  await t.rejects(runner.run(), like({ name: 'TypeError', message: /chain "later"/ }));
  chain('later', adds(log, 'x'));
  t.equal(await runner.run(), 1);
  t.equal(log.join(''), 'xx');
});

t.test(
  'an unknown name fails the run and lists those known, the nearest first; what it held is discarded',
  async (t) => {
    chain('aaa', same);
    chain('remote', same);
    let closed = 0;
    const generator = (function* () {})();
    const runner = createRunner({
      spec: { type: 'held' },
      discard: () => void closed++,
      start: () => ({ pause() {}, play() {}, kill() {} }),
    });
    await t.rejects(runner.with(chain('remoet')).run(), /chain "remoet" was not defined .*known are remote, .*aaa/);
    t.equal(closed, 1);
    await t.rejects(toRunner(generator).with(chain('remoet')).run(), /known are remote/);
    t.same(generator.next(), { value: undefined, done: true });
  },
);

t.test('defined twice, and in a circle', (t) => {
  const one = retry(1);
  chain('twice', one, same);
  t.equal(chain('twice', one, same), chain('twice'));
  t.throws(() => chain('twice', one), /chain "twice" is defined already, with other advice/);
  t.throws(() => chain('twice', same, one), TypeError);
  chain('x', chain('y'), same);
  chain('y', same, chain('z'));
  t.throws(() => chain('z', chain('x')), /chain "z" would be a part of itself: z → x → y → z/);
  t.throws(() => chain('self', chain('self')), /self → self/);
  t.throws(() => chain(3 as never), /chain: expected a name/);
  t.throws(() => chain(''), /chain: expected a name/);
  t.throws(() => chain('bad', 3 as never), /chain "bad": advice\[0\] is no function/);
  t.end();
});

t.test('what its advice says of a runner holds for it', async (t) => {
  t.equal(value(1).with(chain('traits', unchecked)).traits.unchecked, true);
  const single = createRunner({
    spec: { type: 'x' },
    once: 'once only',
    start: () => ({ pause() {}, play() {}, kill() {} }),
  });
  t.throws(() => single.with(chain('again', retry(1))), /retry: once only/);
});
