import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { runCommandGens, type Outcome, type Runner } from '../../lib/kernel/index.ts';
import { failure, hand, immediate, rounds, unhandledOf, until } from './tools.ts';

const gen = function* <T>(value: T) {
  return yield* immediate(value);
};

function immediateFailure(): Runner {
  return all([
    function* () {
      throw new Error('alone');
    },
  ]);
}

t.test('results are in order, whoever ends first', async (t) => {
  const h = hand();
  const loop = runCommandGens([h.runner, h.runner, h.runner]);
  await until(() => h.starts.length === 3);
  h.starts[2]!.finish('c');
  await rounds();
  h.starts[0]!.finish('a');
  h.starts[1]!.finish('b');
  t.same(await loop, ['a', 'b', 'c']);
});

t.test('failures', async (t) => {
  t.test('the rest finish; one AggregateError with all outcomes in order', async (t) => {
    const h = hand();
    const error = new RangeError('mine');
    const loop = runCommandGens<unknown>([h.runner, h.runner, h.runner]);
    const rejected = failure(loop);
    await until(() => h.starts.length === 3);
    h.starts[0]!.fail(error);
    await rounds();
    t.same(h.starts[1]!.calls, []);
    h.starts[2]!.finish('c');
    h.starts[1]!.fail(new Error('other'));
    const { name, message, errors, outcomes } = await rejected;
    t.equal(name, 'AggregateError');
    t.equal(errors[0], error);
    t.same(
      outcomes.map((outcome: Outcome<unknown>) => outcome.type),
      ['failed', 'failed', 'finished'],
    );
    t.match(message, /^2 of 3 failed:\n {2}mine\n {2}other$/);
  });

  t.test('also when it is only one', async (t) => {
    t.match(await failure(runCommandGens([() => gen(1), 1 as never])), {
      name: 'AggregateError',
      errors: { length: 1 },
    });
  });

  t.test('a generator killed alone is among the errors', async (t) => {
    const h = hand();
    const loop = runCommandGens([h.runner, gen(2)]);
    const rejected = failure(loop);
    await until(() => h.starts.length === 1);
    loop.find('1')!.kill('me');
    t.match(await rejected, {
      name: 'AggregateError',
      errors: [{ reason: { type: 'killed', by: 'me' } }],
      outcomes: [{ type: 'killed', by: 'me' }, { type: 'finished' }],
    });
  });

  t.test('failFast kills the rest, waits, and tells only of the failure', async (t) => {
    const h = hand();
    const stubborn = hand({ stubborn: true });
    const loop = runCommandGens([h.runner, h.runner, stubborn.runner], { failFast: true });
    const rejected = failure(loop);
    await until(() => stubborn.starts.length === 1);
    h.starts[1]!.fail(new Error('first'));
    await rounds();
    t.same(h.starts[0]!.calls, ['kill failFast']);
    t.same(stubborn.last.calls, ['kill failFast']);
    t.equal(loop.list().length, 1);
    stubborn.last.finish();
    const { errors, outcomes } = await rejected;
    t.match(errors, [{ message: 'first' }]);
    t.equal(errors.length, 1);
    t.match(outcomes, [{ type: 'killed' }, { type: 'failed' }, { type: 'killed', by: 'failFast' }]);
  });

  t.test('failFast ends the source too', async (t) => {
    let closed = false;
    const source = async function* () {
      try {
        yield () =>
          (function* () {
            throw new Error('at once');
          })();
        for (;;) yield gen(1);
      } finally {
        closed = true;
      }
    };
    await failure(runCommandGens(source(), { failFast: true }));
    await rounds();
    t.ok(closed);
  });

  t.test('L7: one that nobody awaits is exactly one unhandled rejection; one that is read is none', async (t) => {
    const fails = (): Generator<never> => {
      throw new Error('nobody hears');
    };
    const unheard = await unhandledOf(async () => {
      runCommandGens([fails, fails]);
      await rounds(10);
    });
    t.match(unheard, [{ name: 'AggregateError' }]);
    t.equal(unheard.length, 1);
    const heard = await unhandledOf(async () => {
      await failure(runCommandGens([fails]));
      const caught = runCommandGens([fails]);
      caught.catch(() => {});
      const read = runCommandGens([fails]);
      await failure(
        (async () => {
          for await (const _ of read);
        })(),
      );
      const late = runCommandGens([fails]);
      const rejection = failure(late);
      await rounds(10);
      await rejection;
      await failure(immediateFailure().run());
      await rounds(10);
    });
    t.same(heard, []);
  });
});
