import t from 'tap';
import { createRunner, isRunner, runCommandGens, type Runner } from '../../lib/kernel/index.ts';
import { around } from '../../lib/advice/around.ts';
import { value } from '../support.ts';

t.test('with: the first is the outermost; what is no advice is told', async (t) => {
  const order: string[] = [];
  const mark = (name: string) =>
    around(function* (proceed) {
      order.push(name);
      return yield* proceed;
    });
  await value(1).with(mark('outer'), mark('inner')).run();
  t.same(order, ['outer', 'inner']);
  t.throws(() => value(1).with(3 as never), /advice 1: expected a function, got number/);
  t.throws(() => value(1).with((() => 3) as never), /gave no runner/);
});

t.test('a runner is told by its brand, also one of another copy of the library', async (t) => {
  const made = createRunner({ spec: { type: 'mine' }, start: () => ({ pause() {}, play() {}, kill() {} }) });
  t.ok(isRunner(made));
  t.ok(isRunner({ [Symbol.for('sluice.runner')]: true }));
  for (const other of [undefined, null, 3, 'x', {}, () => {}, { start() {} }]) t.notOk(isRunner(other));
  t.equal(made.label, 'mine', 'the label is the type unless said otherwise');
  t.match(made.traits, { leaf: undefined, slot: undefined });
});

t.test('for the types: events in `for await`, also where `yield*` came first', async (t) => {
  // TypeScript before 6 mixes the two iterators up; then only `any` is assignable to both.
  type Yielded =
    ReturnType<ReturnType<Runner<number>[typeof Symbol.iterator]>['next']> extends IteratorResult<infer Y, any>
      ? Y
      : never;
  const isAny: 0 extends 1 & Yielded ? true : false = true;
  t.ok(isAny);
  const task = function* () {
    const given: number = yield* value(3);
    return given;
  };
  t.equal(task().next().done, false);
  for await (const event of value(3)) t.type(event.run.length, 'number');
});

t.test('for the types: yield* has the type of the value in an async generator, too', async (t) => {
  await runCommandGens([
    async function* () {
      const given = yield* value(3);
      const isAny: 0 extends 1 & typeof given ? true : false = false;
      t.same([given, isAny], [3, false]);
    },
  ]);
});

t.test('yield* gives a runner once, and is answered with its value', async (t) => {
  const iterator = value(3)[Symbol.iterator]();
  const step = iterator.next();
  t.ok(isRunner(step.value));
  t.same(iterator.next('answer'), { done: true, value: 'answer' });
});
