import { Writable } from 'node:stream';
import t from 'tap';
import { observe } from '../../../lib/rx/index.ts';
import { task } from '../../../lib/compose/task.ts';
import { runCommandGens, type Event } from '../../../lib/kernel/index.ts';
import { LastLines } from '../../../lib/advice/memo/lines.ts';
import { json } from '../../../lib/report/json.ts';
import { prefix } from '../../../lib/report/prefix.ts';
import { program } from '../../../lib/runners/program.ts';
import { projectIn } from './support.ts';

t.test('the last lines, up to a limit in bytes', async (t) => {
  const lines = new LastLines(10);
  lines.add('stdout', ['one', 'two']);
  t.same(lines.said, [['stdout', ['one', 'two']]]);
  lines.add('stderr', ['x']);
  t.same(lines.said, [
    ['stdout', ['one', 'two']],
    ['stderr', ['x']],
  ]);
  lines.add('stdout', ['é']);
  t.same(lines.said, [
    ['stdout', ['two']],
    ['stderr', ['x']],
    ['stdout', ['é']],
  ]);
  t.equal(lines.dropped, 1);
  lines.add('stdout', ['more than there is room for']);
  t.same(lines.said, []);
  t.equal(lines.dropped, 5);
  lines.add(
    'a',
    Array.from({ length: 50 }, (_, index) => `${index}`),
  );
  t.same(lines.said, [['a', ['47', '48', '49']]]);
});

t.test('what is kept of long output; a note tells of the rest', async (t) => {
  const p = projectIn(t);
  const cases: [lines: number | string | false | undefined, command: string, replayed: RegExp][] = [
    ['10B', 'seq 100', /^~98 ~99 ~100$|^~99 ~100$/],
    [false, 'seq 101', /^$/],
    [0, 'seq 102', /^$/],
    [undefined, 'seq 103', /^~1 ~2 .*~103$/],
  ];
  for (const [lines, command, replayed] of cases) {
    const step = program(command).with(p.memo({ lines: lines as never }));
    t.equal((await p.run(step)).lines.length, Number(command.split(' ')[1]));
    const { lines: told, notes } = await p.run(step);
    t.match(told.join(' '), replayed);
    t.equal(notes.length, lines === '10B' ? 2 : 1);
    if (lines === '10B') t.match(notes[1], /^\d+ lines before these were not kept$/);
  }
  const much = program('seq 300000').with(p.memo());
  await p.run(much);
  const { lines, notes, value } = await p.run(much);
  t.equal(lines.at(-1), '~300000');
  t.ok(lines.length > 100_000 && lines.length < 160_000, `${lines.length}`);
  t.match(notes[1], `${300_000 - lines.length} lines before these were not kept`);
  t.equal(value.stdout.length, 1_988_894);
  t.throws(() => p.memo({ lines: 'many' as never }), /memo: lines/);
});

t.test('several streams, in the order of their lines; odd ones', async (t) => {
  const p = projectIn(t);
  const step = program(
    `for i in 1 2 3; do echo o$i; sleep 0.05; echo e$i >&2; sleep 0.05; done; printf '\\n\\303\\244\\t\\033[1m\\nend'`,
  ).with(p.memo());
  const of = (events: readonly Event[]) => events.flatMap((e) => (e.type === 'line' ? [`${e.stream} ${e.line}`] : []));
  const first = await p.run(step);
  t.same(of(first.events), [
    'stdout o1',
    'stderr e1',
    'stdout o2',
    'stderr e2',
    'stdout o3',
    'stderr e3',
    'stdout ',
    'stdout ä\t\x1b[1m',
    'stdout end',
  ]);
  t.same(of((await p.run(step)).events), of(first.events));
});

t.test('lines of the programs in a task are told again too', async (t) => {
  const p = projectIn(t);
  const step = task(function* () {
    yield* program('echo inner');
    yield* task(function* () {
      yield* program('echo deeper');
    });
  }).with(p.memo({ key: 'task' }));
  t.same((await p.run(step)).lines, ['inner', 'deeper']);
  t.same((await p.run(step)).lines, ['~inner', '~deeper']);
});

t.test('reports, for await, Observables', async (t) => {
  const p = projectIn(t);
  const step = program('echo said', { label: 'step' }).with(p.memo());
  await p.run(step);
  const written: string[] = [];
  const to = new Writable({ write: (chunk, _, done) => (written.push(String(chunk)), done()) });
  await runCommandGens([step], { cwd: p.folder, report: prefix({ out: to, err: to }) });
  t.match(written.join(''), /step \| said\n/);
  t.match(written.join(''), /unchanged/);
  written.length = 0;
  await runCommandGens([step], { cwd: p.folder, report: json({ out: to, err: to }) });
  const events = written
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(
    events.find(({ type }) => type === 'line'),
    { line: 'said', memory: true },
  );
  const heard: Event[] = [];
  const [value] = await runCommandGens(
    [
      async function* () {
        for await (const event of step) heard.push(event);
        return yield* step;
      } as never,
    ],
    { cwd: p.folder },
  );
  t.equal((value as { stdout: string }).stdout, 'said');
  t.match(
    heard.filter(({ type }) => type === 'line'),
    [{ line: 'said', memory: true }],
  );
  const seen: Event[] = [];
  await new Promise<void>((resolve, reject) =>
    observe(step.with()).subscribe({
      next: (event) => void seen.push(event as Event),
      complete: resolve,
      error: reject,
    }),
  ).catch(() => {});
  t.ok(seen.some(({ type }) => type === 'settle'));
});

t.test('a function that is to hear lines which were not kept: it runs, and says why', async (t) => {
  const p = projectIn(t);
  const heard: string[] = [];
  const step = program('seq 3', { stdout: (line) => void heard.push(line) }).with(p.memo({ lines: 2 }));
  await p.run(step);
  t.same((await p.run(step)).notes, ['runs: a function is to hear all of its lines, and not all were kept']);
  t.same(heard, ['1', '2', '3', '1', '2', '3']);
});
