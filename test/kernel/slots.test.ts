import fc from 'fast-check';
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { shield } from '../../lib/compose/shield.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { runCommandGens, type LoopOptions, type Runnable } from '../../lib/kernel/index.ts';
import { slotPool } from '../../lib/kernel/slots.ts';
import { failure, hand, Record, roomy, rounds, until, type Hand } from './tools.ts';

const one = { slots: 1, spawner: roomy() } satisfies LoopOptions;
const two = { slots: 2, spawner: roomy() } satisfies LoopOptions;
const leaf = (): Hand => hand({ slot: true });

/** Ends starts as they come, until the loop has ended. */
async function finishing<T>(loop: PromiseLike<T>, ...hands: Hand[]): Promise<T> {
  let over = false;
  const done = Promise.resolve(loop).finally(() => (over = true));
  done.catch(() => {});
  while (!over) {
    for (const { starts } of hands) for (const start of starts) if (!start.settled) start.finish();
    await rounds(1);
  }
  return done;
}

t.test('a line', async (t) => {
  t.test('first come, first served; who is killed leaves it', async (t) => {
    const order: number[] = [];
    const h = leaf();
    const loop = runCommandGens(
      [0, 1, 2, 3].map(function* (i) {
        yield* h.runner;
        order.push(i);
      }),
      one,
    );
    const rejected = failure(loop);
    await until(() => loop.list().length === 8);
    loop.find('3')!.kill('me');
    await rounds();
    t.equal(loop.find('3'), undefined);
    for (let i = 1; i <= 3; i++) {
      t.equal(h.starts.length, i);
      h.last.finish();
      await rounds();
    }
    t.match(await rejected, { errors: { length: 1 } });
    t.same(order, [0, 1, 3]);
  });

  t.test('who comes in the turn in which a slot becomes free stands behind those who wait', async (t) => {
    const [first, second, third] = [leaf(), leaf(), leaf()];
    const loop = runCommandGens(
      [
        function* () {
          yield* first.runner;
          yield* third.runner;
        },
        second.runner,
      ],
      one,
    );
    await until(() => first.starts.length === 1);
    await rounds();
    first.last.finish();
    await rounds();
    t.same([second.starts.length, third.starts.length], [1, 0]);
    second.last.finish();
    await until(() => third.starts.length === 1);
    third.last.finish();
    await loop;
  });

  t.test('one that is killed while it has the slot gives it on when it has ended', async (t) => {
    const stubborn = hand({ slot: true, stubborn: true });
    const h = leaf();
    const loop = runCommandGens([stubborn.runner, h.runner], one);
    const rejected = failure(loop);
    await until(() => loop.list().length === 2);
    loop.find('1')!.kill();
    await rounds();
    t.equal(h.starts.length, 0);
    stubborn.last.finish();
    await until(() => h.starts.length === 1);
    h.last.finish();
    await rejected;
  });

  t.test('a paused run keeps its slot; a paused one in the line starts when it plays on', async (t) => {
    const h = leaf();
    const loop = runCommandGens([h.runner, h.runner, h.runner], one);
    await until(() => loop.list().length === 3);
    loop.find('1')!.pause();
    loop.find('2')!.pause();
    await rounds();
    t.equal(h.starts.length, 1);
    loop.find('1')!.play();
    h.starts[0]!.finish();
    await rounds();
    t.equal(h.starts.length, 1, 'the second holds the slot, paused');
    loop.find('2')!.play();
    await until(() => h.starts.length === 2);
    await finishing(loop, h);
    t.equal(h.starts.length, 3);
  });

  t.test('shielded clean-up, sleeps and other runners take none', async () => {
    const h = leaf();
    const free = hand();
    const clean = leaf();
    const loop = runCommandGens([h.runner, free.runner, shield(clean.runner)], one);
    await until(() => h.starts.length === 1 && free.starts.length === 1 && clean.starts.length === 1);
    await finishing(loop, h, free, clean);
  });

  t.test('2,000 in the line', async (t) => {
    const h = leaf();
    const values = await finishing(runCommandGens(Array<Runnable<unknown>>(2_000).fill(h.runner), two), h);
    t.equal(values.length, 2_000);
  });
});

t.test('lending: holding never waits', async (t) => {
  t.test('a spawned server lends to its task, also to what is nested in it', async (t) => {
    const server = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        function* () {
          const run = yield* spawn(server.runner);
          yield* client.runner;
          yield* all([all([client.runner])]);
          run.kill();
        },
      ],
      one,
    );
    await until(() => client.starts.length === 1);
    client.last.finish();
    await until(() => client.starts.length === 2);
    client.last.finish();
    await loop;
    t.same(server.last.calls, ['kill kill()']);
  });

  t.test('one that is read by for await, while the body waits elsewhere', async () => {
    const server = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        async function* () {
          for await (const event of server.runner) if (event.type === 'line') yield* client.runner;
        },
      ],
      one,
    );
    await until(() => server.starts.length === 1);
    server.last.sink.lines('stdout', ['LISTENING']);
    await until(() => client.starts.length === 1);
    client.last.finish();
    await rounds();
    server.last.finish();
    await loop;
  });

  t.test('one that is awaited by run(), while the task waits for another', async (t) => {
    const server = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        async function* () {
          const served = server.runner.run();
          yield* client.runner;
          return served;
        },
      ],
      one,
    );
    await until(() => client.starts.length === 1);
    client.last.finish();
    await rounds();
    server.last.finish('served');
    t.same(await loop, ['served']);
  });

  t.test('to one at a time, and to nobody else', async (t) => {
    const server = leaf();
    const client = leaf();
    const stranger = leaf();
    const loop = runCommandGens(
      [
        function* () {
          yield* spawn(server.runner);
          yield* all([client.runner, client.runner]);
        },
        stranger.runner,
      ],
      one,
    );
    await until(() => client.starts.length === 1);
    await rounds();
    t.equal(client.starts.length, 1);
    client.last.finish();
    await until(() => client.starts.length === 2);
    t.equal(stranger.starts.length, 0);
    client.last.finish();
    await until(() => stranger.starts.length === 1);
    stranger.last.finish();
    await loop;
  });

  t.test('not while it is joined', async (t) => {
    const server = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        function* () {
          const run = yield* spawn(server.runner);
          yield* all([run.join(), client.runner]);
        },
      ],
      one,
    );
    await until(() => server.starts.length === 1);
    await rounds();
    t.equal(client.starts.length, 0);
    server.last.finish();
    await until(() => client.starts.length === 1);
    client.last.finish();
    await loop;
  });

  t.test('a lender that ends first leaves its slot to the borrower; then it is free again', async (t) => {
    const server = leaf();
    const client = leaf();
    const next = leaf();
    const loop = runCommandGens(
      [
        function* () {
          yield* spawn(server.runner);
          yield* client.runner;
        },
        next.runner,
        next.runner,
      ],
      one,
    );
    await until(() => client.starts.length === 1);
    server.last.finish();
    await rounds();
    t.equal(next.starts.length, 0);
    client.last.finish();
    await until(() => next.starts.length === 1);
    await rounds();
    t.equal(next.starts.length, 1);
    await finishing(loop, next);
  });

  t.test('a borrower lends on', async () => {
    const server = leaf();
    const proxy = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        function* () {
          yield* spawn(server.runner);
          yield* spawn(proxy.runner);
          yield* client.runner;
        },
      ],
      one,
    );
    await until(() => client.starts.length === 1);
    proxy.last.finish();
    await rounds();
    client.last.finish();
    await loop;
    const again = runCommandGens([client.runner, client.runner], one);
    await finishing(again, client);
  });

  t.test('within the limits of the borrower', async (t) => {
    const server = leaf();
    const client = leaf();
    const loop = runCommandGens(
      [
        function* () {
          yield* spawn(server.runner);
          yield* spawn(server.runner);
          yield* within({ slots: 1 }, all([client.runner, client.runner]));
        },
      ],
      two,
    );
    await until(() => client.starts.length === 1);
    await rounds();
    t.equal(client.starts.length, 1);
    client.last.finish();
    await until(() => client.starts.length === 2);
    client.last.finish();
    await loop;
  });

  t.test('between pools: what each has used is right in the end', async () => {
    const server = leaf();
    const client = leaf();
    const task = function* (): Generator<any, void, any> {
      yield* within({ slots: 1 }, function* () {
        yield* spawn(server.runner);
        yield* within({ slots: 1 }, function* () {
          yield* spawn(server.runner);
          yield* client.runner;
        });
        yield* all([client.runner, client.runner]);
      });
      yield* all([client.runner, client.runner]);
    };
    const loop = runCommandGens([task, task, task], one);
    const record = new Record();
    await finishing(loop, client);
    await finishing(runCommandGens([task, task], { ...two, onEvent: record.see }), client, server);
    record.wellFormed();
  });
});

t.test('a limit within a limit', async (t) => {
  const h = leaf();
  const outside = leaf();
  const loop = runCommandGens([within({ slots: 1 }, all([h.runner, h.runner])), outside.runner, outside.runner], two);
  await until(() => h.starts.length === 1 && outside.starts.length === 1);
  await rounds();
  t.equal(h.starts.length + outside.starts.length, 2);
  outside.last.finish();
  await until(() => outside.starts.length === 2);
  t.equal(h.starts.length, 1, 'its own limit is 1');
  h.last.finish();
  await until(() => h.starts.length === 2);
  await finishing(loop, h, outside);
});

t.test('starts wait while the machine has no room', async (t) => {
  const spaces = { left: 2 };
  const h = leaf();
  const loop = runCommandGens([h.runner, h.runner, h.runner], { spawner: roomy(spaces) });
  await until(() => h.starts.length > 0);
  await rounds();
  t.equal(h.starts.length, 3, 'this spawner does not count');
  spaces.left = 0;
  const more = runCommandGens([h.runner, h.runner], { spawner: roomy(spaces) });
  await rounds();
  t.equal(h.starts.length, 3);
  spaces.left = 1;
  await until(() => h.starts.length === 5); // nobody tells that there is room: it is looked for now and then
  await finishing(Promise.all([loop, more]), h);
});

t.test('slotPool refuses what is no limit', async (t) => {
  for (const limit of [0, -1, 1.5, NaN, '2' as never])
    t.throws(() => slotPool(limit), { name: 'RangeError', message: /whole number of 1 or more/ });
  t.equal(slotPool(undefined), undefined);
});

t.test('never more at once than the limits, and no deadlock, in any tree', async (t) => {
  type Tree = { leaf: true } | { limit: number | undefined; spawn: boolean; of: Tree[] };
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constant<Tree>({ leaf: true }),
      fc.record({
        limit: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        spawn: fc.boolean(),
        of: fc.array(tie('tree'), { maxLength: 4 }),
      }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(tree, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (trees, slots) => {
        const h = leaf();
        let lends = false;
        let most = 0;
        const toRunnable = (node: Tree): Runnable<any> => {
          if ('leaf' in node) return h.runner;
          const body = function* (): Generator<any, void, any> {
            if (!node.spawn) {
              yield* all(node.of.map(toRunnable));
              return;
            }
            lends = true;
            const runs = [];
            for (const each of node.of) runs.push(yield* spawn(toRunnable(each)));
            for (const run of runs) yield* run.join();
          };
          return node.limit === undefined ? body : within({ slots: node.limit }, body);
        };
        const loop = runCommandGens(trees.map(toRunnable), { slots, spawner: roomy() });
        let over = false;
        const done = Promise.resolve(loop).finally(() => (over = true));
        for (let idle = 0; !over;) {
          await rounds(1);
          const running = h.starts.filter((start) => !start.settled);
          most = Math.max(most, running.length);
          idle = running.length === 0 ? idle + 1 : 0;
          if (idle > 100)
            throw new Error(
              `deadlock: ${loop
                .list()
                .map((run) => `${run.id} ${run.detail}`)
                .join('; ')}`,
            );
          running[0]?.finish();
        }
        await done;
        if (!lends && most > slots) throw new Error(`${most} at once with ${slots} slots`);
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});
