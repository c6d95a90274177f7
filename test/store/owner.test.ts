import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { isOwner, lives, self } from '../../lib/store/owner.ts';

t.test('this process lives; none of the same pid from before it, or of another boot', async (t) => {
  t.equal(self().pid, process.pid);
  t.equal(lives(self()), true);
  t.equal(lives({ ...self(), started: '1' }), false, 'the pid was given to another');
  t.equal(lives({ ...self(), boot: 'another' }), false);
  t.equal(lives({ ...self(), pid: 2 ** 22 + 1 }), false);
});

t.test('of what is elsewhere nothing is known', async (t) => {
  t.equal(lives({ ...self(), host: 'another' }), undefined);
  t.equal(lives({ ...self(), pids: 'pid:[1]' }), undefined);
});

t.test('a process that has been killed is dead, also while its parent has not heard of it', async (t) => {
  const sleeper = spawn('sh', ['-c', 'exec sleep 60']);
  const stat = (): string => readFileSync(`/proc/${sleeper.pid}/stat`, 'latin1');
  const text = stat();
  const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]!;
  const owner = { ...self(), pid: sleeper.pid!, started };
  t.equal(lives(owner), true);
  const exited = once(sleeper, 'exit');
  sleeper.kill('SIGKILL');
  // Not reaped before this turn ends: a zombie is dead.
  const until = Date.now() + 5000;
  while (lives(owner) !== false && Date.now() < until);
  t.match(stat(), /\) Z /);
  t.equal(lives(owner), false);
  await exited;
  t.equal(lives(owner), false);
});

t.test('a process that /proc does not show lives as long as signals reach it', async (t) => {
  const { readFileSync } = fs;
  const sleeper = spawn('sleep', ['60']);
  await once(sleeper, 'spawn');
  t.teardown(() => {
    fs.readFileSync = readFileSync;
    syncBuiltinESMExports();
  });
  const owner = { ...self(), pid: sleeper.pid!, started: '1' };
  t.equal(lives(owner), false, 'its start is seen, and is another one');
  fs.readFileSync = ((path: string, ...rest: [BufferEncoding]) => {
    if (path === `/proc/${sleeper.pid}/stat`) throw Object.assign(new Error('hidden'), { code: 'ENOENT' });
    return readFileSync(path, ...rest);
  }) as typeof readFileSync;
  syncBuiltinESMExports();
  t.equal(lives(owner), true);
  sleeper.kill('SIGKILL');
  await once(sleeper, 'exit');
  t.equal(lives(owner), false);
});

t.test('a name with blanks and parentheses hides nothing', async (t) => {
  const folder = t.testdir({ 'a) Z (b c': '#!/bin/sh\necho; read line\n' });
  const odd = spawn('sh', [`${folder}/a) Z (b c`], { argv0: 'x' });
  await once(odd.stdout, 'data');
  const text = readFileSync(`/proc/${odd.pid}/stat`, 'latin1');
  t.equal(lives({ ...self(), pid: odd.pid!, started: text.slice(text.lastIndexOf(')') + 2).split(' ')[19]! }), true);
  odd.stdin.end();
  await once(odd, 'exit');
});

t.test('what is an owner', async (t) => {
  t.equal(isOwner(self()), true);
  t.equal(isOwner(JSON.parse(JSON.stringify(self()))), true);
  for (const not of [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { ...self(), pid: '1' },
    { ...self(), pid: -1 },
    { ...self(), host: undefined },
  ])
    t.equal(isOwner(not), false);
});
