import assert from 'node:assert/strict';
import { all } from '../compose/all.ts';
import { isRunner, type Event, type Runnable, type Runner } from '../kernel/index.ts';
import { killing } from './killing.ts';
import { rounds, noMoreThan, through, until, type Suite } from './record.ts';
import { outcomeOf, run, tester, type Subject } from './subject.ts';

/**
 * The contract suite: what every runner keeps. `t` is any test framework's (`contract(t, 'sleep', …)` with tap,
 * `contract(test, …)` with node:test or vitest); `make` is called for each test.
 */
export function contract<T>(t: Suite, name: string, make: () => Subject<T> | Promise<Subject<T>>): void {
  const test = tester(t, name, make);

  test('is inert, and no thenable', async (subject) => {
    const before = process.getActiveResourcesInfo();
    const runner = subject.runner();
    await rounds();
    await noMoreThan(before);
    assert.ok(isRunner(runner));
    assert.equal((runner as { then?: unknown }).then, undefined);
    assert.equal(await runner, runner);
    assert.ok(typeof runner.label === 'string' && runner.label !== '', 'it has a label');
  });

  test('has a spec that is JSON, and stays the same', async (subject) => {
    const runner = subject.runner();
    const spec = JSON.stringify(runner.spec);
    assert.equal(typeof runner.spec.type, 'string');
    assert.deepEqual(JSON.parse(spec), runner.spec, 'JSON says all of it');
    await through(subject.finish, run(subject, [runner]).loop);
    assert.equal(JSON.stringify(runner.spec), spec);
  });

  test('starts once, settles once, and says nothing before or after', async (subject) => {
    const { loop, record } = run(subject, [subject.runner()]);
    const [value] = await through(subject.finish, loop);
    subject.check?.(value as T);
    await rounds();
    record.wellFormed();
    assert.deepEqual(
      record.types('1').filter((type) => type === 'start' || type === 'settle'),
      ['start', 'settle'],
    );
    assert.deepEqual(outcomeOf(record.events), { type: 'finished', value });
    assert.deepEqual(loop.list(), []);
  });

  test('is reusable, also twice at once', async (subject) => {
    const runner = subject.runner();
    if (runner.traits.once !== undefined) {
      const { loop, record } = run(subject, [() => serial(runner)]);
      await assert.rejects(through(subject.finish, loop), AggregateError, 'a second start is refused');
      record.wellFormed();
      return;
    }
    const { loop, record } = run(subject, [() => serial(runner), all([runner, runner])]);
    for (const value of (await through(subject.finish, loop)).flat()) subject.check?.(value);
    record.wellFormed();
  });

  test('runs with yield and yield*, in sync and async generators, and by run()', async (subject) => {
    const { runner: make } = subject;
    const ways: Runnable<T>[] = [
      function* () {
        return (yield make()) as T;
      },
      function* () {
        return yield* make();
      },
      async function* () {
        return (yield make()) as T;
      },
      async function* () {
        return yield* make();
      },
      async function* () {
        return (await make().run()) as T;
      },
      make(),
    ];
    const { loop, record } = run(subject, ways);
    for (const value of await through(subject.finish, loop)) subject.check?.(value as T);
    record.wellFormed();
    subject.check?.(await through(subject.finish, make().run({ ...subject.options })));
    subject.check?.(
      await through(
        subject.finish,
        make()
          .with((inner) => inner)
          .run({ ...subject.options }),
      ),
    );
  });

  test('for await gives its events from start to settle', async (subject) => {
    const events: Event[] = [];
    const loop = run(subject, [
      async function* () {
        for await (const event of subject.runner()) events.push(event);
      },
    ]).loop;
    await through(subject.finish, loop);
    const own = events.filter((event) => event.run === events[0]?.run);
    assert.deepEqual([own[0]?.type, own.at(-1)?.type], ['start', 'settle']);
    assert.equal(events.at(-1), own.at(-1), 'its settle is the last of its subtree');
  });

  test('a for await that breaks kills it and waits for its end', async (subject) => {
    let open: readonly unknown[] | undefined;
    const { loop, record } = run(subject, [
      async function* () {
        for await (const _ of (subject.endless ?? subject.runner)()) break;
        open = loop.list().slice(1);
        return 'left';
      },
    ]);
    assert.deepEqual(await loop, ['left']);
    assert.deepEqual(open, []);
    record.wellFormed();
  });

  test('a pause keeps everything', async (subject) => {
    const straight = run(subject, [subject.runner()]);
    await through(subject.finish, straight.loop);
    const { loop, record } = run(subject, [subject.runner()]);
    record.heard = (event) => {
      if (event.type === 'pause' || event.type === 'play' || event.type === 'settle') return;
      loop.pause();
      void rounds(3).then(() => loop.play());
    };
    const [value] = await through(subject.finish, loop);
    subject.check?.(value as T);
    assert.deepEqual(record.delivered, [], 'nothing is delivered while it is paused');
    assert.deepEqual(record.said(), straight.record.said(), 'nothing is lost');
    record.wellFormed();
  });

  test('while paused it does not settle', async (subject) => {
    const { loop, record } = run(subject, [subject.runner()]);
    loop.pause();
    for (let i = 0; i < 5; i++) {
      await subject.finish?.();
      await rounds();
    }
    // One that settles in its own start was faster than the pause.
    if (record.types('1').includes('pause')) assert.equal(outcomeOf(record.events), undefined);
    loop.play();
    await through(subject.finish, loop);
  });

  killing(test);

  test('fails at its yield, with the error of its outcome', async (subject) => {
    if (subject.failing === undefined) return;
    let caught: unknown;
    const { loop, record } = run(subject, [
      function* () {
        try {
          yield* subject.failing!();
        } catch (error) {
          caught = error;
        }
      },
    ]);
    await through(subject.finish, loop);
    assert.ok(caught instanceof Error);
    assert.equal((outcomeOf(record.events, '1.1') as { error?: unknown } | undefined)?.error, caught);
    await assert.rejects(through(subject.finish, subject.failing().run({ ...subject.options })), { name: caught.name });
    record.wellFormed();
  });

  test('a dry run does not start it', async (subject) => {
    const runner = (subject.endless ?? subject.runner)();
    if (runner.traits.leaf !== true) return;
    await runner.run({ ...subject.options, dryRun: true });
  });

  test('leaves nothing behind', async (subject) => {
    await through(subject.finish, subject.runner().run({ ...subject.options }));
    await rounds(); // what that one had open closes in later rounds
    const listeners = process.listenerCount('SIGINT');
    const before = process.getActiveResourcesInfo();
    await through(subject.finish, subject.runner().run({ ...subject.options }));
    const { loop, record } = run(subject, [(subject.endless ?? subject.runner)()]);
    const ended = loop.catch(() => {});
    await until(() => record.began('1'));
    loop.kill();
    await ended;
    await noMoreThan(before);
    assert.equal(process.listenerCount('SIGINT'), listeners);
  });
}

function* serial<T>(runner: Runner<T>): Generator<Runner<T>, T[], T> {
  return [yield* runner, yield* runner];
}
