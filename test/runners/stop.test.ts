// Kills, pauses, time limits and aborts.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { spawn } from '../../lib/compose/spawn.ts';
import { isRunError, runCommandGens, type Child, type Spawner } from '../../lib/kernel/index.ts';
import { program, type ProgramOptions } from '../../lib/runners/program.ts';
import { endGroup, signalOf } from '../../lib/runners/stop.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, fixture, gone, hear, live, lives, pidIn, unhandledOf, until } from './tools.ts';

const sh = (script: string, options: ProgramOptions = {}) => program(['sh', '-c', script], options);
const state = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]![0]!;

t.test('takes the whole group, nested shells and their pipelines', async (t) => {
  const script = `sh -c 'sh -c "echo \\$\\$; sleep 1000 | sleep 1000" & echo $$; wait' & echo $$; wait`;
  const { run, record, ended, line } = await live(sh(`${script}; echo never`));
  const pids = (): number[] => record.events.flatMap((event) => (event.type === 'line' ? [pidIn(event.line)] : []));
  await until(() => pids().length === 3);
  await line(String(pids()[0]));
  run.kill('me');
  t.same(await ended, { type: 'killed', by: 'me' });
  for (const pid of pids()) t.notOk(lives(pid));
});

t.test('takes groups of their own within the session', async (t) => {
  const { run, record, ended } = await live(program([fixture('nested-groups')]));
  await until(() => record.events.some(({ type }) => type === 'line'));
  const [line] = record.events.flatMap((event) => (event.type === 'line' ? [event.line] : []));
  const pids = line!.split(' ').map(Number);
  run.kill();
  t.match(await ended, { type: 'killed' });
  t.same(pids.map(lives), [false, false]);
});

t.test('takes what has moved to another group meanwhile', async (t) => {
  const { run, line, ended } = await live(program([fixture('moves-away')], { grace: 100 }));
  const pid = pidIn(await line(''));
  run.kill();
  t.match(await ended, { type: 'killed' });
  t.notOk(lives(pid));
});

t.test('one that ignores SIGTERM gets SIGKILL after the grace', async (t) => {
  const clock = fakeClock();
  const { run, line, ended } = await live(program([fixture('ignores-sigterm')], { grace: '3s' }), { clock });
  await line('ready');
  run.kill();
  await until(() => run.detail.includes('is being killed'));
  await clock.advance(2999);
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'killed' });
});

t.test('the grace is 5 s unless said otherwise', async (t) => {
  const clock = fakeClock();
  const { run, line, ended } = await live(program([fixture('ignores-sigterm')]), { clock });
  await line('ready');
  run.kill();
  await until(() => run.detail.includes('is being killed'));
  await clock.advance(4999);
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'killed' });
});

t.test('its last words are heard, and kept in order', async (t) => {
  const script = `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done`;
  const { run, record, line, ended } = await live(sh(script));
  await line('ready');
  run.kill();
  t.match(await ended, { type: 'killed' });
  t.same(
    record.events.flatMap((event) => (event.type === 'line' && event.stream === 'stdout' ? [event.line] : [])),
    ['ready', 'bye'],
  );
});

t.test('as much as the pipe holds, also when nobody could read on', async (t) => {
  // A reader holds it: the rest of 200 lines is in the pipe when the kill comes.
  const script = `trap 'exit 0' TERM; i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; echo done >&2; while :; do sleep 0.01; done`;
  const { run, record, line, ended } = await live(sh(script, { capture: '1MiB' }));
  await line('done');
  run.pause();
  run.kill();
  await ended;
  t.equal(record.events.filter((event) => event.type === 'line' && event.stream === 'stdout').length, 200);
});

t.test('SIGKILL by name leaves no grace', async (t) => {
  const { run, line, ended } = await live(program([fixture('ignores-sigterm')], { grace: '1h' }));
  await line('ready');
  run.kill('SIGKILL');
  t.same(await ended, { type: 'killed', by: 'SIGKILL' });
});

t.test('SIGKILL ends a grace that has begun', async (t) => {
  const { run, line, ended } = await live(program([fixture('ignores-sigterm')], { grace: '1h' }));
  await line('ready');
  run.kill('me');
  run.kill('somebody else');
  run.kill('SIGKILL');
  t.same(await ended, { type: 'killed', by: 'me' });
});

t.test('another signal by name comes first', async (t) => {
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGQUIT']) {
    const script = `for s in INT HUP USR1 QUIT TERM; do trap "echo SIG$s; exit" $s; done; echo ready; while :; do sleep 0.01; done`;
    const { run, record, line, ended } = await live(sh(script));
    await line('ready');
    run.kill(signal);
    t.same(await ended, { type: 'killed', by: signal });
    t.ok(record.events.some((event) => event.type === 'line' && event.line === signal));
  }
});

t.test('a name that ends nothing is a reason', async (t) => {
  for (const by of ['SIGSTOP', 'SIGCONT', 'SIGNONE', 'toString']) {
    const { run, line, ended } = await live(sh('echo ready; exec sleep 1000'));
    await line('ready');
    run.kill(by);
    t.same(await ended, { type: 'killed', by });
  }
});

t.test('its leader may exit while others of its group live on', async (t) => {
  const script = `{ trap '' TERM; echo $$; exec sleep 1000; } & trap exit TERM; echo ready; wait`;
  const clock = fakeClock();
  const { run, record, line, ended } = await live(program(['bash', '-c', script.replace('$$', '$BASHPID')]), { clock });
  await line('ready');
  await until(() => record.events.filter(({ type }) => type === 'line').length === 2);
  const pid = Number(record.events.flatMap((e) => (e.type === 'line' && e.line !== 'ready' ? [e.line] : []))[0]);
  run.kill();
  await until(() => run.detail.includes('is being killed'));
  await clock.advance(4999);
  t.ok(lives(pid));
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'killed' });
  t.notOk(lives(pid));
});

t.test('a kill while others hold its pipe', async (t) => {
  const { run, line, ended } = await live(sh('sleep 1000 & echo $!; exit 0', { drain: 'close' }));
  const pid = pidIn(await line(''));
  await until(() => run.detail.includes('has exited'));
  run.kill('SIGKILL');
  t.match(await ended, { type: 'killed' });
  t.notOk(lives(pid));
});

t.test('one outside its session that holds the pipe is not waited for', async (t) => {
  const { run, record, line, ended } = await live(sh(`setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000`));
  const pid = pidIn(await line(''));
  run.kill();
  t.match(await ended, { type: 'killed' });
  const notes = record.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  t.same(notes, ['leaked: exited, but some process holds stdout and stderr open']);
  process.kill(pid, 'SIGKILL');
});

t.test('before it is started: it never is', async (t) => {
  const folder = t.testdir();
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(program('touch ran', { cwd: folder }));
      run.kill('me');
      yield* run.join();
    },
  ]);
  const { errors } = await failure(loop);
  t.match(errors[0].reason, { type: 'killed', by: 'me' });
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('after its end nothing happens', async (t) => {
  const { run, ended } = await live(program('true'));
  await ended;
  run.kill();
  run.pause();
  run.play();
  t.match(run.state, { type: 'finished' });
});

t.test('a stopped one is ended too', async (t) => {
  const { run, line, ended } = await live(sh('echo $$; kill -STOP $$; sleep 1000'));
  const pid = pidIn(await line(''));
  await until(() => state(pid) === 'T');
  run.kill();
  t.match(await ended, { type: 'killed' });
  t.notOk(lives(pid));
});

t.test('one that fails while being killed is killed', async (t) => {
  const { run, line, ended } = await live(sh(`trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done`));
  await line('ready');
  run.kill('me');
  t.same(await ended, { type: 'killed', by: 'me' });
});

t.test('a timeout that was first is the cause of a kill', async (t) => {
  const clock = fakeClock();
  const runner = program([fixture('ignores-sigterm')], { timeout: 1, grace: '1h' });
  const { run, line, ended } = await live(runner, { clock });
  await line('ready');
  await clock.advance(1);
  await until(() => run.detail.includes('is being killed'));
  run.kill('SIGKILL');
  t.match(await ended, { type: 'killed', by: 'SIGKILL', cause: { reason: { type: 'timeout', ms: 1 } } });
});

// --- pause --------------------------------------------------------------------------------------------------------------------

t.test('a pause stops reading, so the program waits', async (t) => {
  const { run, record, line, ended } = await live(program('yes'));
  await line('y');
  run.pause();
  await until(() => record.types(run.id).includes('pause'));
  const before = record.events.length;
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  t.equal(record.events.length, before);
  run.play();
  await until(() => record.events.length > before + 10_000);
  run.kill();
  await ended;
  t.same(record.delivered, []);
});

t.test('freeze stops the program itself', async (t) => {
  const { run, line, ended } = await live(sh('echo $$; exec sleep 1000', { freeze: true }));
  const pid = pidIn(await line(''));
  run.pause();
  await until(() => state(pid) === 'T');
  run.play();
  await until(() => state(pid) !== 'T');
  run.pause();
  await until(() => state(pid) === 'T');
  run.kill();
  t.match(await ended, { type: 'killed' });
});

t.test('freeze holds for one that is just being started', async (t) => {
  // Without `exec` it may be stopped in the middle of dash's vfork: its child is T then, and itself D.
  const { run, ended } = await live(sh('exec sleep 1000', { freeze: true }));
  run.pause();
  await until(() => /pid \d+/.test(run.detail));
  const pid = pidIn(run.detail);
  await until(() => state(pid) === 'T');
  run.kill();
  t.match(await ended, { type: 'killed' });
});

t.test('time in which it is paused does not count for its timeout', async (t) => {
  const clock = fakeClock();
  const { run, line, ended } = await live(sh('echo ready; sleep 1000', { timeout: '10s' }), { clock });
  await line('ready');
  await clock.advance('9s');
  run.pause();
  await clock.advance('1h');
  t.equal(run.state.type, 'paused');
  run.play();
  await clock.advance(999);
  t.equal(run.state.type, 'running');
  await clock.advance(1);
  t.match(await ended, { type: 'failed', error: { reason: { type: 'timeout', ms: 10_000 } } });
});

// --- aborts -------------------------------------------------------------------------------------------------------------------

t.test('a signal that was aborted before starts nothing', async (t) => {
  const folder = t.testdir();
  const reason = new Error('not today');
  const error = await failure(program('touch ran', { cwd: folder }).run({ signal: AbortSignal.abort(reason) }));
  t.ok(isRunError(error, 'killed'));
  t.equal(error.cause, reason);
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('one that is aborted in the same moment neither', async (t) => {
  const folder = t.testdir();
  const controller = new AbortController();
  const running = failure(program('touch ran', { cwd: folder }).run({ signal: controller.signal }));
  controller.abort();
  t.ok(isRunError(await running, 'killed'));
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('one that is aborted later kills', async (t) => {
  const controller = new AbortController();
  let pid = 0;
  const runner = sh('echo $$; sleep 1000', {
    stdout: (line) => {
      pid = pidIn(line);
      controller.abort();
    },
  });
  t.ok(isRunError(await failure(runner.run({ signal: controller.signal })), 'killed'));
  t.notOk(lives(pid));
});

t.test('30 runs on one signal raise no warnings, and leave no listeners', async (t) => {
  const warnings: unknown[] = [];
  const warn = (warning: unknown): void => void warnings.push(warning);
  process.on('warning', warn);
  const listeners = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name));
  const before = listeners();
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 30 }, () => program('true').run({ signal })));
  await new Promise(setImmediate);
  process.off('warning', warn);
  t.same(warnings, []);
  t.same(listeners(), before);
});

// --- errors and promises ------------------------------------------------------------------------------------------------------

t.test('no unhandled rejection, whatever fails and however it is left', async (t) => {
  const unhandled = await unhandledOf(async () => {
    await failure(program('false').run());
    await hear(program('no-such-program'));
    const iterator = program('false')[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return!();
    const untouched = program('false')[Symbol.asyncIterator]();
    await untouched.return!();
    await new Promise(setImmediate);
  });
  t.same(unhandled, []);
});

t.test('those killed leave nobody', async (t) => {
  const runs = await Promise.all(Array.from({ length: 20 }, () => live(sh('echo $$; sleep 1000 & wait'))));
  const pids = await Promise.all(runs.map(async ({ line }) => pidIn(await line(''))));
  for (const { loop } of runs) loop.kill();
  await Promise.all(runs.map(({ ended }) => ended));
  t.ok(await gone(...pids));
});

/** A child that no signal ends, until `looks` have been taken at it. */
function immortal(looks = Infinity): Child & { readonly signals: string[] } {
  const signals: string[] = [];
  return {
    pid: 4711,
    stdin: undefined,
    stdout: undefined,
    stderr: undefined,
    signals,
    signal: (signal) => void signals.push(signal),
    alive: () => looks-- > 0,
    members: () => [4711, 4712],
    release() {},
  };
}

t.test('L6: what even SIGKILL does not end is waited for a second more, then named', async (t) => {
  const clock = fakeClock();
  const child = immortal();
  const spawner: Spawner = {
    name: 'of immortals',
    room: () => Infinity,
    spawn(_command, started) {
      setImmediate(started, 4711);
      return child;
    },
  };
  const { run, record, ended } = await live(program('it', { grace: '5s' }), { clock, spawner });
  await until(() => run.detail.includes('pid 4711 runs'));
  run.kill();
  await clock.advance('5s');
  t.same(child.signals, ['SIGTERM', 'SIGKILL']);
  const before = performance.now();
  t.match(await ended, { type: 'killed', by: 'kill()' });
  t.ok(performance.now() - before < 20_000, 'a second, not for ever');
  t.match(
    record.events.find(({ type }) => type === 'note'),
    { text: 'could not be killed: pid 4711, 4712', data: { survivors: [4711, 4712] } },
  );
});

t.test('L6: SIGKILL is sent again as long as somebody lives, for what had just moved to another group', async (t) => {
  const clock = fakeClock();
  const child = immortal(5);
  const survivors = await new Promise<readonly number[]>((gone) => {
    endGroup(child, { signal: 'SIGTERM', grace: 0, clock, exited: true, gone });
    void clock.advance(0);
  });
  t.same(survivors, []);
  t.ok(child.signals.filter((signal) => signal === 'SIGKILL').length > 1, child.signals.join(' '));
});

t.test('the signal to begin with is the one that a kill is named after, if it ends anything', async (t) => {
  t.same(['SIGINT', 'SIGKILL', 'SIGUSR1', 'SIGSTOP', 'SIGCONT', 'SIGNONE', 'me', 'toString'].map(signalOf), [
    'SIGINT',
    'SIGKILL',
    'SIGUSR1',
    'SIGTERM',
    'SIGTERM',
    'SIGTERM',
    'SIGTERM',
    'SIGTERM',
  ]);
});
