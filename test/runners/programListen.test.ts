// Listening: late, twice, slowly, and leaving early.
import t from 'tap';
import { all } from '../../lib/compose/all.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { until as untilLine } from '../../lib/compose/until.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { failure, fixture, gone, live, pidIn, unhandledOf, until } from './tools.ts';

const MB = 1024 * 1024;
const sh = (script: string, options = {}) => program(['sh', '-c', script], options);
const brief = (event: Event): string =>
  event.type === 'line' ? `${event.stream} ${event.line}` : event.type === 'note' ? event.text : event.type;

t.test('whoever listens later loses nothing', async (t) => {
  const { run, ended } = await live(sh('echo a; echo b >&2; echo c'));
  await ended;
  const heard: string[] = [];
  for await (const event of run) heard.push(brief(event));
  t.same(heard.slice(0, 1), ['start']);
  t.same(heard.slice(1, -1).sort(), ['stderr b', 'stdout a', 'stdout c']);
  t.same(heard.slice(-1), ['settle']);
});

t.test('of more than is kept, a note tells how much is missing', async (t) => {
  const { run, ended } = await live(sh('i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done'));
  await ended;
  const heard: string[] = [];
  for await (const event of run) heard.push(brief(event));
  t.match(heard[0], /^\d+ earlier lines are gone$/);
  const missing = Number(/\d+/.exec(heard[0]!)![0]);
  const lines = heard.filter((text) => text.startsWith('stdout'));
  t.equal(lines.length + missing, 20_000);
  t.equal(lines[0], `stdout line ${missing}`);
  t.equal(lines.at(-1), 'stdout line 19999');
});

t.test('two listeners hear the same', async (t) => {
  const heard: string[][] = [[], []];
  await runCommandGens([
    async function* () {
      const run = yield* spawn(sh('i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done'));
      await Promise.all(
        heard.map(async (list, index) => {
          for await (const event of run) {
            list.push(brief(event));
            if (index === 1 && list.length % 100 === 0) await new Promise(setImmediate);
          }
        }),
      );
    },
  ]);
  t.equal(heard[0]!.length, 5002);
  t.same(heard[0], heard[1]);
});

t.test('a listener that comes while it runs', async (t) => {
  const { run, line, ended } = await live(sh('echo early; read x; echo late', { stdin: 'pipe' }));
  await line('early');
  const heard: string[] = [];
  const reading = (async () => {
    for await (const event of run) heard.push(brief(event));
  })();
  run.send('go');
  await Promise.all([reading, ended]);
  t.same(heard, ['start', 'stdout early', 'stdout late', 'settle']);
});

t.test('breaking off, returning and throwing kill the program, and wait for its end', async (t) => {
  let pid = 0;
  const silent = sh('echo $$; exec sleep 1000');
  const first = async (): Promise<number> => {
    for await (const event of silent) if (event.type === 'line') return pidIn(event.line);
    return 0;
  };
  pid = await first();
  t.ok(await gone(pid));
  for await (const event of silent) {
    if (event.type !== 'line') continue;
    pid = pidIn(event.line);
    break;
  }
  t.ok(await gone(pid));
  const mine = new Error('mine');
  const throwing = async (): Promise<void> => {
    for await (const event of silent) {
      if (event.type !== 'line') continue;
      pid = pidIn(event.line);
      throw mine;
    }
  };
  const unhandled = await unhandledOf(async () => {
    t.equal(await failure(throwing()), mine, "the consumer's own error");
    await new Promise(setImmediate);
  });
  t.same(unhandled, []);
  t.ok(await gone(pid));
});

t.test('breaking off one that ignores SIGTERM waits for its SIGKILL', async (t) => {
  const stubborn = program([fixture('ignores-sigterm')], { grace: 50 });
  for await (const event of stubborn) if (event.type === 'line') break;
  t.pass();
});

t.test('reading on after breaking off gives nothing', async (t) => {
  const iterator = program('yes')[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return!();
  t.same(await iterator.next(), { value: undefined, done: true });
});

t.test('for await throws the error of a program that failed, after its events', async (t) => {
  const heard: string[] = [];
  const reading = (async () => {
    for await (const event of sh('echo x; exit 3')) heard.push(brief(event));
  })();
  t.match(await failure(reading), { reason: { type: 'exit', exitCode: 3 } });
  t.same(heard, ['start', 'stdout x', 'settle']);
});

t.test('a slow consumer of a flood stays small', async (t) => {
  let lines = 0;
  global.gc?.();
  const before = process.memoryUsage().rss;
  let most = 0;
  for await (const event of program('yes')) {
    if (event.type !== 'line') continue;
    lines++;
    if (lines % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1)); // that is what slow means
    most = Math.max(most, process.memoryUsage().rss);
    if (lines === 4000) break;
  }
  t.ok(most - before < 50 * MB, `grew by ${Math.round((most - before) / MB)} MB`);
});

t.test('a slow consumer gets all of 8 MB, in order', async (t) => {
  let next = 0;
  for await (const event of program(['seq', '0', '999999'], { capture: false })) {
    if (event.type !== 'line') continue;
    if (Number(event.line) !== next) t.fail(`expected ${next}, got ${event.line}`);
    if (++next % 50_000 === 0) await new Promise(setImmediate);
  }
  t.equal(next, 1_000_000);
});

t.test('64 MB through a callback, while others run', async (t) => {
  let bytes = 0;
  const flood = sh('yes 0123456789012345678901234567890123456789012345678901234567890123456 | head -c 67108864', {
    stdout: (line: string) => void (bytes += line.length + 1),
  });
  await all([flood, sh('echo meanwhile')]).run();
  t.ok(Math.abs(bytes - 67_108_864) <= 1);
});

t.test('waiting for a line', async (t) => {
  const [match] = await runCommandGens([
    function* () {
      const server = yield* spawn(sh('echo starting; echo LISTENING on 8080; exec sleep 1000'));
      const found = yield* untilLine(server, /LISTENING on (\d+)/, { within: '10s' });
      return found[1];
    },
  ]);
  t.equal(match, '8080');
});

t.test('next() gives the lines one by one, then undefined', async (t) => {
  const [got] = await runCommandGens([
    function* () {
      const run = yield* spawn(sh('echo a; echo b'));
      const lines: unknown[] = [];
      for (let next = yield* run.next(); next !== undefined; next = yield* run.next()) lines.push(next);
      return lines;
    },
  ]);
  t.same(got, [
    { stream: 'stdout', line: 'a' },
    { stream: 'stdout', line: 'b' },
  ]);
});

t.test('what the loop says while one hangs', async (t) => {
  const { run, loop, line, ended } = await live(sh('echo last words; exec sleep 1000'));
  await line('last');
  await until(() => run.lastLine === 'last words');
  const [, seen] = loop.list();
  t.match(seen, { label: 'sh -c echo last words; exec sleep 1000', lastLine: 'last words' });
  t.match(seen!.detail, /^pid \d+ runs, stdout and stderr open$/);
  t.type(seen!.since, 'number');
  run.kill();
  await ended;
});
