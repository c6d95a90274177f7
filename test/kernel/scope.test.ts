import t from 'tap';
import { makeAmbient, makeScope } from '../../lib/kernel/scope.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { roomy } from './tools.ts';

t.test('what a loop says goes over what is around it; what it does not say stays', async (t) => {
  const clock = fakeClock();
  const [first, second] = [roomy(), roomy()];
  const advice = <T>(runner: T): T => runner;
  const outer = makeAmbient({
    cwd: '/a',
    clock,
    spawner: first,
    slots: 4,
    advice: [advice],
    grace: '1s',
    dryRun: true,
  });
  t.match(outer, { cwd: '/a', grace: 1000, dryRun: true, slots: { limit: 4 } });
  const inner = makeAmbient({ spawner: second, slots: 2, advice: [advice] }, outer);
  t.equal(inner.clock, clock);
  t.equal(inner.spawner, second);
  t.match(inner, { cwd: '/a', grace: 1000, dryRun: true, slots: { limit: 2, parent: { limit: 4 } } });
  t.equal(inner.advice.length, 2);
  t.match(makeAmbient({}), { cwd: undefined, grace: 5000, dryRun: false, slots: undefined });
});

t.test('secrets of a loop hold in those within it too', async (t) => {
  const outer = makeScope({ secrets: ['outer secret'] }, undefined);
  const inner = makeScope({ secrets: ['inner secret'] }, outer);
  t.equal(inner.masker.text('an outer secret, an inner secret'), 'an ***, an ***');
  t.equal(outer.masker.text('an outer secret, an inner secret'), 'an ***, an inner secret');
  t.ok(makeScope({}, outer).masking);
  t.notOk(makeScope({ secrets: [] }, undefined).masking);
});

t.test('the report hears first; what is no function is told', async (t) => {
  const listen = (): void => {};
  t.same(
    makeScope({ onEvent: listen, report: listen }, undefined).listeners.map(({ name }) => name),
    ['report', 'onEvent'],
  );
  t.throws(
    () => makeScope({ report: 'json' as never }, undefined),
    /^report: expected a function of an event, got string/,
  );
});
