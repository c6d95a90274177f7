// Exited, pipes closed, settled: three ends.
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { type RunError } from '../../lib/kernel/index.ts';
import { Drain } from '../../lib/runners/drain.ts';
import { program } from '../../lib/runners/program.ts';
import { fakeClock, type FakeClock } from '../../lib/testing/clock.ts';
import { failure, fifo, fixture, gone, hear, live, pidIn, until } from './tools.ts';

const sh = (script: string, options = {}) => program(['sh', '-c', script], options);
const node = (script: string, options = {}) => program([process.execPath, '-e', script], options);

t.test('a grandchild that holds the pipe is waited for while it is silent for 200 ms, then noted', async (t) => {
  const clock = fakeClock();
  const { run, record, ended } = await live(sh('echo early; sleep 1000 & exit 0'), { clock });
  await until(() => run.detail.includes('has exited'));
  t.match(run.detail, /pid \d+ has exited, stdout and stderr still open/);
  await clock.advance(199);
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'finished', value: { exitCode: 0, stdout: 'early' } });
  const note = record.events.find((event) => event.type === 'note');
  t.match(note, {
    text: /leaked: exited, but pid \d+ holds stdout and stderr open/,
    data: { leaked: ['stdout', 'stderr'] },
  });
});

t.test('what a grandchild writes in the meantime is read, and begins the wait anew', async (t) => {
  const clock = fakeClock();
  const go = fifo(t.testdir());
  const { run, line, ended } = await live(program([fixture('leaves-behind'), go]), { clock });
  await until(() => run.detail.includes('has exited'));
  await clock.advance(150);
  await writeFile(go, 'now\n');
  await line('late');
  t.match(await ended, { value: { stdout: 'early\nlate' } }, 'its end closed the pipe');
});

t.test('one that goes on writing is read for 2 s at most', async (t) => {
  const clock = fakeClock();
  const { run, record, ended } = await live(sh('while :; do echo tick; sleep 0.01; done & exit 0'), { clock });
  await until(() => run.detail.includes('has exited'));
  let ticks = 0;
  for (let waited = 0; waited < 1990; waited += 10) {
    await clock.advance(10);
    if (waited % 100 > 0) continue;
    const before = record.events.length;
    await until(() => record.events.length > before);
    ticks++;
  }
  t.equal(run.state.type, 'running');
  t.ok(ticks >= 19);
  await clock.advance(10);
  t.match(await ended, { type: 'finished' });
});

t.test('quiet and cap are options', async (t) => {
  const clock = fakeClock();
  const { run, ended } = await live(sh('sleep 1000 & exit 0', { drain: { quiet: '5s', cap: '3s' } }), { clock });
  await until(() => run.detail.includes('has exited'));
  await clock.advance(2999);
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'finished' });
});

t.test(`drain: 'close' waits for whoever holds the pipe`, async (t) => {
  const clock = fakeClock();
  const go = fifo(t.testdir());
  const { run, record, ended } = await live(program([fixture('leaves-behind'), go], { drain: 'close' }), { clock });
  await until(() => run.detail.includes('has exited'));
  await clock.advance('1h');
  t.equal(run.state.type, 'running');
  await writeFile(go, 'now\n');
  t.match(await ended, { value: { stdout: 'early\nlate' } });
  t.notOk(record.events.some(({ type }) => type === 'note'));
});

t.test(`a timeout ends the wait of drain: 'close'`, async (t) => {
  const error: RunError = await failure(sh('sleep 1000 & echo $!', { drain: 'close', timeout: 100 }).run());
  t.same(error.reason, { type: 'timeout', ms: 100 });
  t.ok(await gone(pidIn(error.stdout)));
});

t.test('a timeout counts no longer once it has exited', async (t) => {
  const clock = fakeClock();
  const { run, ended } = await live(sh('sleep 1000 & exit 0', { timeout: 100 }), { clock });
  await until(() => run.detail.includes('has exited'));
  await clock.advance(200);
  t.match(await ended, { type: 'finished' });
});

t.test('a busy event loop takes nothing for silence', async (t) => {
  // The callback blocks for longer than the quiet time, while the rest of the output is in the pipe.
  const script = `process.stdout.write('first\\n' + 'x'.repeat(50) + '\\n' + 'last\\n')`;
  let blocked = false;
  const lines: string[] = [];
  const block = (line: string): void => {
    lines.push(line);
    if (blocked) return;
    blocked = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  };
  const holder = `require('child_process').spawn('sleep', ['1000'], { stdio: 'inherit' }); ${script}; setTimeout(() => { ${script}; process.exit() }, 50)`;
  await node(holder, { stdout: block, drain: { quiet: 20 } }).run();
  t.equal(lines.filter((line) => line === 'last').length, 2);
});

t.test('a reader that is behind is waited for, not cut', async (t) => {
  const lines: string[] = [];
  const runner = sh('sleep 1000 & i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done', {
    drain: { quiet: 5, cap: 50 },
  });
  for await (const event of runner) {
    if (event.type !== 'line') continue;
    lines.push(event.line);
    if (lines.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2)); // a reader takes its time
  }
  t.equal(lines.length, 3000);
  t.equal(lines.at(-1), 'line 2999');
});

t.test('output after the exit, from one that closes the pipe soon', async (t) => {
  const { lines, notes } = await hear(sh('(sleep 0.05; echo late) & echo early'));
  t.same(lines(), ['early', 'late']);
  t.same(notes, []);
});

t.test('both streams closed while it runs on', async (t) => {
  const go = fifo(t.testdir());
  const { run, ended } = await live(sh(`exec >&- 2>&-; read x <${go}; exit 3`, { unchecked: true }));
  await until(() => run.detail.includes('no pipe open'));
  t.equal(run.state.type, 'running');
  await writeFile(go, 'now\n');
  t.match(await ended, { value: { exitCode: 3 } });
});

t.test('no output at all', async (t) => {
  const { events, outcome } = await hear(program('true'));
  t.same(
    events.map(({ type }) => type),
    ['start', 'settle'],
  );
  t.match(outcome, { value: { stdout: '', stderr: '' } });
});

// --- the wait by itself --------------------------------------------------------------------------------------------------------

interface Waiting {
  readonly clock: FakeClock;
  readonly drain: Drain;
  stopped: boolean;
  leaked: number;
}

function waiting(clock = fakeClock()): Waiting {
  const all: Omit<Waiting, 'drain'> = { clock, stopped: false, leaked: 0 };
  const drain = new Drain({
    quiet: 200,
    cap: 2000,
    clock,
    stopped: () => all.stopped,
    leaked: () => void all.leaked++,
  });
  return Object.assign(all, { drain });
}

t.test('what has come by the end of the silence is no silence', async (t) => {
  const clock = fakeClock();
  // It is there when the time is up: the loop was busy and has not looked.
  clock.after(200, () => setImmediate(() => given.drain.read(1)));
  const given = waiting(clock);
  await clock.advance(200);
  t.equal(given.leaked, 0);
  await given.clock.advance(199);
  t.equal(given.leaked, 0);
  await given.clock.advance(1);
  t.equal(given.leaked, 1);
  t.equal(given.clock.pending, 0);
});

t.test('past the cap it goes on while more comes, but for no more than a pipe can hold', async (t) => {
  const given = waiting();
  let reading = true;
  let size = 1;
  const flood = (): void => {
    given.drain.read(size);
    if (reading) setImmediate(flood);
  };
  setImmediate(flood);
  await given.clock.advance('2s');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(given.leaked, 0, 'little has come: it may be the program’s own');
  size = 1024 * 1024 + 1;
  await new Promise((resolve) => setImmediate(resolve));
  await until(() => given.leaked === 1);
  reading = false;
  t.equal(given.leaked, 1);
});

t.test('time in which nobody reads does not count', async (t) => {
  const given = waiting();
  await given.clock.advance(100);
  given.stopped = true;
  given.drain.flows(false);
  await given.clock.advance('1h');
  t.equal(given.leaked, 0);
  t.equal(given.clock.pending, 0);
  given.drain.flows(true);
  t.equal(given.clock.pending, 0, 'another reason to stop');
  given.stopped = false;
  given.drain.flows(true);
  await given.clock.advance(199);
  t.equal(given.leaked, 0);
  await given.clock.advance(1);
  t.equal(given.leaked, 1);
});

t.test('ended, it tells nothing', async (t) => {
  const given = waiting();
  given.drain.end();
  given.drain.flows(true);
  await given.clock.advance('1h');
  t.equal(given.leaked, 0);
});
