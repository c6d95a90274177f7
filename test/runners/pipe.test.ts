import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { retry } from '../../lib/advice/retry.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { pipe, type PipeResult } from '../../lib/runners/pipe.ts';
import { program, type ProgramOptions } from '../../lib/runners/program.ts';
import { contract } from '../../lib/testing/contract.ts';
import { failure, gone, hear, live, lives, pidIn, until } from './tools.ts';

const MB = 1024 * 1024;
const sh = (script: string, options: ProgramOptions = {}) => program(['sh', '-c', script], options);

contract<PipeResult>(t, 'pipe', () => ({
  runner: () => pipe(program('echo hi'), program('cat')),
  endless: () => pipe(program('sleep 1000'), program('cat')),
  failing: () => pipe(program('false'), program('cat')),
  check: ({ stdout }) => t.equal(stdout, 'hi'),
}));

t.test('gives the result of the last stage, and those of all', async (t) => {
  const result = await pipe(sh('echo b; echo a; echo e1 >&2'), program('sort'), sh('cat; echo e3 >&2')).run();
  t.match(result, { exitCode: 0, stdout: 'a\nb', stderr: 'e3' });
  t.match(result.stages, [
    { exitCode: 0, stdout: '', stderr: 'e1' },
    { exitCode: 0, stdout: '', stderr: '' },
    { exitCode: 0, stdout: 'a\nb', stderr: 'e3' },
  ]);
});

t.test('one stage is a pipe too', async (t) => {
  t.match(await pipe(program('echo x')).run(), { stdout: 'x', stages: [{ stdout: 'x' }] });
});

t.test('what can be no pipe is refused at the call', (t) => {
  const refused = (stages: unknown[], message: RegExp): void => {
    t.throws(() => pipe(...(stages as never[])), { name: 'TypeError', message });
  };
  const cat = program('cat');
  refused([], /expected programs/);
  refused([cat, sleep(1)], /stage 2 is no program/);
  refused([cat.with(retry(1)), cat], /stage 1 is no program; advice goes around the whole/);
  refused([cat, program('cat', { stdin: 'x' })], /stage 2 has a stdin of its own/);
  refused([program('cat', { stdout: 'ignore' }), cat], /stage 1 has a stdout of its own/);
  refused([program('cat', { split: (() => {}) as never }), cat], /stage 1 has a split/);
  t.end();
});

t.test('the first reads what it is given, the last writes where it is told', async (t) => {
  const folder = t.testdir();
  const lines: string[] = [];
  await pipe(program('cat', { stdin: 'c\na\nb\n' }), program('sort', { stdout: (line) => lines.push(line) })).run();
  t.same(lines, ['a', 'b', 'c']);
  const out = join(folder, 'out');
  await pipe(program('cat', { stdin: ['x', 'y'] }), program('rev', { stdout: { file: out } })).run();
  t.equal(readFileSync(out, 'utf8').trim(), 'yx');
});

t.test('lines of the last and errors of all are events of their stages', async (t) => {
  const { events } = await hear(pipe(sh('echo a; echo e >&2'), program('cat')));
  const lines = events.flatMap((event) =>
    event.type === 'line' ? [`${event.run} ${event.stream} ${event.line}`] : [],
  );
  t.same(lines.sort(), ['1.1 stderr e', '1.2 stdout a']);
});

t.test('pipefail: a stage that fails is named, whoever comes after it', async (t) => {
  const error = await failure(pipe(sh('echo x; exit 3'), program('cat')).run());
  t.match(error.message, /^sh -c 'echo x; exit 3': failed with exit code 3/);
  t.equal(error.run, '1.1');
  t.match(error.stages, [{ exitCode: 3 }, { exitCode: 0, stdout: 'x' }]);
  const both = await failure(pipe(sh('exit 3'), sh('cat; exit 4'), program('cat')).run());
  t.match(both, { run: '1.2', reason: { exitCode: 4 } }, 'the last one');
  const signalled = await failure(pipe(sh('kill -9 $$'), program('cat')).run());
  t.match(signalled.reason, { type: 'signal', signal: 'SIGKILL' });
});

t.test('an unchecked stage may fail', async (t) => {
  const result = await pipe(sh('echo x; exit 3', { unchecked: true }), program('cat')).run();
  t.match(result, { stdout: 'x', stages: [{ exitCode: 3 }, {}] });
});

t.test('the early end of a reader is forgiven its writer', async (t) => {
  const options = { grace: '1h' }; // none of them is killed for it
  const yes = program('yes', options);
  t.match(await pipe(yes, program('head -n 2')).run(), { stdout: 'y\ny' });
  t.match(await pipe(sh('yes 2>/dev/null; exit 141', options), program('head -n 1')).run(), { stdout: 'y' });
  const python = `while True: print("y")`;
  t.match(await pipe(program(['python3', '-c', python], options), program('head -n 1')).run(), { stdout: 'y' });
  const script = `const go = (error) => { if (error) throw error; process.stdout.write('y\\n'.repeat(1000), go) }; go()`;
  const node = program([process.execPath, '-e', script], options);
  t.match(await pipe(node, program('head -n 1')).run(), { stdout: 'y' });
  const cat = program('cat', options);
  t.match(await pipe(yes, cat, cat, program('head -n 1')).run(), { stdout: 'y' });
  t.match(await pipe(yes, program('true')).run(), { stdout: '' });
  t.match(await pipe(yes, cat, program('true')).run(), { stdout: '' });
});

t.test('a writer that fails for another reason is not forgiven', async (t) => {
  const error = await failure(pipe(sh('yes 2>/dev/null; exit 5'), program('head -n 1')).run());
  t.match(error, { run: '1.1', reason: { type: 'exit', exitCode: 5 } });
});

t.test('nor one whose reader has read to its end', async (t) => {
  for (const [script, reason] of [
    ['echo x; exit 141', { type: 'exit', exitCode: 141 }],
    ['echo x; kill -PIPE $$', { type: 'signal', signal: 'SIGPIPE' }],
    ['echo x; echo broken pipe >&2; exit 1', { type: 'exit', exitCode: 1 }],
  ] as const) {
    t.match(await failure(pipe(sh(script), program('cat')).run()), { run: '1.1', reason }, script);
  }
});

t.test('one that closes its stdin and runs on has ended as a reader', async (t) => {
  const { ended, run } = await live(pipe(program('yes'), sh('exec <&-; echo closed; read x </dev/null; sleep 1000')));
  await until(() => /^waits for sh -c exec/.test(run.detail));
  run.kill();
  t.match(await ended, { type: 'killed' });
});

t.test('a writer that does not notice is killed after its grace', async (t) => {
  const writer = sh('sleep 1000', { grace: 50 });
  t.match(await pipe(writer, program('true')).run(), { exitCode: 0 });
});

t.test('each stage has its result, also one that was ended by us', async (t) => {
  const writer = sh('echo busy >&2; echo one; exec sleep 1000', { grace: 50 });
  const { stages } = await pipe(writer, program('head -n 1')).run();
  t.match(stages, [
    { signal: 'SIGTERM', stderr: 'busy' },
    { exitCode: 0, stdout: 'one' },
  ]);
  t.ok(stages[0]!.ms > 0);
  const late = sh('exec sleep 1000', { timeout: 50 });
  const error = (await failure(pipe(late, program('cat')).run())) as unknown as PipeResult;
  t.match(error.stages, [{ signal: 'SIGTERM' }, { exitCode: 0 }]);
});

t.test('a stage that is missing: the others do not wait', async (t) => {
  const cases = [
    [program('no-such-program'), program('cat'), program('sleep 1000')],
    [program('sleep 1000'), program('no-such-program'), program('cat')],
    [program('yes'), program('cat'), program('no-such-program')],
    [program('no-such-program'), sh('cat; exit 1')],
  ];
  for (const stages of cases) {
    const error = await failure(pipe(...stages).run());
    t.same(error.reason, { type: 'spawn', code: 'ENOENT' });
    t.match(error.message, /^no-such-program: /);
    t.equal(error.stages.length, stages.length);
  }
});

t.test('a kill takes all stages', async (t) => {
  const pids: number[] = [];
  const stderr = (line: string): void => void pids.push(pidIn(line));
  const stage = (script: string) => sh(`echo $$ >&2; ${script}`, { stderr });
  const { run, ended } = await live(pipe(stage('sleep 1000'), stage('cat'), stage('cat; sleep 1000')));
  await until(() => pids.length === 3);
  run.kill('me');
  t.same(await ended, { type: 'killed', by: 'me' });
  t.same(pids.map(lives), [false, false, false]);
});

t.test('each stage gets the signal that a kill begins with, once', async (t) => {
  const script = `trap 'echo got INT >&2' INT; trap 'echo got TERM >&2' TERM; echo ready >&2; i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.01; done; sleep 0.05`;
  const { run, record, ended } = await live(pipe(sh(script), sh(script)));
  const said = (text: string): number =>
    record.events.filter((event) => event.type === 'line' && event.line === text).length;
  await until(() => said('ready') === 2);
  run.kill('SIGINT');
  t.match(await ended, { type: 'killed', by: 'SIGINT' });
  t.same([said('got INT'), said('got TERM')], [2, 0]);
});

t.test('a stage that is killed by itself fails the pipe', async (t) => {
  const { record, loop, ended } = await live(pipe(program('sleep 1000'), program('cat')));
  const stage = (): string | undefined =>
    record.events.find((e) => e.type === 'start' && e.label === 'sleep 1000')?.run;
  await until(() => stage() !== undefined);
  loop.find(stage()!)!.kill('me');
  t.match(await ended, { type: 'failed', error: { reason: { type: 'killed', by: 'me' } } });
});

t.test('a timeout around it ends all of it', async (t) => {
  const pids: number[] = [];
  const stderr = (line: string): void => void pids.push(pidIn(line));
  const stages = [sh('echo $$ >&2; exec sleep 1000', { stderr }), sh('echo $$ >&2; exec cat', { stderr })];
  t.match(
    await failure(
      pipe(...stages)
        .with(timeout(300))
        .run(),
    ),
    { reason: { type: 'timeout' } },
  );
  t.ok(await gone(...pids));
});

t.test('100 MB pass in bounded memory', async (t) => {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
  const result = await pipe(program('head -c 100000000 /dev/zero'), program('cat'), program('wc -c')).run();
  clearInterval(timer);
  t.equal(Number(result.stdout), 100_000_000);
  t.ok(most - before < 80 * MB, `grew by ${Math.round((most - before) / MB)} MB`);
});

t.test('a slow last stage makes the first wait', async (t) => {
  const source = new PassThrough();
  let given = 0;
  const give = (): void => {
    while (!source.writableEnded && source.write(Buffer.alloc(65536))) given += 65536;
    source.once('drain', give);
  };
  give();
  const { run, ended } = await live(pipe(program('cat', { stdin: source }), program('sleep 1000')));
  let seen = -1;
  for (let same = 0; same < 50; seen === given ? same++ : ((same = 0), (seen = given))) await new Promise(setImmediate);
  t.ok(given < 20 * MB, `${given} bytes were taken`);
  run.kill();
  await ended;
});

t.test('no line of what only passes is too long', async (t) => {
  const { stdout } = await pipe(program('head -c 3000000 /dev/zero', { maxLine: 1000 }), program('wc -c')).run();
  t.equal(Number(stdout), 3_000_000);
});

t.test('lines can be sent to the first', async (t) => {
  const { run, line, ended } = await live(pipe(program('cat', { stdin: 'pipe' }), program('cat')));
  run.send('hello');
  await line('hello');
  run.end();
  t.match(await ended, { type: 'finished', value: { stdout: 'hello' } });
});

t.test('takes one slot', async (t) => {
  await all([pipe(program('echo a'), program('cat')), pipe(program('echo b'), program('cat'))]).run({ slots: 1 });
  t.pass();
});

t.test('runs once where its source does', async (t) => {
  const runner = pipe(program('cat', { stdin: ['x'].values() }), program('cat'));
  t.match(runner.traits.once, /an iterator can be read only once/);
  t.equal((await runner.run()).stdout, 'x');
  t.match(await failure(runner.run()), { name: 'TypeError', message: /stdin was read before/ });
});

t.test('a dry run starts none', async (t) => {
  t.match(await pipe(program('no-such-program'), program('cat')).run({ dryRun: true }), {
    stdout: '',
    stages: [{}, {}],
  });
});
