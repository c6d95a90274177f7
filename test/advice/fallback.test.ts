import t from 'tap';
import { fallback } from '../../lib/advice/fallback.ts';
import { retry } from '../../lib/advice/retry.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens, RunError, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(t, 'fallback', fallback(value('other'), { when: () => false }));

t.test('runs the other where one fails, and a note tells', async (t) => {
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const given = await failure(new Error('no luck\nat all'))
    .with(fallback(value('other')))
    .run({ onEvent });
  t.equal(given, 'other');
  t.same(notes, ['falls back to value: no luck']);
  t.equal(
    await value('own')
      .with(fallback(failure(new Error('unused'))))
      .run(),
    'own',
  );
});

t.test('a function is given the error; a generator function too', async (t) => {
  const error = new RangeError('its own');
  t.equal(
    await failure(error)
      .with(fallback((given) => value(given)))
      .run(),
    error,
  );
  const generator = fallback(function* (given) {
    return [yield* value(1), given.message];
  });
  t.same(await failure(error).with(generator).run(), [1, 'its own']);
  t.match(
    await program('echo out; exit 3')
      .with(fallback((given) => value((given as RunError).result)))
      .run(),
    { exitCode: 3, stdout: 'out' },
  );
});

t.test('both errors are kept when the other fails as well', async (t) => {
  const [first, second] = [new Error('first'), new Error('second')];
  const thrown = await failure(first)
    .with(fallback(failure(second)))
    .run()
    .catch((error: unknown) => error);
  t.equal(thrown, second);
  t.same((thrown as { attempts?: unknown }).attempts, [first]);
  let tries = 0;
  const other = task(() => {
    throw new Error(`other ${++tries}`);
  });
  const tried = await failure(first)
    .with(fallback(other.with(retry({ count: 1, backoff: 0 }))))
    .run()
    .catch((error: unknown) => error);
  t.same(
    (tried as { attempts: Error[] }).attempts.map(({ message }) => message),
    ['first', 'other 1'],
  );
});

t.test('when decides; what it, or the function, throws fails the run by name', async (t) => {
  const error = new RunError({ reason: { type: 'exit', exitCode: 2 } });
  const only1 = fallback(value('other'), { when: (reason) => reason?.type === 'exit' && reason.exitCode === 1 });
  await t.rejects(failure(error).with(only1).run(), like({ reason: { type: 'exit', exitCode: 2 } }));
  const thrown = new TypeError('a bug');
  const throwing = () => {
    throw thrown;
  };
  const named = like({ reason: { type: 'callback', name: 'the function of fallback' }, cause: thrown });
  await t.rejects(failure(error).with(fallback(throwing)).run(), named);
  await t.rejects(
    failure(error)
      .with(fallback(value(1), { when: throwing }))
      .run(),
    named,
  );
  await t.rejects(
    failure(error)
      .with(fallback(value(1), { when: (async () => false) as never }))
      .run(),
    like({ reason: { type: 'callback' }, message: /fallback: when gave a promise/ }),
  );
  await t.rejects(
    failure(error)
      .with(fallback((() => 'text') as never))
      .run(),
    like({ reason: { type: 'callback' } }),
  );
});

t.test('a kill is no failure, before, and reaches the other', async (t) => {
  const [first, second] = [driven(), driven()];
  const loop = runCommandGens([first.runner.with(fallback(second.runner))]);
  await settleDown();
  loop.kill('me');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'me' } }));
  t.equal(second.starts, 0);
  const again = runCommandGens([first.runner.with(fallback(second.runner))]);
  await settleDown();
  first.fail(new Error('no'));
  await settleDown();
  t.equal(second.starts, 1);
  again.kill('me');
  await t.rejects(again, like({ reason: { type: 'killed', by: 'me' } }));
  t.same(second.kills, ['me']);
});

t.test('wrong arguments', async (t) => {
  const generator = (function* () {
    yield* value(1);
  })();
  t.throws(() => fallback(generator as never), /a generator object runs once/);
  t.throws(() => fallback('x' as never), /expected a runner, or a function/);
  t.throws(() => fallback(value(1), { if: true } as never), /unknown option if/);
  t.throws(() => fallback(value(1), { when: true as never }), TypeError);
  t.same(value(1).with(fallback(value(2))).spec, { type: 'fallback', to: { type: 'value' }, of: { type: 'value' } });
});
