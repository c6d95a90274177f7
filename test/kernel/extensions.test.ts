import t from 'tap';
import { timeout } from '../../lib/advice/timeout.ts';
import { isRunError, runCommandGens, type Extension, type RunEnded } from '../../lib/kernel/index.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

function observer(log: string[], name?: string): Extension {
  return {
    name,
    onInit: ({ options, at }) => void log.push(`init ${Object.keys(options).join(' ')} ${typeof at}`),
    onBefore: ({ id, label, spec, at }) => void log.push(`before ${id} ${label} ${spec.type} ${typeof at}`),
    onAfter: ({ id, label, outcome, ms }) => void log.push(`after ${id} ${label} ${outcome.type} ${typeof ms}`),
  };
}

t.test('observes every run of a loop, and of the loops in its tasks', async (t) => {
  const log: string[] = [];
  await runCommandGens(
    [
      function* outer() {
        yield* value(1);
      },
      failure(new Error('no')).with(timeout('1h')),
      async function* loops() {
        await runCommandGens([value(2)]);
        await value(3).run();
      },
    ],
    { extensions: [observer(log)], slots: 2 },
  ).catch(() => {});
  t.equal(log[0], 'init extensions slots number');
  t.equal(log.filter((line) => line.startsWith('init')).length, 1);
  for (const line of [
    'before 1 outer task number',
    'before 1.1 value value number',
    'after 1.1 value finished number',
    'after 1 outer finished number',
    'before 2 failure timeout number',
    'before 2.1 failure failure number',
    'after 2.1 failure failed number',
    'after 2 failure failed number',
    'after 3.1.1 value finished number',
    'after 3.2 value finished number',
  ])
    t.ok(log.includes(line), line);
  t.equal(
    log.filter((line) => line.startsWith('before')).length,
    log.filter((line) => line.startsWith('after')).length,
  );
});

t.test('onInit is told before anything begins; a single run takes extensions too', async (t) => {
  const log: string[] = [];
  const promise = value(5).run({ extensions: [observer(log), observer(log)] });
  t.same(log, []);
  t.equal(await promise, 5);
  t.match(log, [/^init/, /^init/, /^before 1/, /^before 1/, /^after 1/, /^after 1/]);
});

t.test('what a hook throws fails its run, or the loop', async (t) => {
  const throws = () => {
    throw new Error('own');
  };
  for (const hook of ['onBefore', 'onAfter'] as const) {
    const error = await value(1)
      .run({ extensions: [{ name: 'metrics', [hook]: throws }] })
      .catch((thrown: unknown) => thrown);
    t.ok(isRunError(error, 'callback') && error.reason.name === `${hook} of the extension metrics`, String(error));
  }
  for (const onInit of [throws, async () => throws()]) {
    const step = driven();
    const loop = runCommandGens([step.runner], { extensions: [{ onInit }] });
    await t.rejects(loop, like({ reason: { type: 'callback', name: 'onInit of extensions[0]' } }));
    if (onInit === throws) t.equal(step.starts, 0);
  }
  const loop = runCommandGens([value(1)], { extensions: [{ onAfter: async () => throws() }] });
  await t.rejects(loop, /onAfter of extensions\[0\] threw/);
});

t.test('a class may have fields of its own; its hooks have their this', async (t) => {
  class Counts implements Extension {
    count = 0;
    onAfter({ ms }: RunEnded) {
      this.count += ms >= 0 ? 1 : 0;
    }
  }
  const counts = new Counts();
  await runCommandGens([value(1), value(2)], { extensions: [counts] });
  t.equal(counts.count, 2);
  await t.rejects(
    value(1).run({
      extensions: [
        new (class Broken {
          onBefore() {
            throw new Error('own');
          }
        })(),
      ],
    }),
    /onBefore of the extension Broken threw/,
  );
});

t.test('secrets are masked', async (t) => {
  const told: unknown[] = [];
  const step = driven();
  const note = (given: unknown) => void told.push(given);
  const loop = runCommandGens(
    [
      function* hunter2xx() {
        yield* failure(new Error('it is hunter2xx'));
      },
      step.runner,
    ],
    { secrets: ['hunter2xx'], extensions: [{ onInit: note, onBefore: note, onAfter: note }] },
  );
  await settleDown();
  loop.kill();
  await loop.then(undefined, () => {});
  t.ok(told.length > 4);
  const { inspect } = await import('node:util');
  t.notMatch(inspect(told, { depth: 20 }), /hunter2xx/);
  t.match(inspect(told, { depth: 20 }), /\*\*\*/);
});

t.test('are checked', (t) => {
  const wrong: [unknown, RegExp][] = [
    [{}, /extensions is a list of .*not an object/],
    [[3], /extensions\[0\]: expected options, got the number 3/],
    [[null], /extensions\[0\]: expected options, got null/],
    [[{}], /extensions\[0\] has none of onInit, onBefore, onAfter/],
    [[{ onbefore() {} }], /unknown option onbefore; known are name, onInit/],
    [[{ onBefore: 3 }], /onBefore is a function, not the number 3/],
    [[{ name: 3, onBefore() {} }], /name is a string/],
    [[class {}], /expected options/],
  ];
  for (const [extensions, message] of wrong)
    t.throws(() => void runCommandGens([value(1)], { extensions: extensions as never }), message);
  t.end();
});
