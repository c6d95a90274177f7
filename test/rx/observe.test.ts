import { firstValueFrom, groupBy, lastValueFrom, map, mergeMap, take, toArray } from 'rxjs';
import t from 'tap';
import { spawn } from '../../lib/compose/spawn.ts';
import { isRunError, runCommandGens, type Run } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { lines$, observe } from '../../lib/rx/index.ts';
import { brief, driven, like, settleDown } from '../support.ts';

const escaped: unknown[] = [];
process.on('uncaughtException', (error) => escaped.push(error));

t.test('a runner: cold, all events, completes', async (t) => {
  const step = driven<number>();
  const observable = observe(step.runner);
  t.equal(step.starts, 0);
  const all = lastValueFrom(observable.pipe(toArray()));
  await settleDown();
  step.line('one');
  step.finish(1);
  t.same(brief(await all), ['start 1', 'line 1 one', 'settle 1 finished']);
  const again = lastValueFrom(observable.pipe(toArray()));
  await settleDown();
  step.finish(2);
  t.equal((await again).length, 2);
  t.equal(step.starts, 2);
});

t.test('a failure is the error of the Observable, after the events', async (t) => {
  const seen: string[] = [];
  const error = await new Promise((resolve) => {
    observe(program('echo a; exit 3')).subscribe({ next: (event) => seen.push(event.type), error: resolve });
  });
  t.ok(isRunError(error, 'exit'));
  t.same(seen, ['start', 'line', 'settle']);
});

t.test('unsubscribing kills, and nothing comes any more', async (t) => {
  const step = driven();
  let events = 0;
  const subscription = observe(step.runner).subscribe(() => events++);
  await settleDown();
  subscription.unsubscribe();
  await settleDown();
  t.same(step.kills, ['unsubscribed']);
  t.equal(events, 1);
  t.same(await firstValueFrom(lines$(program('yes')).pipe(take(2), toArray())), ['y', 'y']);
});

t.test('inside a task it is a part of that task', async (t) => {
  const step = driven();
  const loop = runCommandGens([
    async function* () {
      observe(step.runner).subscribe({ error() {} });
      yield* sleep(1);
      return 'done';
    },
  ]);
  t.same(await loop, ['done']);
  t.same(step.kills, ['parent ended']);
});

t.test('a loop: hot, from the beginning as far as kept; unsubscribing only detaches, unless kill', async (t) => {
  const step = driven<number>();
  const loop = runCommandGens([step.runner]);
  await settleDown();
  step.line('early');
  await settleDown();
  const seen: string[] = [];
  const subscription = observe(loop).subscribe((event) => seen.push(event.type));
  await settleDown();
  t.same(seen, ['start', 'line']);
  subscription.unsubscribe();
  await settleDown();
  t.same(step.kills, []);
  observe(loop, { kill: true })
    .subscribe({ error() {} })
    .unsubscribe();
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'unsubscribed' } }));
});

t.test('a loop that fails is an error; so is one that was killed', async (t) => {
  const failing = lastValueFrom(observe(runCommandGens([program('exit 4')])));
  await t.rejects(failing, like({ errors: [{ reason: { type: 'exit', exitCode: 4 } }] }));
});

t.test('lines$: of one stream, grouped', async (t) => {
  t.same(await lastValueFrom(lines$(program('echo a; echo b >&2'), { stream: 'stderr' }).pipe(toArray())), ['b']);
  const counts = lines$(program('printf "x\\ny\\nx\\n"')).pipe(
    groupBy((line) => line),
    mergeMap((group) =>
      group.pipe(
        toArray(),
        map((lines) => `${group.key}${lines.length}`),
      ),
    ),
    toArray(),
  );
  t.same((await lastValueFrom(counts)).sort(), ['x2', 'y1']);
  t.throws(() => observe(3 as never), /observe: expected a runner, a run or a loop/);
  t.throws(() => observe(program('true'), { kil: true } as never), /observe: unknown option kil/);
  t.throws(() => lines$(program('true'), { streams: 'stdout' } as never), /lines\$: unknown option streams/);
});

t.test('a spawned run can be observed too', async (t) => {
  const [seen] = await runCommandGens([
    function* () {
      const run: Run = yield* spawn(program('echo one'));
      const lines: string[] = [];
      lines$(run).subscribe((line) => lines.push(line));
      yield* run.join();
      return lines;
    },
  ]);
  t.same(seen, ['one']);
});

t.test('nothing has reached uncaughtException', async (t) => {
  await settleDown();
  await new Promise((resolve) => setTimeout(resolve, 0)); // rxjs reports what it could not deliver from a timer
  t.same(escaped, []);
});
