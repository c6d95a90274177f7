import t from 'tap';
import { RunError } from '../../lib/kernel/index.ts';
import { quiet } from '../../lib/report/quiet.ts';
import { Paper, tell, written } from './support.ts';

t.test('nothing but the failures of generators, with the last lines', async (t) => {
  const out = new Paper();
  const err = new Paper();
  const { start, line, note, settle } = tell(quiet({ out, err }));
  const error = new RunError({
    reason: { type: 'exit', exitCode: 3 },
    run: '1.1',
    label: 'make test',
    tails: { stderr: 'not ok 7' },
  });
  start('1', 'main', 'task');
  start('1.1', 'make test');
  line('1.1', 'not ok 7', 'stderr');
  note('1', 'noted');
  settle('1.1', { type: 'failed', error });
  await written();
  t.equal(err.text, '', 'the generator may handle it');
  settle('1', { type: 'failed', error });
  start('2', 'killed', 'task');
  settle('2', { type: 'killed', by: 'failFast' });
  start('3', 'fine', 'task');
  settle('3');
  await written();
  t.equal(out.text, '');
  t.same(err.lines, ['make test: failed with exit code 3', 'not ok 7']);
});

t.test('an error of the script has its stack, without the frames of others', async (t) => {
  const err = new Paper();
  const { start, settle } = tell(quiet({ out: new Paper(), err }));
  start('1', 'main', 'task');
  settle('1', { type: 'failed', error: new TypeError('boom', { cause: new Error('why') }) });
  await written();
  t.match(err.text, /^main: TypeError: boom\n {4}at .*quiet\.test\.ts:\d+:\d+/);
  t.match(err.text, /\n {2}cause: Error: why\n {6}at .*quiet\.test\.ts/);
  t.notMatch(err.text, /node:/);
});
