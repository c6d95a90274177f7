import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { currentRun } from '../../lib/kernel/current.ts';
import { createRunner, runCommandGens } from '../../lib/kernel/index.ts';
import { promise } from '../../lib/runners/promise.ts';
import { hand, immediate, Record, rounds, until } from './tools.ts';

const here = (): string => currentRun()?.id ?? 'nobody';

t.test('which run the code belongs to', async (t) => {
  const seen: string[] = [];
  t.equal(here(), 'nobody');
  await runCommandGens([
    function* () {
      seen.push(here());
      yield* immediate(1);
      seen.push(here());
      yield function* () {
        seen.push(here());
        yield* immediate(1);
      };
      seen.push(here());
    },
    async function* () {
      await rounds(1);
      seen.push(here());
      yield* immediate(1);
      await Promise.all([rounds(2).then(() => seen.push(`then ${here()}`)), rounds(1)]);
      setImmediate(() => seen.push(`immediate ${here()}`));
      await rounds(2);
    },
    promise(async () => {
      await rounds(4);
      seen.push(here());
    }),
  ]);
  t.same(seen.toSorted(), ['1', '1', '1', '1.2', '2', '3', 'immediate 2', 'then 2'].toSorted());
  t.equal(here(), 'nobody');
});

t.test('two tasks that await at the same time are told apart', async (t) => {
  const seen = await runCommandGens(
    Array.from(
      { length: 20 },
      (_, i) =>
        async function* () {
          const ids: string[] = [];
          for (let k = 0; k < 3; k++) {
            await rounds((i % 3) + 1);
            ids.push(here());
            yield* immediate(k);
          }
          return ids;
        },
    ),
  );
  for (const [i, ids] of seen.entries()) t.same(ids, Array(3).fill(String(i + 1)));
});

t.test('what a task begins with run() has an id below it; loops too', async (t) => {
  const record = new Record();
  await runCommandGens(
    [
      async function* () {
        await rounds(1);
        await immediate(1).run();
        await Promise.all([immediate(2).run(), runCommandGens([immediate(3)])]);
        yield* immediate(4);
      },
    ],
    { onEvent: record.see },
  );
  record.wellFormed();
  t.same(
    record.events.filter((event) => event.type === 'start').map((event) => event.run),
    ['1', '1.1', '1.2', '1.3.1', '1.4'],
  );
});

t.test('callbacks of lines belong to their run', async (t) => {
  const seen: string[] = [];
  let go!: () => void;
  const talks = createRunner<void>({
    spec: { type: 'talks' },
    start(sink) {
      go = () => {
        sink.lines('stdout', ['x']);
        sink.settle({ type: 'finished', value: undefined });
      };
      return { pause() {}, play() {}, kill() {}, deliver: () => void seen.push(here()) };
    },
  });
  const loop = runCommandGens([all([talks])]);
  await until(() => go !== undefined);
  go();
  await loop;
  t.same(seen, ['1.1']);
});

t.test('what is awaited outside a loop belongs to nobody, also when a task resolves it', async (t) => {
  let wake!: () => void;
  const woken = new Promise<void>((resolve) => (wake = resolve));
  const outside = woken.then(() => here());
  const h = hand();
  const loop = runCommandGens([
    async function* () {
      wake();
      yield* h.runner;
    },
  ]);
  t.equal(await outside, 'nobody');
  await until(() => h.starts.length === 1);
  h.last.finish();
  await loop;
});

t.test('code that outlives its finished task begins loops of its own', async (t) => {
  let late: Promise<unknown> | undefined;
  const loop = runCommandGens([
    async function* () {
      late = rounds(10).then(() => immediate('late').run());
    },
  ]);
  await loop;
  t.equal(await late, 'late');
});
