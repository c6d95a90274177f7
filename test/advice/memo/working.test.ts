import t from 'tap';
import { amend, dir, glob } from '../../../lib/advice/memo.ts';
import { all } from '../../../lib/compose/all.ts';
import { task } from '../../../lib/compose/task.ts';
import { within } from '../../../lib/compose/within.ts';
import { ssh } from '../../../lib/fleet/ssh.ts';
import { via } from '../../../lib/fleet/via.ts';
import { runCommandGens } from '../../../lib/kernel/index.ts';
import { program } from '../../../lib/runners/program.ts';
import { sleep } from '../../../lib/runners/sleep.ts';
import { driven, settleDown } from '../../support.ts';
import { projectIn } from './support.ts';

t.test('what a step at work makes is no input, however it is named', async (t) => {
  const p = projectIn(t, { a: 'x' });
  for (const [output, input] of [
    ['d', 'd'],
    ['d', 'd/in/it'],
    ['d/out', 'd'],
    ['d/out', dir('.')],
    ['d/out.c', glob('**/*.c')],
    ['d', glob('d')],
  ] as const) {
    const at = driven<number>();
    const maker = at.runner.with(p.memo({ key: 1, outputs: [output] }));
    const loop = runCommandGens([maker], { cwd: p.folder });
    loop.catch(() => {});
    while (at.starts === 0) await settleDown();
    const { error } = await p.run(program('true', { label: 'user' }).with(p.memo({ inputs: [input], key: 2 })));
    t.match(
      error,
      { reason: { type: 'stale' }, message: /user.*is an output of driven, which is still at work: yield it first/s },
      output,
    );
    const beside = await p.run(
      program('true').with(p.memo({ inputs: ['a', glob('*.h'), dir('other-d')].slice(0, 2) })),
    );
    t.equal(beside.error, undefined);
    const found = task(function* () {
      yield* amend({ inputs: [typeof input === 'string' ? input : 'd/out.c'] });
    }).with(p.memo({ key: 'amends' }));
    if (typeof input === 'string') t.match((await p.run(found)).error, { reason: { type: 'stale' } });
    loop.kill();
    await loop.then(
      () => {},
      () => {},
    );
  }
  t.same(p.locks(), []);
});

t.test('two steps that make the same: not at once, one after the other is fine', async (t) => {
  const p = projectIn(t, {});
  const one = program('sleep 0.1; echo 1 > o', { label: 'one' }).with(p.memo({ outputs: ['o'] }));
  const two = program('sleep 0.1; echo 2 > o', { label: 'two' }).with(p.memo({ outputs: ['o'] }));
  const { error } = await p.run([one, two]);
  t.match(error, { reason: { type: 'stale' }, message: /two.*o is an output of one too/s });
  t.equal(
    (
      await p.run(
        task(function* () {
          yield* one;
          yield* two;
        }),
      )
    ).error,
    undefined,
  );
  t.equal(p.read('o'), '2\n');
  const amends = task(function* () {
    yield* sleep(5);
    yield* amend({ outputs: ['o'] });
  }).with(p.memo({ key: 'late' }));
  t.match(
    (await p.run([program('echo 3 > o; sleep 1').with(p.memo({ outputs: ['o'] })), amends], { failFast: true })).error,
    { reason: { type: 'stale' } },
  );
  t.same(p.locks(), []);
});

t.test('a step that would wait for itself', async (t) => {
  const p = projectIn(t, {});
  const inner = program('echo > o').with(p.memo({ outputs: ['o'] }));
  const { error } = await p.run(
    task(function* () {
      yield* inner;
    }).with(p.memo({ key: 1, outputs: ['o'] })),
  );
  t.match(error, { reason: { type: 'stale' }, message: /would wait for itself/ });
  t.same(p.locks(), []);
});

t.test('those in line go on when the first is killed or fails', async (t) => {
  const p = projectIn(t, {});
  const at = driven<number>();
  const step = at.runner.with(p.memo({ key: 1 }));
  const loops = Array.from({ length: 4 }, () => {
    const loop = runCommandGens([step], { cwd: p.folder });
    loop.catch(() => {});
    return loop;
  });
  while (at.starts < 1) await settleDown();
  loops[0]!.kill('a');
  loops[2]!.kill('c');
  while (at.starts < 2) await settleDown();
  at.fail(new Error('no'));
  while (at.starts < 3) await settleDown();
  at.finish(7);
  t.same(await loops[3], [7]);
  t.equal(at.starts, 3);
  t.same(p.locks(), []);
});

t.test('paused while it waits, and while it runs', async (t) => {
  const p = projectIn(t, {});
  const at = driven<number>();
  const step = at.runner.with(p.memo({ key: 1 }));
  const first = runCommandGens([step], { cwd: p.folder });
  while (at.starts === 0) await settleDown();
  const second = runCommandGens([step], { cwd: p.folder });
  await settleDown();
  second.pause();
  first.pause();
  at.finish(1);
  await settleDown();
  first.play();
  t.same(await first, [1]);
  let over = false;
  void second.then(() => (over = true));
  await settleDown();
  t.notOk(over);
  second.play();
  t.same(await second, [1]);
  t.equal(at.starts, 1);
});

t.test('on another machine: outputs are refused, before anything is connected', async (t) => {
  const p = projectIn(t, { a: '' });
  const options = { outputs: ['a'] };
  for (const runner of [
    ssh('no-such-host.invalid', 'true').with(p.memo(options)),
    within({ via: via.ssh('no-such-host.invalid') }, program('true').with(p.memo(options))),
    within({ via: via.docker('box') }, program('true')).with(p.memo(options)),
  ])
    t.match((await p.run(runner)).error, {
      name: 'TypeError',
      message: /outputs are files of this machine, and .* runs on another one/,
    });
  t.equal((await p.run(all([]))).error, undefined);
});

t.test('patterns that leave something out, and absolute ones, mean what they find', async (t) => {
  const p = projectIn(t, { 'a.c': 'x' });
  const beside = async (output: string, input: unknown): Promise<unknown> => {
    const at = driven<number>();
    const loop = runCommandGens([at.runner.with(p.memo({ key: 1, outputs: [output] }))], { cwd: p.folder });
    while (at.starts === 0) await settleDown();
    const { error } = await p.run(program('true').with(p.memo({ inputs: [input] })));
    loop.kill();
    await loop.catch(() => {});
    return error;
  };
  const stale = { reason: { type: 'stale' } };
  t.equal(await beside('b.o', glob(['*.c', '!gen.c'])), undefined);
  t.equal(await beside('gen.c', glob(['*.c', '!gen.c'])), undefined);
  t.match(await beside('b.c', glob(['*.c', '!gen.c'])), stale);
  t.match(await beside('b.c', glob(p.path('*.c'))), stale);
  t.equal(await beside('b.c', glob(p.path('*.c'), { ignore: 'b.*' })), undefined);
  t.equal(await beside('b.c', glob(p.path('*.c'), { ignore: p.path('b.*') })), undefined);
});
