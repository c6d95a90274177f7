import t from 'tap';
import { lineEvent, LinesEntry, toEvent } from '../../lib/kernel/entry.ts';
import type { RunRecord } from '../../lib/kernel/run.ts';
import { masker } from '../../lib/kernel/secrets.ts';

/** As much of a run as an event tells. */
function runOf(secrets: string[] = []): RunRecord {
  const scope = { masking: secrets.length > 0, masker: masker(secrets) };
  const runner = { traits: {} };
  return { id: '1.2', scope, runner, spec: { type: 'x' }, label: 'its label' } as unknown as RunRecord;
}

t.test('lines are made when somebody wants them, once for all who read them now', async (t) => {
  let made = 0;
  const report = (): string[] => {
    made++;
    return ['a', 'b', 'c'];
  };
  const entry = new LinesEntry(runOf(), 7, 'stdout', report, 1000);
  t.equal(made, 0);
  t.same(entry.lines, ['a', 'b', 'c']);
  t.equal(entry.lines, entry.lines);
  t.equal(made, 1);
  entry.forget();
  t.equal(entry.count, 3, 'what was counted stays known');
  t.equal(made, 1);
  t.same(entry.take(), ['a', 'b', 'c']);
  t.same(entry.take(), ['a', 'b', 'c']);
  t.equal(made, 3, 'who takes them has them alone');
});

t.test('for how many events they stand: exactly for few bytes, a guess for many that never changes', async (t) => {
  const lines = (count: number) => () => Array.from({ length: count }, String);
  t.equal(new LinesEntry(runOf(), 0, 'stdout', lines(1000), 2000).weight, 1000);
  const large = new LinesEntry(runOf(), 0, 'stdout', lines(10), 64 * 1024);
  t.equal(large.weight, 1024);
  t.equal(large.count, 10);
  t.equal(large.weight, 1024);
});

t.test('events have what there is to tell, and no more', async (t) => {
  const run = runOf();
  const common = { run: '1.2', at: 7 };
  t.same(lineEvent(new LinesEntry(run, 7, 'stderr', ['x'], 2), 'x'), {
    ...common,
    type: 'line',
    stream: 'stderr',
    line: 'x',
  });
  const replayed = { ...run, runner: { traits: { memory: true } } } as unknown as RunRecord;
  t.match(lineEvent(new LinesEntry(replayed, 7, 'stderr', ['x'], 2), 'x'), { line: 'x', memory: true });
  t.same(toEvent({ type: 'start', run, at: 7 }), { ...common, type: 'start', spec: { type: 'x' }, label: 'its label' });
  t.same(toEvent({ type: 'note', run, at: 7, text: 'n', data: undefined }), { ...common, type: 'note', text: 'n' });
  t.same(toEvent({ type: 'partial', run, at: 7, stream: 'stdout', text: '50 %' }), {
    ...common,
    type: 'line',
    stream: 'stdout',
    line: '50 %',
    partial: true,
  });
  const outcome = { type: 'finished', value: 1 } as const;
  t.same(toEvent({ type: 'settle', run, at: 7, outcome, ms: 3 }), { ...common, type: 'settle', outcome, ms: 3 });
});

t.test('secrets are masked in all of them, but not for the program’s own logic', async (t) => {
  const run = runOf(['s3cret']);
  const entry = new LinesEntry(run, 7, 'stdout', ['is s3cret'], 10);
  t.match(lineEvent(entry, 'is s3cret'), { line: 'is ***' });
  t.match(lineEvent(entry, 'is s3cret', true), { line: 'is s3cret' });
  const item = { deep: ['s3cret'] };
  t.same(toEvent({ type: 'item', run, at: 7, item }), { run: '1.2', at: 7, type: 'item', item: { deep: ['***'] } });
  t.match(toEvent({ type: 'item', run, at: 7, item }, true), { item });
  t.match(toEvent({ type: 'note', run, at: 7, text: 's3cret', data: { the: 's3cret' } }), {
    text: '***',
    data: { the: '***' },
  });
  t.match(toEvent({ type: 'settle', run, at: 7, outcome: { type: 'killed', by: 's3cret' }, ms: 1 }), {
    outcome: { by: '***' },
  });
  // The beginning of one is held back: the rest comes with the whole line, when it can be masked.
  const partial = toEvent({ type: 'partial', run, at: 7, stream: 'stdout', text: 'is s3cret, s3c' });
  t.equal((partial as { line?: string }).line, 'is ***, ');
});
