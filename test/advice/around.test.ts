import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(
  t,
  'around',
  around(function* (proceed) {
    return yield* proceed;
  }),
);
adviceContract(
  t,
  'around, asynchronous',
  around(async function* (proceed) {
    return yield* proceed;
  }),
);

t.test('before and after, replacing, concluding without running, proceeding again', async (t) => {
  const seen: string[] = [];
  const twice = around(function* (proceed, session) {
    seen.push(`before ${session.label}`);
    const first: number = yield* proceed;
    const second: number = yield* proceed;
    seen.push('after');
    return first + second;
  });
  const never = around(function* () {
    return 'concluded';
  });
  const step = driven();
  t.same(await runCommandGens([value(2).with(twice), step.runner.with(never)]), [4, 'concluded']);
  t.equal(step.starts, 0);
  t.same(seen, ['before value', 'after']);
  t.throws(() => around(3 as never), /around: expected a generator function/);
});

t.test('a failure is thrown at the proceed, and can be replaced', async (t) => {
  const rescued = around(function* (proceed) {
    try {
      return yield* proceed;
    } catch (error) {
      return (error as Error).message;
    }
  });
  t.equal(await failure(new Error('no')).with(rescued).run(), 'no');
});

t.test('a kill goes to the proceed first; finally runs, and the signal of the session is aborted', async (t) => {
  const step = driven();
  const seen: unknown[] = [];
  const cleaning = around(function* (proceed, session) {
    try {
      return yield* proceed;
    } finally {
      seen.push(session.id, session.spec, session.signal.aborted, [...step.kills]);
    }
  });
  const loop = runCommandGens([step.runner.with(cleaning)]);
  await settleDown();
  loop.kill('test');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.same(seen, ['1', { type: 'driven' }, true, ['test']]);
});
