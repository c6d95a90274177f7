import t from 'tap';
import { parseStep } from '../../lib/cli/steps.ts';

t.test('commands are divided at // outside of quotes and parentheses', async (t) => {
  const steps: Record<string, string[]> = {
    make: ['make'],
    'make lib // make docs': ['make lib', 'make docs'],
    'a //\nb\t//\tc': ['a', 'b', 'c'],
    'curl http://x // ls a//b': ['curl http://x', 'ls a//b'],
    '"a // b" // c': ['"a // b"', 'c'],
    "'a // b' // c": ["'a // b'", 'c'],
    '`a // b` // c': ['`a // b`', 'c'],
    '(a // b) // c': ['(a // b)', 'c'],
    '$(a // $(b // c)) // d': ['$(a // $(b // c))', 'd'],
    '"a \\" // b" // c': ['"a \\" // b"', 'c'],
    "'a \\' // b": ["'a \\'", 'b'],
    'a \\" // b': ['a \\"', 'b'],
    "it\\'s // b": ["it\\'s", 'b'],
    '"never closed // b': ['"never closed // b'],
    'a /// b': ['a /// b'],
  };
  for (const [step, commands] of Object.entries(steps)) t.same(parseStep(step), commands, step);
});
