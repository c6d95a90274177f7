import t from 'tap';
import { RunError } from '../../lib/kernel/index.ts';
import { prefix } from '../../lib/report/prefix.ts';
import { Paper, tell, written } from './support.ts';

function reporting(options: Parameters<typeof prefix>[0] = {}, out = new Paper(), err = new Paper()) {
  const report = prefix({ out, err, color: false, ...options });
  return { out, err, ...tell(report) };
}

const exit = (exitCode: number, run = '1') =>
  new RunError({ reason: { type: 'exit', exitCode }, run, label: 'make test', tails: { stderr: 'last words' } });

t.test('each line stands behind the label of its run; stderr goes to stderr', async (t) => {
  const { out, err, start, line } = reporting();
  start('1', 'make lib');
  line('1', 'CC a.o');
  line('1', 'warning', 'stderr');
  line('1', 'from a socket', 'data');
  await written();
  t.same(out.lines, ['make lib | CC a.o', 'make lib | from a socket']);
  t.same(err.lines, ['make lib | warning']);
});

t.test('labels are aligned from the longest so far on, up to a limit', async (t) => {
  const { out, start, line } = reporting({ width: 12 });
  start('1', 'a');
  start('2', 'abcdef');
  start('3', 'sha256sum lib/kernel/loop.ts');
  line('1', 'x');
  line('2', 'x');
  line('1', 'x');
  line('3', 'x');
  line('1', 'x');
  await written();
  t.same(out.lines, ['a | x', 'abcdef | x', 'a      | x', 'sha256…op.ts | x', 'a            | x']);
});

t.test('wide characters count for two columns', async (t) => {
  const { out, start, line } = reporting();
  start('1', '编译');
  start('2', '👩‍👩‍👧 é');
  start('3', 'four');
  for (const id of ['1', '2', '3']) line(id, 'x');
  await written();
  t.same(out.lines, ['编译 | x', '👩‍👩‍👧 é | x', 'four | x']);
});

t.test('of live runs with one label the later show their id; a run and its wrapper are one', async (t) => {
  const { out, err, start, line, note, settle } = reporting();
  start('1', 'curl');
  start('2', 'curl');
  start('3', 'ping', 'retry');
  start('3.1', 'ping');
  note('3', 'retry 1 of 3');
  line('3.1', 'pong');
  line('1', 'a');
  line('2', 'b');
  settle('1');
  settle('2');
  start('4', 'curl');
  line('4', 'c');
  await written();
  t.same(out.lines, ['ping | pong', 'curl | a', 'curl 2 | b', 'curl   | c']);
  t.same(err.lines, ['ping * retry 1 of 3']);
});

t.test('a leaf says why it failed, once; what was printed before is not repeated', async (t) => {
  const { err, start, settle } = reporting();
  const error = exit(3, '1.1');
  start('1', 'main', 'task');
  start('1.1', 'make test');
  settle('1.1', { type: 'failed', error });
  start('1.2', 'join 1.1', 'join');
  settle('1.2', { type: 'failed', error });
  settle('1', { type: 'failed', error });
  await written();
  t.same(err.lines, ['make test * failed with exit code 3 (12 ms)']);
});

t.test('runs that were killed are told if they are programs or have spoken', async (t) => {
  const { err, start, settle, line } = reporting();
  for (const [id, type] of [
    ['1', 'program'],
    ['2', 'sleep'],
    ['3', 'socket'],
  ] as const)
    start(id, type, type);
  line('3', 'hello');
  for (const id of ['1', '2', '3']) settle(id, { type: 'killed', by: 'race' });
  await written();
  t.same(err.lines, ['program * killed: race (12 ms)', 'socket  * killed: race (12 ms)']);
});

t.test('errors of other kinds have their name; nothing of them is longer than a line', async (t) => {
  const { err, start, settle } = reporting();
  start('1', 'fetch', 'promise');
  settle('1', { type: 'failed', error: new TypeError('bad\nurl') });
  await written();
  t.same(err.lines, ['fetch * TypeError: bad (12 ms)']);
});

t.test('parts of lines are not printed', async (t) => {
  const { out, start, partial, line } = reporting();
  start('1', 'a');
  partial('1', 'Password');
  line('1', 'Password: ok');
  await written();
  t.same(out.lines, ['a | Password: ok']);
});

t.test('items and lines with newlines', async (t) => {
  const { out, start, item, line } = reporting();
  start('1', 'a');
  item('1', { done: 3, of: ['x', 'y'] });
  item('1', 'two\nlines');
  line('1', 'a\nb');
  await written();
  t.same(out.lines, ["a | { done: 3, of: [ 'x', 'y' ] }", 'a | two', 'a | lines', 'a | a', 'a | b']);
});

t.test('a dry run says what would be done', async (t) => {
  const { out, start, settle } = reporting({ dryRun: true });
  start('1', 'main', 'task');
  start('1.1', 'make', 'program', { command: ['make', 'it so'], cwd: 'lib' });
  settle('1.1');
  start('1.2', 'p', 'pipe', {
    of: [
      { type: 'program', command: 'a b' },
      { type: 'program', command: ['c'] },
    ],
  });
  settle('1.2');
  start('1.3', 'sleep 3s', 'sleep', { ms: 3000 });
  settle('1.3');
  settle('1');
  await written();
  t.same(out.lines, ["make | $ make 'it so' (in lib)", 'p    | $ a b | c', 'sleep 3s | {"type":"sleep","ms":3000}']);
});

t.test('a dry run says by whom a program would be started', async (t) => {
  const { out, start, settle } = reporting({ dryRun: true });
  start('1', 'web', 'within', { change: { via: { ssh: 'web', user: 'me' } } });
  start('1.1', 'within', 'within', { change: { via: { sudo: 'root' } } });
  start('1.1.1', 'within', 'within', { change: { via: { nice: 5 }, cwd: '/srv' } });
  start('1.1.1.1', 'make', 'program', { command: 'make' });
  settle('1.1.1.1');
  settle('1.1.1');
  start('1.1.2', 'ls', 'program', { command: 'ls' });
  settle('1.1.2');
  settle('1.1');
  start('1.2', 'pwd', 'program', { command: 'pwd' });
  settle('1.2');
  await written();
  t.same(out.lines, ['make | $ make (by sudo root, nice 5)', 'ls   | $ ls (by sudo root)', 'pwd  | $ pwd']);
});

t.test('colours are the same for the same label, and off where nobody sees them', async (t) => {
  const env = { NO_COLOR: process.env['NO_COLOR'], FORCE_COLOR: process.env['FORCE_COLOR'], TERM: process.env['TERM'] };
  t.teardown(() => {
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const print = async (terminal: boolean, variables: Record<string, string>): Promise<string> => {
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, variables);
    const out = new Paper(terminal ? {} : undefined);
    const { start, line } = reporting({ color: undefined }, out);
    start('1', 'make');
    line('1', 'x');
    await written();
    return out.text;
  };
  const colored = await print(true, { TERM: 'xterm' });
  t.match(colored, /^\x1b\[\d+mmake\x1b\[0m .*\|.* x\n$/);
  t.equal(await print(true, { TERM: 'xterm' }), colored);
  t.equal(await print(false, {}), 'make | x\n');
  t.equal(await print(true, { TERM: 'dumb' }), 'make | x\n');
  t.equal(await print(true, { TERM: 'xterm', NO_COLOR: '1' }), 'make | x\n');
  t.equal(await print(true, { TERM: 'xterm', NO_COLOR: '' }), colored);
  t.equal(await print(false, { FORCE_COLOR: '1', NO_COLOR: '1' }), colored);
  t.equal(await print(true, { TERM: 'xterm', FORCE_COLOR: '0' }), 'make | x\n');
});

t.test('what moves the cursor stays out of other lines on a terminal, and is left as it is elsewhere', async (t) => {
  const progress = '10%\r20%\r\x1b[2K\x1b[32mdone';
  const out = new Paper({});
  const onTerminal = reporting({}, out);
  onTerminal.start('1', 'a');
  onTerminal.line('1', progress);
  const file = new Paper();
  const inFile = reporting({}, file);
  inFile.start('1', 'a');
  inFile.line('1', progress);
  await written();
  t.equal(out.text, 'a | \x1b[32mdone\x1b[0m\n');
  t.equal(file.text, `a | ${progress}\x1b[0m\n`);
});

t.test('a label is one line and narrow enough for its terminal', async (t) => {
  const out = new Paper({ columns: 45 });
  const { start, line } = reporting({}, out);
  start('1', 'sh -c\n\x1b[31mexit 3');
  start('2', 'x'.repeat(100));
  line('1', 'a');
  line('2', 'b');
  await written();
  t.same(out.lines, ['sh -c exit 3 | a', 'xxxxxxx…xxxxxxx | b']);
});

t.test('a run that was there before the report is known by its id', async (t) => {
  const { out, err, line, note, settle } = reporting();
  line('2.1', 'x');
  note('2', 'y');
  settle('2.1');
  settle('7');
  await written();
  t.same([...out.lines, ...err.lines], ['2.1 | x', '2   * y']);
});
