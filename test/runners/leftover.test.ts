// What a program leaves behind lives on with the loop, and no longer (L6).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { shield } from '../../lib/compose/shield.ts';
import { runCommandGens, type Loop } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { failure, fifo, gone, lives, pidIn, until } from './tools.ts';

const sh = (script: string, options = {}) => program(['sh', '-c', script], options);

t.test('what was left behind lives on with its loop, writes on, and dies with it', async (t) => {
  const folder = t.testdir();
  const log = join(folder, 'log');
  let pid = 0;
  const go = fifo(folder);
  await runCommandGens([
    function* () {
      // It writes to its held pipe before it writes to the log: a closed pipe would end it.
      const left = `{ trap '' HUP; read x <${go}; echo dropped; echo dropped; echo alive >${log}; sleep 1000; }`;
      const { stdout } = yield* sh(`${left} & echo $!`);
      pid = pidIn(stdout);
      t.ok(lives(pid));
      yield* sh(`echo now >${go}; until [ -s ${log} ]; do sleep 0.01; done`);
      t.ok(lives(pid), 'its pipe is still read');
    },
  ]);
  t.notOk(lives(pid), 'it is gone before the loop has ended');
});

t.test('one with no pipe is left in silence, listed, and dies with the loop', async (t) => {
  let pid = 0;
  const loop = runCommandGens([
    function* () {
      const { stdout } = yield* sh('sleep 1000 >/dev/null 2>&1 & echo $!');
      pid = pidIn(stdout);
      const left = loop.list().find(({ spec }) => spec.type === 'leftover');
      t.match(left, { label: /^left by sh -c sleep/, state: { type: 'running' }, detail: `pid ${pid} lives on` });
      t.ok(lives(pid));
    },
  ]);
  await loop;
  t.notOk(lives(pid));
});

t.test('what was left behind and ends by itself is forgotten', async (t) => {
  const go = fifo(t.testdir());
  const loop: Loop<void[]> = runCommandGens<void>([
    function* () {
      yield* sh(`read x <${go} >/dev/null 2>&1 & exit 0`);
      const left = loop.list().find(({ spec }) => spec.type === 'leftover')!;
      yield* program(['sh', '-c', `echo now >${go}`]);
      yield* left.join();
      t.same(left.state, { type: 'finished', value: undefined });
    },
  ]);
  await loop;
});

t.test('a program outside any loop takes what it left with it', async (t) => {
  const { stdout } = await sh('sleep 1000 >/dev/null 2>&1 & echo $!').run();
  t.notOk(lives(pidIn(stdout)));
});

t.test('a stubborn one that was left behind gets SIGKILL after the grace', async (t) => {
  const { stdout } = await sh(`{ trap '' TERM; sleep 1000; } >/dev/null 2>&1 & echo $!`, { grace: 50 }).run();
  t.notOk(lives(pidIn(stdout)));
});

t.test('shielded clean-up that leaves something behind while the loop ends', async (t) => {
  const folder = t.testdir();
  const loop = runCommandGens([
    function* () {
      try {
        yield* program('sleep 1000');
      } finally {
        yield* shield(sh(`sleep 1000 >/dev/null 2>&1 & echo $! >${folder}/pid`));
      }
    },
  ]);
  await until(() => loop.list().length >= 2);
  loop.kill();
  await failure(loop);
  t.ok(await gone(Number(readFileSync(`${folder}/pid`, 'utf8'))));
});
