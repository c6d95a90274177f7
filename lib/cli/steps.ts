import { UsageError } from './usage.ts';

/**
 * The commands of a step: 'make lib // make docs' has two. A `//` divides where it is a word of its own outside of quotes and
 * parentheses, so not in `echo "a // b"`.
 */
export function parseStep(step: string): string[] {
  const commands: string[] = [];
  let begin = 0;
  for (const at of dividers(step)) {
    commands.push(step.slice(begin, at));
    begin = at + 2;
  }
  commands.push(step.slice(begin));
  const trimmed = commands.map((command) => command.trim());
  if (!trimmed.includes('')) return trimmed;
  const where =
    trimmed.length === 1 ? 'the step is empty' : `there is no command ${trimmed[0] === '' ? 'before' : 'behind'} a //`;
  throw new UsageError(`seq: ${where}: '${step}'`);
}

function* dividers(step: string): Generator<number> {
  let quote = '';
  let depth = 0;
  for (let i = 0; i < step.length; i++) {
    const character = step[i]!;
    if (character === '\\' && quote !== "'") i++;
    else if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === "'" || character === '"' || character === '`') quote = character;
    else if (character === '(') depth++;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0 && isDivider(step, i)) yield i++;
  }
}

function isDivider(step: string, at: number): boolean {
  return step.startsWith('//', at) && /^\s?$/.test(step[at - 1] ?? '') && /^\s?$/.test(step[at + 2] ?? '');
}
