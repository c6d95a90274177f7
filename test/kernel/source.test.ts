import t from 'tap';
import { from, of } from 'rxjs';
import { runCommandGens, type Runner } from '../../lib/kernel/index.ts';
import { failure, hand, immediate, rounds, until } from './tools.ts';

const gen = function* <T>(value: T) {
  return yield* immediate(value);
};
const run = function* <T>(runner: Runner<T>) {
  return yield* runner;
};

t.test('sources', async (t) => {
  t.test('an array, a Set, any iterable; of generators, functions, runners', async (t) => {
    t.same(await runCommandGens<unknown>([gen(1), () => gen(2), immediate(3), () => gen(4)]), [1, 2, 3, 4]);
    t.same(await runCommandGens(new Set([gen('a'), gen('b')])), ['a', 'b']);
    t.same(
      await runCommandGens([
        async function* () {
          return 4;
        },
      ]),
      [4],
    );
    t.same(
      await runCommandGens({
        *[Symbol.iterator]() {
          yield gen(5);
        },
      }),
      [5],
    );
  });

  t.test('for the types: an Observable of generators gives their results', async (t) => {
    const given = await runCommandGens(of(gen(1)));
    const isAny: 0 extends 1 & (typeof given)[number] ? true : false = false;
    t.same(given, [1]);
    t.notOk(isAny);
  });

  t.test('a generator object as the source gives generators and functions', async (t) => {
    const source = (function* () {
      yield gen(1);
      yield () => gen(2);
    })();
    t.same(await runCommandGens(source), [1, 2]);
  });

  t.test('an async iterable: started as they come', async (t) => {
    const h = hand();
    let go!: () => void;
    const second = new Promise<void>((resolve) => (go = resolve));
    const source = async function* () {
      yield () => run(h.runner);
      await second;
      yield gen(2);
    };
    const loop = runCommandGens(source());
    await until(() => h.starts.length === 1);
    h.last.finish(1);
    await rounds();
    go();
    t.same(await loop, [1, 2]);
  });

  t.test('an Observable, also of another library', async (t) => {
    t.same(await runCommandGens(from([gen(1), gen(2)])), [1, 2]);
    const own = {
      '@@observable'() {
        return this;
      },
      subscribe(observer: { next(value: unknown): void; complete(): void }) {
        setImmediate(() => {
          observer.next(gen(3));
          observer.complete();
        });
        return { unsubscribe() {} };
      },
    };
    t.same(await runCommandGens(own as never), [3]);
  });

  t.test('an Observable that fails; what it gave goes on', async (t) => {
    const h = hand();
    const own = {
      '@@observable'() {
        return this;
      },
      subscribe(observer: { next(value: unknown): void; error(error: unknown): void }) {
        observer.next(h.runner);
        observer.error(new Error('source'));
        return { unsubscribe() {} };
      },
    };
    const error = failure(runCommandGens(own as never));
    await until(() => h.starts.length === 1);
    await rounds();
    h.last.finish(1);
    t.match(await error, {
      name: 'AggregateError',
      errors: [{ message: 'source' }],
      outcomes: [{ type: 'finished', value: 1 }],
    });
  });

  t.test('one that throws midway is a failure beside the outcomes', async (t) => {
    const source = {
      *[Symbol.iterator]() {
        yield gen(1);
        throw new RangeError('midway');
      },
    };
    t.match(await failure(runCommandGens(source)), {
      errors: [{ name: 'RangeError' }],
      outcomes: [{ type: 'finished', value: 1 }],
    });
    const async = async function* () {
      yield gen(1);
      throw new RangeError('midway');
    };
    t.match(await failure(runCommandGens(async())), { errors: [{ name: 'RangeError' }] });
  });

  t.test('iterators of somebody’s own that throw instead of rejecting, or give no step', async (t) => {
    let n = 0;
    const throwing = {
      [Symbol.asyncIterator]: () => ({
        next() {
          if (n++ > 0) throw new RangeError('not a rejection');
          return Promise.resolve({ value: immediate(1) });
        },
      }),
    };
    t.match(await failure(runCommandGens(throwing as never)), {
      message: /^1 of 1 failed/,
      errors: [{ name: 'RangeError' }],
      outcomes: [{ type: 'finished', value: 1 }],
    });
    const empty = { next: () => undefined };
    for (const source of [{ [Symbol.iterator]: () => empty }, { [Symbol.asyncIterator]: () => empty }])
      t.match(await failure(runCommandGens(source as never)), {
        errors: [{ message: 'runCommandGens: the iterator gave undefined, not { value, done }' }],
      });
  });

  t.test('empty ones give []', async (t) => {
    t.same(await runCommandGens([]), []);
    t.same(await runCommandGens(new Map().values()), []);
    t.same(await runCommandGens((async function* () {})()), []);
    t.same(await runCommandGens(from([])), []);
  });

  t.test('what is no source is a TypeError at once, with the remedy', async (t) => {
    t.throws(() => runCommandGens(immediate(1) as never), { name: 'TypeError', message: /pass \[x\]/ });
    t.throws(() => runCommandGens(gen as never), { name: 'TypeError', message: /pass \[x\].*\[gen\]/ });
    for (const value of [undefined, null, 7, {}, Promise.resolve([])])
      t.throws(() => runCommandGens(value as never), {
        name: 'TypeError',
        message: /expected a list.*runCommandGens\(\[x\]\)/,
      });
  });

  t.test('runCommandGens(main()): TypeError "pass [main()]", and main is closed', async (t) => {
    let closed = false;
    const main = function* (): Generator<Runner, void, any> {
      try {
        yield immediate(1);
      } finally {
        closed = true;
      }
    };
    const error = await failure(runCommandGens(main() as never));
    t.match(error, { name: 'TypeError', message: /pass \[main\(\)\]/ });
    t.ok(closed);
  });

  t.test('an entry that is no runner fails alone', async (t) => {
    const error = await failure(runCommandGens([gen(1), 5 as never, gen(3)]));
    t.match(error, {
      errors: [{ name: 'TypeError', message: /runCommandGens: expected a runner.*got the number 5/ }],
      outcomes: [{ type: 'finished' }, { type: 'failed' }, { type: 'finished', value: 3 }],
    });
  });

  t.test('a long synchronous source is drained in slices, between which others run', async (t) => {
    let came = 0;
    const source = {
      *[Symbol.iterator]() {
        for (let i = 0; i < 200_000; i++) yield immediate(i);
      },
    };
    const count = (): void => {
      came++;
      if (!over) setImmediate(count);
    };
    let over = false;
    setImmediate(count);
    const values = await runCommandGens(source);
    over = true;
    t.equal(values.length, 200_000);
    t.equal(values[123_456], 123_456);
    t.ok(came > 3, `${came} rounds of the event loop`);
  });
});
