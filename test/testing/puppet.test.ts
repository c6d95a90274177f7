import t from 'tap';
import { isRunError, program, runCommandGens, spawn, type Event } from '../../lib/index.ts';
import { contract } from '../../lib/testing/contract.ts';
import { puppet, type PuppetRun } from '../../lib/testing/puppet.ts';
import { failure } from '../kernel/tools.ts';

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

t.test('writes, exits', async (t) => {
  const maker = await puppet(t);
  const lines: string[] = [];
  const loop = runCommandGens([
    program([...maker.command, 'a', '-b'], { stdout: (line: string) => lines.push(line), env: { X: 'y' }, cwd: '/' }),
  ]);
  const error = failure(loop);
  const p = await maker.started();
  t.match(p, { args: ['a', '-b'], cwd: '/', env: { X: 'y' }, ppid: process.pid });
  t.equal(maker.count, 1);
  await p.stdout('half ');
  await p.stdout('a line\nanother\n');
  await p.stderr(Buffer.from('why: ü\n'));
  await p.exit(3);
  t.match((await error).errors, [{ reason: { type: 'exit', exitCode: 3 }, stderr: 'why: ü' }]);
  t.same(lines, ['half a line', 'another']);
});

t.test('reads', async (t) => {
  const maker = await puppet(t);
  const loop = runCommandGens([
    function* () {
      const run = yield* spawn(program(maker.command, { stdin: 'pipe' }));
      run.send('one');
      run.send('two');
      run.end();
      yield* run.join();
    },
  ]);
  const p = await maker.started();
  t.same(
    [await p.readLine(), await p.readLine(), await p.readLine(), await p.readLine()],
    ['one', 'two', undefined, undefined],
  );
  void p.exit();
  await loop;
  await t.rejects(p.stdout('x'), /has ended/);
});

t.test('tells of signals, ignores them, dies by them', async (t) => {
  const maker = await puppet(t);
  const loop = runCommandGens([program([...maker.command, 'a']), program([...maker.command, 'b'])]);
  const error = failure(loop);
  const both = [await maker.started(1), await maker.started(2)];
  const [a, b] = both.toSorted((p, q) => p.args.join().localeCompare(q.args.join())) as [PuppetRun, PuppetRun];
  await a.ignore('SIGINT');
  process.kill(a.pid, 'SIGINT');
  await a.gotSignal('SIGINT');
  process.kill(b.pid, 'SIGHUP');
  await b.ended;
  t.same(b.signals, ['SIGHUP']);
  await a.die('SIGQUIT');
  t.match(
    (await error).errors.map(({ reason }: { reason: object }) => reason),
    [
      { type: 'signal', signal: 'SIGQUIT' },
      { type: 'signal', signal: 'SIGHUP' },
    ],
  );
  t.same(a.signals, ['SIGINT']);
});

t.test('closes its streams', async (t) => {
  const maker = await puppet(t);
  const events: Event[] = [];
  const loop = runCommandGens([program(maker.command)], { onEvent: (event) => events.push(event) });
  const p = await maker.started();
  await p.stdout('last words');
  await p.close('stdout');
  await t.rejects(p.stdout('more'), /EBADF/);
  await p.stderr('still here\n');
  await p.exit();
  t.match(await loop, [{ exitCode: 0, stdout: 'last words', stderr: 'still here' }]);
});

t.test('has children that hold its pipes', async (t) => {
  const maker = await puppet(t);
  const notes: string[] = [];
  const loop = runCommandGens([program(maker.command, { drain: { quiet: '20ms' } })], {
    onEvent: (event) => event.type === 'note' && notes.push(event.text),
  });
  const p = await maker.started();
  const child = await p.grandchild({ holds: ['stdout'], args: ['x'] });
  t.match(child, { ppid: p.pid, args: ['x'] });
  await child.stdout('from below\n');
  await p.exit();
  t.match(await loop, [{ stdout: 'from below' }]);
  t.match(notes, [/leaked.*stdout/]);
  await child.ended; // the loop has ended, so it was killed
});

t.test('nothing is left behind, also what ignores signals or is stopped', async (t) => {
  const maker = await puppet();
  const loop = runCommandGens([program(maker.command, { grace: '1h' })]);
  const error = failure(loop);
  const p = await maker.started();
  await p.ignore('SIGTERM');
  const far = await p.grandchild({ detached: true });
  process.kill(far.pid, 'SIGSTOP');
  await maker.close();
  t.ok(isRunError((await error).errors[0], 'signal'));
  t.notOk(alive(p.pid));
  // Its parent is gone, so init buries it: a moment later.
  await far.ended;
  t.same(maker.count, 2);
});

contract(t, 'a program (puppet)', async () => {
  const maker = await puppet();
  const seen = new Set<PuppetRun>();
  return {
    runner: () => program([...maker.command, 'soon'], { grace: 100 }),
    endless: () => program(maker.command, { grace: 100 }),
    failing: () => program([...maker.command, 'soon', 'fail'], { grace: 100 }),
    async finish() {
      for (let n = 1; n <= maker.count; n++) {
        const p = await maker.started(n);
        if (seen.has(p) || p.args[0] !== 'soon') continue;
        seen.add(p);
        p.stdout('a\nb\n')
          .then(() => p.exit(p.args[1] === 'fail' ? 1 : 0))
          .catch(() => {});
      }
    },
    check: ({ stdout }) => t.ok(['a\nb', ''].includes(String(stdout))),
    close: () => maker.close(),
  };
});
