import t from 'tap';
import { log, type LogEntry } from '../../lib/advice/log.ts';
import { retry } from '../../lib/advice/retry.ts';
import { note } from '../../lib/compose/note.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { driven, failure, like, settleDown, value } from '../support.ts';

adviceContract(t, 'log', log({ to: () => {}, lines: true }));

t.test('start, end, failure and kill, with what there is to them', async (t) => {
  const entries: LogEntry[] = [];
  const logged = log((entry) => void entries.push(entry));
  await program('echo out; echo err >&2').with(logged).run();
  t.match(entries, [
    { level: 'info', run: '1', label: 'echo out; echo err >&2', message: /: started$/ },
    { level: 'info', run: '1', ms: Number, exitCode: 0, message: /: finished in \d/ },
  ]);
  t.equal(entries.length, 2, 'no lines');
  entries.length = 0;
  await t.rejects(program('for i in $(seq 20); do echo line $i >&2; done; exit 3').with(logged).run());
  t.match(entries[1], {
    level: 'error',
    exitCode: 3,
    reason: 'exit',
    error: /exit code 3$/,
    stderr: /^line 11\n.*line 20$/s,
  });
  entries.length = 0;
  await t.rejects(failure(new RangeError('its own')).with(logged).run());
  t.match(entries[1], { level: 'error', reason: 'error', error: 'its own' });
  entries.length = 0;
  const loop = runCommandGens([driven().runner.with(logged)]);
  await settleDown();
  loop.kill('me');
  await t.rejects(loop);
  t.match(entries[1], { level: 'warn', by: 'me', message: /killed after .* by me$/ });
});

t.test('retries are warnings, other notes are for debugging; tries have their number', async (t) => {
  const entries: LogEntry[] = [];
  const logged = log((entry) => void entries.push(entry));
  const clock = fakeClock();
  let n = 0;
  const step = task(function* () {
    yield* note('noted', { well: true });
    if (++n < 3) yield* failure(new Error('no'));
  });
  const ended = step.with(logged, retry({ count: 5, jitter: 0 }), logged).run({ clock });
  await clock.runAll();
  await ended;
  const shown = entries.map(({ level, run, attempt, message }) => [level, run, attempt, message.split(': ')[1]]);
  t.same(
    shown.filter(([, run]) => run !== '1').map(([level, , attempt, what]) => [level, attempt, what]),
    [
      ['info', 1, 'started'],
      ['debug', 1, 'noted'],
      ['error', 1, 'failed after 0 ms'],
      ['info', 2, 'started, try 2'],
      ['debug', 2, 'noted'],
      ['error', 2, 'failed after 0 ms'],
      ['info', 3, 'started, try 3'],
      ['debug', 3, 'noted'],
      ['info', 3, 'finished in 0 ms'],
    ],
  );
  t.same(
    shown.filter(([level, run]) => run === '1' && level === 'warn'),
    [
      ['warn', '1', undefined, 'retry 1 of 5 in 1000 ms'],
      ['warn', '1', undefined, 'retry 2 of 5 in 2000 ms'],
    ],
  );
  t.same(entries.find(({ message }) => message.endsWith('noted'))!.data, { well: true });
});

t.test('a logger that takes fields and a message, as its own methods; levels and lines', async (t) => {
  class Pino {
    readonly said: unknown[][] = [];
    debug(...args: unknown[]): void {
      this.said.push(['debug', ...args]);
    }
    info(...args: unknown[]): void {
      this.said.push(['info', ...args]);
    }
    warn(...args: unknown[]): void {
      this.said.push(['warn', ...args]);
    }
    error(...args: unknown[]): void {
      this.said.push(['error', ...args]);
    }
  }
  const all = new Pino();
  await program('echo a; echo b')
    .with(log({ to: all, lines: true }))
    .run();
  t.match(all.said, [
    ['info', { run: '1' }, /started/],
    ['debug', { run: '1', stream: 'stdout' }, /: a$/],
    ['debug', { stream: 'stdout' }, /: b$/],
    ['info', { ms: Number, exitCode: 0 }, /finished/],
  ]);
  const few = new Pino();
  await program('echo a; exit 3')
    .with(log({ to: few, level: 'warn', lines: true }))
    .run()
    .catch(() => {});
  t.same(
    few.said.map(([level]) => level),
    ['error'],
  );
  const own = new Pino();
  await value(1).with(log(own)).run();
  t.equal(own.said.length, 2);
});

t.test('secrets are masked everywhere', async (t) => {
  const entries: LogEntry[] = [];
  const logged = log({ to: (entry) => void entries.push(entry), lines: true });
  const noting = task(function* () {
    yield* note('the password is hunter22', { is: 'hunter22' });
    yield* program(['sh', '-c', 'echo hunter22; echo hunter22 >&2; exit 3'], { label: 'hunter22' });
  });
  const loop = runCommandGens([noting.with(logged), failure(new Error('hunter22')).with(logged)], {
    secrets: ['hunter22'],
  });
  await t.rejects(loop);
  t.notMatch(JSON.stringify(entries), /hunter22/);
  t.match(JSON.stringify(entries), /\*\*\*/);
  t.ok(entries.length >= 7);
});

t.test(
  'a logger that throws, or rejects, fails the run by name; a start that is not logged starts nothing',
  async (t) => {
    const thrown = new RangeError('full');
    const fails = like({ reason: { type: 'callback', name: 'the logger' }, cause: thrown });
    const step = driven();
    const broken = log(() => {
      throw thrown;
    });
    await t.rejects(step.runner.with(broken).run(), fails);
    t.equal(step.starts, 0);
    const late = log(({ message }) => {
      if (/finished/.test(message)) throw thrown;
    });
    await t.rejects(value(1).with(late).run(), fails);
    await t.rejects(
      value(1)
        .with(log(() => Promise.reject(thrown)))
        .run(),
      fails,
    );
  },
);

t.test('wrong options', async (t) => {
  t.throws(() => log({ to: {} as never }), /to is a function of an entry or a logger/);
  t.throws(() => log({ level: 'loud' as never }), /none of debug, info, warn, error/);
  t.throws(() => log({ colour: true } as never), /unknown option colour/);
  t.throws(() => log({ lines: 1 as never }), TypeError);
  t.throws(() => log('x' as never), TypeError);
  t.throws(() => value(1).with(log as never), /write runner\.with\(log\(\)\)/);
});

t.test('an error that only looks like one of ours is logged as it is', async (t) => {
  const said: LogEntry[] = [];
  const foreign = Object.assign(new Error('f'), { name: 'RunError', reason: { type: 'exit' } });
  const failing = task(() => {
    throw foreign;
  });
  await t.rejects(failing.with(log((entry) => void said.push(entry))).run(), foreign);
  t.match(said.at(-1), { level: 'error', reason: 'exit' });
});
