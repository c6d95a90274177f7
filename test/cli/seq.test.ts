import t from 'tap';
import { sluice } from './support.ts';

const lines = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/^.* \| /, ''));

t.test('steps in series, the commands of a step in parallel', async (t) => {
  // Each of the two waits for the other, so they only end when both run.
  const cwd = t.testdir({});
  const meet = (mine: string, other: string) =>
    `touch ${mine}; until test -e ${other}; do sleep 0.01; done; echo ${mine}`;
  const { stdout, stderr, status } = sluice(
    ['seq', 'echo first', `${meet('a', 'b')} // ${meet('b', 'a')}`, 'echo last'],
    { cwd },
  );
  const [first, ...rest] = lines(stdout);
  t.equal(first, 'first');
  t.equal(rest.pop(), 'last');
  t.same(rest.toSorted(), ['a', 'b']);
  t.equal(stderr, '');
  t.equal(status, 0);
});

t.test('the first failure ends the others of its step and the sequence', async (t) => {
  const { stdout, stderr, status } = sluice(['seq', 'sleep 100 // exit 5', 'echo never']);
  t.equal(stdout, '');
  t.match(stderr, /exit 5 +\* failed with exit code 5/);
  t.match(stderr, /sleep 100 +\* killed: a sibling failed/);
  t.equal(status, 5);
});

t.test('--keep-going lets the others of the step end, then ends the sequence', async (t) => {
  const one = sluice(['seq', '--keep-going', 'exit 5 // sleep 0.3; echo end', 'echo never']);
  t.same(lines(one.stdout), ['end']);
  t.equal(one.status, 5);
  const two = sluice(['seq', '--keep-going', 'exit 5 // exit 6 // true']);
  // In the order of their ends, which nobody can know.
  const [, ...told] = two.stderr.slice(two.stderr.indexOf('sluice: 2 failed\n')).trimEnd().split('\n');
  t.same(told.sort(), ['  exit 5: failed with exit code 5', '  exit 6: failed with exit code 6']);
  t.equal(two.status, 1);
});

t.test('a // in quotes is not for sluice; options and -- work as with run', async (t) => {
  const { stdout } = sluice(['seq', '--dry-run', '--', `echo "a // b"`, `echo 'c // d' // echo e//f`]);
  t.same(lines(stdout), [`$ echo "a // b"`, `$ echo 'c // d'`, '$ echo e//f']);
});

t.test('steps that can not be', async (t) => {
  t.match(sluice(['seq']), { status: 2, stderr: /no steps given/ });
  t.match(sluice(['seq', 'true', '']), { status: 2, stderr: /the step is empty/ });
  t.match(sluice(['seq', 'make // ']), { status: 2, stderr: /no command behind a \/\/: 'make \/\/ '/ });
  t.match(sluice(['seq', '// make']), { status: 2, stderr: /no command before a \/\// });
});
