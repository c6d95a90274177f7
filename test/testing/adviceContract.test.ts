import t from 'tap';
import { createRunner, type Advice, type Outcome } from '../../lib/kernel/index.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { failuresOf } from './support.ts';

adviceContract(t, 'no advice', (runner) => runner);

t.test('advice that does not keep it is found out', async (t) => {
  const broken = (advice: Advice) => failuresOf((suite) => adviceContract(suite, 'it', advice));
  const around = (change: Partial<Parameters<typeof createRunner>[0]>): Advice =>
    ((runner) =>
      createRunner({
        spec: { type: 'broken', of: runner.spec },
        label: runner.label,
        ...runner.traits,
        leaf: false,
        start: (sink, context) => {
          const child = context.start(runner, { settle: (outcome) => sink.settle(outcome as never) });
          return { pause() {}, play() {}, kill: (by) => child.kill(by) };
        },
        ...change,
      })) as Advice;
  t.same(await broken(around({})), [], 'this one is not broken');
  t.match(await broken(around({ label: 'another' })), [/label and a spec/]);
  t.match(await broken(around({ spec: { type: 'broken' } })), [/label and a spec/]);
  t.match(await broken(around({ shield: false })), [/keeps a shield/]);
  const telling =
    (tell: (outcome: Outcome<any>) => Outcome<any>): Advice =>
    (runner) =>
      around({
        start: (sink, context) => {
          const child = context.start(runner, { settle: (outcome) => sink.settle(tell(outcome)) });
          return { pause() {}, play() {}, kill: (by) => child.kill(by) };
        },
      })(runner);
  t.same(
    await broken(telling((outcome) => (outcome.type === 'finished' ? { ...outcome, value: 'another' } : outcome))),
    ['it: lets results, lines, items and notes through, under the id that it would have'],
  );
  t.same(
    await broken(
      telling((outcome) => (outcome.type === 'failed' ? { type: 'failed', error: new Error('another') } : outcome)),
    ),
    ['it: gives the very error of a failure'],
  );
});
