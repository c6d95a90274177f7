import t from 'tap';
import { shield } from '../../lib/compose/shield.ts';
import { all } from '../../lib/compose/all.ts';
import { isRunError, runCommandGens, type Event, type Runner } from '../../lib/kernel/index.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, hand, immediate, Record, rounds, until } from './tools.ts';

t.test('results', async (t) => {
  t.test('a yield is answered with the value, in order, without a turn of the event loop between', async (t) => {
    let came = false;
    setImmediate(() => (came = true));
    const [sum] = await runCommandGens([
      function* () {
        let sum = 0;
        for (let i = 0; i < 100; i++) sum += yield* immediate(i);
        t.notOk(came);
        return sum;
      },
    ]);
    t.equal(sum, 4950);
  });

  t.test('yield and yield* in both kinds of generators', async (t) => {
    const results = await runCommandGens<number>([
      function* () {
        return (yield immediate(1)) + (yield* immediate(2));
      },
      async function* () {
        return ((yield immediate(1)) as number) + (yield* immediate(2));
      },
      async function* () {
        const a = await Promise.resolve(1);
        const b = yield* immediate(2);
        return a + b;
      },
    ]);
    t.same(results, [3, 3, 3]);
  });

  t.test('a failure is thrown at the yield, the very error, and may be caught', async (t) => {
    const error = new RangeError('no');
    for (const make of [
      function* (runner: Runner) {
        try {
          yield* runner;
        } catch (caught) {
          return caught;
        }
      },
      async function* (runner: Runner) {
        try {
          yield* runner;
        } catch (caught) {
          return caught;
        }
      },
      async function* (runner: Runner) {
        try {
          yield runner;
        } catch (caught) {
          return caught;
        }
      },
    ]) {
      const h = hand();
      const loop = runCommandGens<unknown>([make(h.runner) as Generator<any, unknown>]);
      await until(() => h.starts.length === 1);
      h.last.fail(error);
      t.equal((await loop)[0], error);
    }
  });

  t.test('what is thrown and is no error becomes one', async (t) => {
    const error = await failure(
      runCommandGens([
        function* () {
          throw 'a string';
        },
      ]),
    );
    t.match(error.errors[0].message, /non-error thrown: a string/);
    t.equal(error.errors[0].cause, 'a string');
  });

  t.test('generators nest', async (t) => {
    const inner = function* (x: number): Generator<Runner<number>, number, number> {
      return x + (yield* immediate(1));
    };
    const [value] = await runCommandGens([
      function* () {
        const a: number = yield inner(1);
        const b: number = yield () => inner(2);
        const c: number = yield* inner(3);
        return [a, b, c];
      },
    ]);
    t.same(value, [2, 3, 4]);
  });

  t.test('an iterator made by hand, without throw and return, is a generator too', async (t) => {
    let count = 0;
    const iterator = {
      next: () => (count++ < 3 ? { value: immediate(count), done: false } : { value: count, done: true }),
      [Symbol.iterator]() {
        return this;
      },
    };
    t.same(await runCommandGens([iterator as never]), [4]);
    const h = hand();
    const fails = {
      next: () => ({ value: h.runner, done: false }),
      [Symbol.iterator]() {
        return this;
      },
    };
    const loop = runCommandGens([fails as never]);
    await until(() => h.starts.length === 1);
    h.last.fail(new Error('its error'));
    t.equal((await failure(loop)).errors[0].message, 'its error');
  });

  t.test('a generator object runs once', async (t) => {
    const used = (function* () {
      yield* immediate(1);
      return 'first';
    })();
    const error = await failure(runCommandGens([used, used]));
    t.same(
      error.outcomes.map((o: { type: string }) => o.type),
      ['finished', 'failed'],
    );
    t.match(error.errors[0], { name: 'TypeError', message: /runs once.*task\(fn, \.\.\.args\)/ });
  });
});

t.test('L4: a kill', async (t) => {
  /** Runs a generator with a hand to yield, kills it there, gives how it ended. */
  const killed = async (
    body: (runner: Runner, other: ReturnType<typeof hand>) => Generator<any, any, any> | AsyncGenerator<any, any, any>,
    during?: (h: ReturnType<typeof hand>, other: ReturnType<typeof hand>) => Promise<void>,
  ) => {
    const h = hand();
    const other = hand();
    const record = new Record();
    const loop = runCommandGens([body(h.runner, other)], { onEvent: record.see });
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    await during?.(h, other);
    const { outcomes } = await error;
    record.wellFormed();
    t.same(loop.list(), []);
    return { outcome: outcomes[0], h, other, record, error: await error };
  };

  t.test('is thrown at the current yield', async (t) => {
    for (const kind of ['sync', 'async', 'async, yield*']) {
      let caught: unknown;
      const { outcome, h } = await killed(
        kind === 'sync'
          ? function* (runner) {
              try {
                yield* runner;
              } catch (error) {
                caught = error;
                throw error;
              }
            }
          : async function* (runner) {
              try {
                if (kind === 'async') yield runner;
                else yield* runner;
              } catch (error) {
                caught = error;
                throw error;
              }
            },
      );
      t.ok(isRunError(caught, 'killed'), kind);
      t.match((caught as Error).message, /killed by me/);
      t.same(h.last.calls, ['kill me']);
      t.same(outcome, { type: 'killed', by: 'me' });
    }
  });

  t.test('is thrown only when what is yielded has ended', async (t) => {
    const h = hand({ stubborn: true });
    let ended: boolean | undefined;
    const loop = runCommandGens([
      function* () {
        try {
          yield* h.runner;
        } finally {
          ended = h.last.settled;
        }
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    await rounds();
    t.equal(ended, undefined);
    h.last.finish('a value that nobody wants');
    t.same((await error).outcomes, [{ type: 'killed', by: 'me' }]);
    t.equal(ended, true);
  });

  t.test('lets finally run shielded yields, answered as usual', async (t) => {
    const seen: unknown[] = [];
    for (const async of [false, true]) {
      seen.length = 0;
      const { outcome, other } = await killed(
        async
          ? async function* (runner, other) {
              try {
                yield* runner;
              } finally {
                seen.push(yield* shield(other.runner));
                seen.push(await Promise.resolve('awaited'));
                seen.push(yield shield(other.runner));
                seen.push('end');
              }
            }
          : function* (runner, other) {
              try {
                yield* runner;
              } finally {
                seen.push(yield* shield(other.runner));
                seen.push(yield shield(immediate('now')));
                seen.push(yield* shield(other.runner));
                seen.push('end');
              }
            },
        async (_h, other) => {
          await until(() => other.starts.length === 1);
          other.last.finish('umounted');
          await until(() => other.starts.length === 2);
          t.same(other.starts[0]!.calls, []);
          other.last.finish('removed');
        },
      );
      t.same(seen, ['umounted', async ? 'awaited' : 'now', 'removed', 'end']);
      t.equal(other.starts.length, 2);
      t.same(outcome, { type: 'killed', by: 'me' });
    }
  });

  t.test('a shielded yield that fails throws its error; it becomes the cause', async (t) => {
    const { outcome } = await killed(
      function* (runner, other) {
        try {
          yield* runner;
        } finally {
          yield* shield(other.runner);
        }
      },
      async (_h, other) => {
        await until(() => other.starts.length === 1);
        other.last.fail(new Error('busy'));
      },
    );
    t.match(outcome, { type: 'killed', by: 'me', cause: { message: 'busy' } });
  });

  t.test('a kill during a shielded yield waits for its end; its answer comes first', async (t) => {
    const h = hand();
    const seen: unknown[] = [];
    const loop = runCommandGens([
      function* () {
        seen.push(yield* shield(h.runner));
        seen.push('code after it');
        try {
          yield* immediate('never');
        } catch (error) {
          seen.push(isRunError(error, 'killed'));
        }
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    await rounds();
    t.same(h.last.calls, []);
    h.last.finish('kept');
    t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.same(seen, ['kept', 'code after it', true]);
  });

  t.test('a shield in progress that was paused runs on', async (t) => {
    const h = hand();
    const loop = runCommandGens([
      function* () {
        return yield* shield(h.runner);
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.pause();
    await rounds();
    loop.kill('me');
    await rounds();
    h.last.finish();
    t.match(await error, { reason: { type: 'killed', by: 'me' } });
    t.same(h.last.calls, ['pause', 'play']);
  });

  t.test('any other yield starts nothing', async (t) => {
    const caught: unknown[] = [];
    const { other, outcome } = await killed(function* (runner, other) {
      try {
        yield* runner;
      } catch {
        for (const what of [other.runner, () => other.runner, all([other.runner]), 'no runner at all']) {
          try {
            yield what;
          } catch (error) {
            caught.push(isRunError(error, 'killed'));
          }
        }
      }
    });
    t.equal(other.starts.length, 0);
    t.same(caught, [true, true, true, true]);
    t.same(outcome, { type: 'killed', by: 'me' });
  });

  t.test('a generator that it yields then is closed, never run', async (t) => {
    let ran = false;
    const inner = (function* () {
      ran = true;
    })();
    await killed(function* (runner) {
      try {
        yield* runner;
      } catch {
        yield inner;
      }
    });
    t.same(inner.next(), { value: undefined, done: true });
    t.notOk(ran);
  });

  t.test('a catch that swallows: from the 16th refused yield on it is return()', async (t) => {
    for (const async of [false, true]) {
      let catches = 0;
      let yields = 0;
      let finallies = 0;
      const { outcome, h } = await killed(
        async
          ? async function* (runner) {
              try {
                for (;;) {
                  try {
                    yields++;
                    yield runner;
                  } catch {
                    catches++;
                  }
                }
              } finally {
                finallies++;
              }
            }
          : function* (runner) {
              try {
                for (;;) {
                  try {
                    yields++;
                    yield runner;
                  } catch {
                    catches++;
                  }
                }
              } finally {
                finallies++;
              }
            },
      );
      // The first was waited for; of those refused 15 were answered by throw.
      t.equal(catches, 1 + 15);
      t.equal(yields, 1 + 16);
      t.equal(finallies, 1);
      t.equal(h.starts.length, 1);
      t.same(outcome, { type: 'killed', by: 'me' });
    }
  });

  t.test('one that even return() does not end is dropped after the 32nd, with a note', async (t) => {
    for (const async of [false, true]) {
      let yields = 0;
      const { outcome, record } = await killed(
        async
          ? async function* (runner) {
              for (;;) {
                try {
                  yields++;
                  yield runner;
                } finally {
                  continue;
                }
              }
            }
          : function* (runner) {
              for (;;) {
                try {
                  yields++;
                  yield runner;
                } finally {
                  continue;
                }
              }
            },
      );
      t.equal(yields, 1 + 32 + 1);
      t.same(outcome, { type: 'killed', by: 'me' });
      const notes = record.events.filter((event) => event.type === 'note');
      t.match(notes, [{ run: '1', text: /32 times after a kill; dropped/ }]);
    }
  });

  t.test('whatever it returns or throws then: killed; another error is the cause', async (t) => {
    const returns = await killed(function* (runner) {
      try {
        yield* runner;
      } catch {
        return 'all is well';
      }
    });
    t.same(returns.outcome, { type: 'killed', by: 'me' });
    const throws = await killed(function* (runner) {
      try {
        yield* runner;
      } finally {
        throw new RangeError('another');
      }
    });
    t.match(throws.outcome, { type: 'killed', by: 'me', cause: { name: 'RangeError', message: 'another' } });
    const settle = throws.record.events.find((event) => event.type === 'settle' && event.run === '1') as Event;
    t.match(settle, { outcome: { type: 'killed', by: 'me', cause: { message: 'another' } } });
  });

  t.test('goes through yield*: inner finallies first, then outer, and no body runs on', async (t) => {
    const seen: string[] = [];
    const inner = function* (runner: Runner): Generator<any, void, any> {
      try {
        yield* runner;
        seen.push('inner body');
      } finally {
        seen.push(yield* shield(immediate('inner finally')));
        yield* shield(immediate(0));
        seen.push('inner done');
      }
    };
    const { outcome } = await killed(function* (runner) {
      try {
        yield* inner(runner);
        seen.push('outer body');
      } finally {
        seen.push(yield* shield(immediate('outer finally')));
      }
    });
    t.same(seen, ['inner finally', 'inner done', 'outer finally']);
    t.same(outcome, { type: 'killed', by: 'me' });
  });

  t.test('goes down into tasks that are yielded: those below end first', async (t) => {
    const seen: string[] = [];
    const { outcome, record } = await killed(function* (runner) {
      try {
        yield (function* () {
          try {
            yield* runner;
          } finally {
            yield* shield(immediate(0));
            seen.push('below');
          }
        })();
      } finally {
        seen.push('above');
      }
    });
    t.same(seen, ['below', 'above']);
    t.same(outcome, { type: 'killed', by: 'me' });
    t.same(
      record.events.filter((event) => event.type === 'settle').map((event) => event.run),
      ['1.1.1', '1.1.2.1', '1.1.2', '1.1', '1'], // the hand, what is shielded, its shield, the tasks
    );
  });

  t.test('a task that never ran is closed by return()', async (t) => {
    const calls: string[] = [];
    const iterator = {
      next: () => calls.push('next'),
      throw: () => calls.push('throw'),
      return: () => (calls.push('return'), { done: true, value: undefined }),
      [Symbol.iterator]() {
        return this;
      },
    };
    // A paused loop starts nothing; code of an async generator runs on and asks for more.
    const loop: ReturnType<typeof runCommandGens> = runCommandGens([
      async function* () {
        loop.pause();
        await rounds();
        await all([iterator as never]).run();
      },
    ]);
    const error = failure(loop);
    await until(() => loop.list().length === 2);
    loop.kill('me');
    t.match(await error, { outcomes: [{ type: 'killed' }] });
    t.ok(calls.length <= 1 && calls.every((call) => call === 'return'), calls.join(' '));
  });

  t.test('that comes between two yields is thrown at the next', async (t) => {
    const seen: unknown[] = [];
    const body = function* (): Generator<any, void, any> {
      try {
        for (;;) yield* immediate(1);
      } catch (error) {
        seen.push(isRunError(error, 'killed'), yield* shield(immediate('cleaned up')));
      }
    };
    const loop = runCommandGens([body]);
    setImmediate(() => setImmediate(() => loop.kill('me')));
    t.match(await failure(loop), { outcomes: [{ type: 'killed', by: 'me' }] });
    t.same(seen, [true, 'cleaned up']);
  });

  t.test('by a task of itself takes effect at its next yield', async (t) => {
    const h = hand();
    const seen: string[] = [];
    const loop: ReturnType<typeof runCommandGens> = runCommandGens([
      function* () {
        loop.kill('myself');
        seen.push('code');
        try {
          yield* immediate(1); // at once: the kill waits on the queue
          seen.push('immediate');
          yield* h.runner;
        } catch (error) {
          seen.push((error as Error).message);
        }
      },
    ]);
    t.match(await failure(loop), { reason: { by: 'myself' } });
    t.match(seen, ['code', 'immediate', /killed by myself/]);
  });
});

t.test('L4: an async generator in an await of its own', async (t) => {
  t.test('gets the grace, then it is left behind with a note; what it yields later is refused', async (t) => {
    const clock = fakeClock();
    const record = new Record();
    const h = hand();
    let go!: () => void;
    const never = new Promise<void>((resolve) => (go = resolve));
    let later: string | undefined;
    const loop = runCommandGens(
      [
        async function* () {
          try {
            await never;
            later = 'came back';
            yield* h.runner;
            later = 'ran on';
          } finally {
            later += ', closed';
          }
        },
      ],
      { clock, grace: '2s', onEvent: record.see },
    );
    const error = failure(loop);
    await until(() => record.began('1'));
    loop.kill('me');
    await clock.advance('1999ms');
    t.equal(loop.list().length, 1);
    await clock.advance('1ms');
    t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.equal(clock.now() - 1e12, 2000);
    t.match(
      record.events.filter((event) => event.type === 'note'),
      [{ run: '1', text: /did not end within the grace/ }],
    );
    record.wellFormed();
    go();
    await rounds();
    t.equal(later, 'came back, closed');
    t.equal(h.starts.length, 0);
    t.equal(clock.pending, 0);
  });

  t.test('hears of it at its next yield when it comes back in time', async (t) => {
    const clock = fakeClock();
    const record = new Record();
    let go!: () => void;
    const waits = new Promise<void>((resolve) => (go = resolve));
    const seen: unknown[] = [];
    const h = hand();
    const loop = runCommandGens(
      [
        async function* () {
          try {
            await waits;
            yield* h.runner;
          } catch (error) {
            seen.push(isRunError(error, 'killed'));
            throw error;
          } finally {
            seen.push(yield* shield(immediate('cleaned up')));
          }
        },
      ],
      { clock, onEvent: record.see },
    );
    const error = failure(loop);
    await until(() => record.began('1'));
    loop.kill('me');
    await clock.advance('1s');
    go();
    t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.same(seen, [true, 'cleaned up']);
    t.equal(h.starts.length, 0);
    t.equal(clock.pending, 0);
    t.same(
      record.events.filter((event) => event.type === 'note'),
      [],
    );
  });

  t.test('waiting for what it has yielded is none of it', async (t) => {
    for (const kind of ['yield', 'yield*', 'for await', 'run()']) {
      const clock = fakeClock();
      const h = hand({ stubborn: true });
      const seen: string[] = [];
      const loop = runCommandGens(
        [
          async function* () {
            try {
              if (kind === 'yield') yield h.runner;
              else if (kind === 'yield*') yield* h.runner;
              else if (kind === 'for await') for await (const _ of h.runner);
              else await h.runner.run();
            } finally {
              seen.push(yield* shield(immediate('cleaned up')));
            }
          },
        ],
        { clock, grace: 100 },
      );
      const error = failure(loop);
      await until(() => h.starts.length === 1);
      loop.kill('me');
      await clock.advance(1050);
      h.last.finish();
      t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
      t.same(seen, ['cleaned up'], kind);
      t.equal(clock.pending, 0);
    }
  });

  t.test('that awaits long after the kill has reached it gets the grace too', async (t) => {
    const clock = fakeClock();
    const h = hand();
    const loop = runCommandGens(
      [
        async function* () {
          try {
            yield h.runner;
          } finally {
            await new Promise(() => {});
          }
        },
      ],
      { clock, grace: 100 },
    );
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    await clock.advance(100);
    t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
  });

  t.test('what it starts by run() in that time is killed with it', async (t) => {
    const h = hand();
    let result: unknown;
    const loop = runCommandGens([
      async function* () {
        result = await failure(h.runner.run());
        throw result;
      },
    ]);
    const error = failure(loop);
    await until(() => h.starts.length === 1);
    loop.kill('me');
    t.match(await error, { outcomes: [{ type: 'killed', by: 'me' }] });
    t.same(h.last.calls, ['kill me']);
    t.ok(isRunError(result, 'killed'));
  });
});

t.test('what is no runner is a TypeError at its own yield, naming it and the remedy', async (t) => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /got undefined/],
    [null, /got null/],
    [7, /got the number 7/],
    ['ls -l', /got the string "ls -l"; to run a command yield program\("ls -l"\)/],
    [[immediate(1)], /got an array of 1; to run several at once yield all\(/],
    [Promise.resolve(1), /got a promise; to wait for a promise yield promise\(/],
    [{ run: '1', at: 1, type: 'note', text: 'x' }, /to pass an event on yield emit\(event\)/],
    [{ a: 1, b: 2 }, /an object \{a, b\}/],
    [new Map(), /got a Map/],
    [() => 5, /the function gave the number 5/],
  ];
  for (const async of [false, true]) {
    for (const [value, message] of wrong) {
      // A promise that an async generator yields is awaited before anybody sees it.
      if (async && value instanceof Promise) continue;
      const body = async
        ? async function* () {
            try {
              yield value;
            } catch (error) {
              return error;
            }
          }
        : function* () {
            try {
              yield value;
            } catch (error) {
              return error;
            }
          };
      const [error] = await runCommandGens<unknown>([body]);
      t.match(error, { name: 'TypeError', message }, String(message));
    }
  }
});

t.test('L1: nested runs and long chains use no stack', async (t) => {
  const nest = function* (depth: number): Generator<any, number, number> {
    if (depth === 0) return yield* immediate(1);
    return 1 + (yield () => nest(depth - 1));
  };
  t.same(await runCommandGens([nest(10_000)]), [10_001]);

  const h = hand();
  const late = function* (depth: number): Generator<any, number, number> {
    if (depth === 0) return yield* h.runner;
    return 1 + (yield late(depth - 1));
  };
  const loop = runCommandGens([late(10_000)]);
  await until(() => h.starts.length === 1);
  h.last.finish(0);
  t.same(await loop, [10_000]);

  const stuck = hand();
  let closed = 0;
  const killed = function* (depth: number): Generator<any, void, any> {
    try {
      if (depth === 0) yield* stuck.runner;
      else yield killed(depth - 1);
    } finally {
      closed++;
    }
  };
  const dies = runCommandGens([killed(10_000)]);
  const error = failure(dies);
  await until(() => stuck.starts.length === 1);
  dies.kill();
  t.ok(isRunError(await error, 'killed'));
  t.equal(closed, 10_001);
});

t.test('yield* of a list: the failure is that of the runner, not that lists have no throw()', async (t) => {
  const h = hand();
  const error = failure(
    runCommandGens([
      function* () {
        yield* [h.runner];
      },
    ]),
  );
  await until(() => h.starts.length === 1);
  h.last.fail(new Error('mine'));
  t.match((await error).errors, [{ message: 'mine' }]);
});
