import t from 'tap';
import { RunError } from '../../lib/kernel/index.ts';
import { briefly, duration, fully, inOneLine, wouldDo } from '../../lib/report/explain.ts';

const failed = new RunError({
  reason: { type: 'exit', exitCode: 2 },
  label: 'sh -c\nexit 2',
  hint: 'try again',
  tails: { stderr: 'no rule' },
});

t.test('a failure in one line, and in full', async (t) => {
  t.equal(briefly(failed), 'failed with exit code 2 (try again)');
  t.equal(inOneLine(failed), 'sh -c exit 2: failed with exit code 2 (try again)');
  t.equal(fully(failed), 'sh -c\nexit 2: failed with exit code 2 (try again)\nno rule');
  t.equal(briefly(new TypeError('a\nb')), 'TypeError: a');
  t.equal(inOneLine(new TypeError('a\nb')), 'TypeError: a');
  t.ok(briefly(new Error('x'.repeat(10_000))).length <= 500);
});

t.test('what never began: the cause says what to do', async (t) => {
  const error = new RunError({
    reason: { type: 'spawn', code: 'CWD' },
    label: 'make\nall',
    cause: new Error('the folder x does not exist\nand so on'),
  });
  t.equal(briefly(error), 'could not be started (CWD): the folder x does not exist');
  t.equal(inOneLine(error), 'make all: could not be started (CWD): the folder x does not exist');
  const killed = new RunError({ reason: { type: 'timeout', ms: 5 }, label: 'make', cause: new Error('x') });
  t.equal(briefly(killed), 'timed out after 5 ms');
});

t.test('several errors, causes, causes that go round', async (t) => {
  const round = new Error('round');
  round.cause = round;
  t.match(fully(new AggregateError([failed, round], 'two')), /AggregateError: two\n[^]*no rule[^]*Error: round/);
  t.match(fully(new Error('outer', { cause: 'text' })), /cause: Error: text/);
});

t.test('of code that was called with reports, the place that threw', async (t) => {
  const error = new RunError({
    reason: { type: 'callback', name: 'onEvent' },
    label: 'make',
    cause: new Error('mine'),
  });
  t.match(fully(error), /^make: onEvent threw[^]*Error: mine\n[^]*explain\.test\.ts/);
});

t.test('what a run would do', async (t) => {
  t.equal(wouldDo({ type: 'program', command: ['echo', 'a b', "it's"] }), `$ echo 'a b' 'it'\\''s'`);
  t.equal(wouldDo({ type: 'program', command: 'a | b', cwd: '/tmp' }), '$ a | b (in /tmp)');
  t.equal(wouldDo({ type: 'sleep', ms: 5 }), '{"type":"sleep","ms":5}');
});

t.test('times', async (t) => {
  const times: [number, string][] = [
    [0, '0 ms'],
    [999, '999 ms'],
    [1234, '1.2 s'],
    [59_999, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_725_000, '1 h 2 min'],
  ];
  for (const [ms, text] of times) t.equal(duration(ms), text);
});
