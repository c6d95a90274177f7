import t from 'tap';
import { RunError, createRunner, runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { json } from '../../lib/report/json.ts';
import { Paper, tell, written } from './support.ts';

function reporting() {
  const out = new Paper();
  const err = new Paper();
  return { out, err, parsed: () => out.lines.map((line) => JSON.parse(line) as any), ...tell(json({ out, err })) };
}

t.test('one event a line', async (t) => {
  const { start, line, note, settle, parsed, err } = reporting();
  start('1', 'make');
  line('1', 'two\nlines "quoted"');
  note('1', 'noted');
  settle('1');
  await written();
  t.same(parsed(), [
    { run: '1', at: 1000, type: 'start', spec: { type: 'program' }, label: 'make' },
    { run: '1', at: 1000, type: 'line', stream: 'stdout', line: 'two\nlines "quoted"' },
    { run: '1', at: 1000, type: 'note', text: 'noted' },
    { run: '1', at: 1000, type: 'settle', outcome: { type: 'finished' }, ms: 12 },
  ]);
  t.equal(err.text, '');
});

t.test('errors have their name, message, reason and cause', async (t) => {
  const { settle, parsed } = reporting();
  const cause = new TypeError('why', { cause: 'because' });
  settle('1', {
    type: 'failed',
    error: new RunError({ reason: { type: 'exit', exitCode: 3 }, label: 'make', run: '1', cause }),
  });
  settle('2', { type: 'failed', error: new AggregateError([cause], 'all of them') });
  await written();
  t.match(parsed(), [
    {
      outcome: {
        type: 'failed',
        error: {
          name: 'RunError',
          message: 'make: failed with exit code 3\ncause: why',
          reason: { type: 'exit', exitCode: 3 },
          run: '1',
          cause: { name: 'TypeError', message: 'why', cause: 'because' },
        },
      },
    },
    { outcome: { error: { name: 'AggregateError', errors: [{ name: 'TypeError' }] } } },
  ]);
});

t.test('items that are not JSON', async (t) => {
  const { item, parsed } = reporting();
  const circular: { name: string; self?: unknown; list?: unknown[] } = { name: 'c' };
  circular.self = circular;
  circular.list = [circular];
  const twice = { a: 1 };
  const error = new Error('self') as Error & { cause: unknown };
  error.cause = error;
  let deep: unknown = 'bottom';
  for (let i = 0; i < 10_000; i++) deep = [deep];
  const items = [
    10n,
    circular,
    [twice, twice],
    new Map([['a', 1n]]),
    new Set([1]),
    new Date(0),
    Buffer.from('hi'),
    [NaN, Infinity, undefined, () => {}, Symbol('s')],
    undefined,
    { f() {}, u: undefined, ok: true },
    error,
    { toJSON: () => 'mine' },
    {
      get bad() {
        throw new Error('getter');
      },
    },
    createRunner({ spec: { type: 'x' }, start: () => ({ pause() {}, play() {}, kill() {} }) }),
    { id: '1.2', join() {} },
  ];
  for (const value of items) item('1', value);
  item('1', deep);
  await written();
  const shown = parsed().map((event) => event.item);
  t.match(JSON.stringify(shown.pop()), /^\[+"\[deep\]"\]+$/);
  t.same(shown, [
    '10',
    { name: 'c', self: '[circular]', list: ['[circular]'] },
    [{ a: 1 }, { a: 1 }],
    [['a', '1']],
    [1],
    '1970-01-01T00:00:00.000Z',
    { base64: 'aGk=' },
    ['NaN', 'Infinity', null, null, null],
    null,
    { ok: true },
    { name: 'Error', message: 'self', cause: '[circular]' },
    'mine',
    '[Error: getter]',
    { spec: { type: 'x' } },
    { run: '1.2' },
  ]);
});

t.test('of what a run gave and printed before, the tail is kept; items are whole', async (t) => {
  const { settle, item, parsed } = reporting();
  const long = `${'x'.repeat(20_000)}end`;
  settle('1', { type: 'finished', value: { stdout: long, bytes: Buffer.from(long) } });
  item('1', long);
  await written();
  const [settled, whole] = parsed();
  t.equal(settled.outcome.value.stdout.length, 8193);
  t.match(settled.outcome.value.stdout, /^…x+end$/);
  t.equal(settled.outcome.value.bytes.dropped, 20_003 - 8192);
  t.equal(whole.item, long);
});

t.test('every event of a loop', async (t) => {
  const out = new Paper();
  const events: Event[] = [];
  const speaks = createRunner<number>({
    spec: { type: 'speaks' },
    start(sink) {
      sink.lines('stdout', ['a', 'b']);
      sink.item({ n: 1n });
      sink.settle({ type: 'finished', value: 7 });
      return { pause() {}, play() {}, kill() {} };
    },
  });
  await runCommandGens([speaks], { report: json({ out }), onEvent: (event) => events.push(event) });
  await written();
  t.same(
    out.lines.map((line) => (JSON.parse(line) as Event).type),
    events.map((event) => event.type),
  );
});
