import { join } from 'node:path';
import t from 'tap';
import { deadline } from '../../lib/advice/deadline.ts';
import { fallback } from '../../lib/advice/fallback.ts';
import { log } from '../../lib/advice/log.ts';
import { metrics } from '../../lib/advice/metrics.ts';
import { once } from '../../lib/advice/once.ts';
import { rate } from '../../lib/advice/rate.ts';
import { retry } from '../../lib/advice/retry.ts';
import { slots } from '../../lib/advice/slots.ts';
import { transcript } from '../../lib/advice/transcript.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { createRunner, runCommandGens, type Advice } from '../../lib/kernel/index.ts';
import { fully, inOneLine } from '../../lib/report/explain.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, value } from '../support.ts';

t.test('1,000 advice on one runner', async (t) => {
  let runner = value(1);
  for (let i = 0; i < 1000; i++) runner = runner.with(timeout('1h'));
  t.equal(await runner.run(), 1);
});

t.test('100 of each kind around one runner', async (t) => {
  const clock = fakeClock();
  const folder = join(t.testdir(), 'x');
  const kinds: Record<string, () => Advice> = {
    deadline: () => deadline('1h'),
    fallback: () => fallback(value(0)),
    log: () => log(() => {}),
    metrics: () => metrics(),
    once: () => once({ key: 'x' }),
    rate: () => rate(2, '1s'),
    retry: () => retry(1),
    slots: () => slots({ disk: 1 })({ disk: 1 }),
    transcript: () => transcript(folder),
    unchecked: () => unchecked,
  };
  for (const [name, make] of Object.entries(kinds)) {
    const around = Array.from({ length: 100 }, make);
    t.equal(
      await value(1)
        .with(...around)
        .run({ clock }),
      1,
      name,
    );
    const error = new Error('its own');
    if (name !== 'fallback' && name !== 'retry')
      await t.rejects(
        failure(error)
          .with(...around)
          .run({ clock }),
        error as never,
        name,
      );
  }
  t.equal(clock.pending, 0);
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

t.test('errors of others: a message that is no text, attempts that are its own', async (t) => {
  const odd = {
    none: Object.defineProperty(new Error(), 'message', { value: undefined }),
    object: Object.assign(new Error(), { message: { code: 1 } }),
    taken: Object.defineProperty(new Error('taken'), 'attempts', { value: 1 }),
    frozen: Object.freeze(new Error('frozen')),
    getter: Object.defineProperty(new Error('getter'), 'data', {
      enumerable: true,
      get() {
        throw new Error('not now');
      },
    }),
  };
  const folder = join(t.testdir(), 'x');
  const around: readonly Advice[] = [retry({ count: 2, backoff: 0 }), log(() => {}), transcript(folder), metrics()];
  for (const [name, error] of Object.entries(odd)) {
    const runner = failure(error);
    const loop = runCommandGens([runner.with(...around), runner.with(fallback(runner))]);
    const failed = (await loop.catch((thrown: unknown) => thrown)) as AggregateError;
    t.equal(failed.errors.length, 2);
    for (const one of failed.errors) t.ok(one === error, name);
    t.type(fully(failed), 'string');
    t.type(inOneLine(error), 'string');
  }
});
