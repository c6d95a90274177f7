import { pathToFileURL } from 'node:url';
import t from 'tap';
import { amend, dir, glob, memo } from '../../../lib/advice/memo.ts';
import { settings } from '../../../lib/advice/memo/options.ts';

t.test('defaults, and units of the code', async (t) => {
  t.match(settings({}), {
    inputs: [],
    outputs: [],
    env: [],
    keep: false,
    lines: 1024 * 1024,
    partial: 'move',
    store: undefined,
  });
  t.match(settings({ lines: '2KiB' }), { lines: 2048 });
  t.match(settings({ lines: false }), { lines: 0 });
  t.match(settings({ inputs: [pathToFileURL('/a b')], outputs: [pathToFileURL('/c')], store: pathToFileURL('/s') }), {
    inputs: ['/a b'],
    outputs: ['/c'],
    store: '/s',
  });
});

t.test('what is no option, or no value of one, is refused at the call and named', async (t) => {
  const bad: [unknown, RegExp][] = [
    [{ input: [] }, /input.*inputs/s],
    [{ inputs: 'a' }, /inputs is a list/],
    [{ outputs: 'a' }, /outputs is a list/],
    [{ outputs: [5] }, /outputs\[0\]/],
    [{ outputs: ['a', ''] }, /outputs\[1\].*empty/],
    [{ outputs: ['\0'] }, /outputs\[0\].*NUL/],
    [{ inputs: [''] }, /inputs\[0\].*key/],
    [{ inputs: [new URL('http://x/')] }, /file|scheme/],
    [{ env: 'A' }, /env is a list/],
    [{ env: ['A=B'] }, /names of variables/],
    [{ env: [''] }, /names of variables/],
    [{ keep: 1 }, /keep is true or false/],
    [{ partial: 'delete' }, /partial is 'move' or 'keep'/],
    [{ version: {} }, /version is a string or a number/],
    [{ key: () => 1 }, /key is .*no value that can be compared/],
    [{ key: { a: Symbol('x') } }, /key is/],
    [{ lines: 'many' }, /lines/],
    [{ lines: true }, /lines/],
    [{ store: '' }, /store/],
    [5, /memo/],
    [null, /memo/],
  ];
  for (const [options, why] of bad)
    t.throws(() => memo(options as never), { name: 'TypeError', message: why } as never, JSON.stringify(options));
  t.throws(() => glob(5 as never), /glob: expected a pattern/);
  t.throws(() => glob(['a', '']), /glob: expected a pattern/);
  t.throws(() => glob('a', { ignor: 'b' } as never), /ignore/);
  t.throws(() => dir(5 as never), /dir: expected a path/);
  t.throws(() => amend({ output: [] } as never), /output/);
  t.throws(() => amend({ inputs: [glob('x') as never] }), /amend: inputs are paths/);
  t.throws(() => amend(undefined as never), TypeError);
  t.throws(() => amend({ env: ['='] }), TypeError);
});
