import t from 'tap';
import { enterTerminal, onTerminalFree, terminalTaken } from '../../lib/kernel/terminal.ts';

t.test('one at a time, first come, first served', async (t) => {
  const order: string[] = [];
  const stop = onTerminalFree(() => order.push('free'));
  t.notOk(terminalTaken());
  const leave = ['a', 'b', 'c'].map((name) => enterTerminal(() => order.push(name)));
  t.same(order, ['a']);
  t.ok(terminalTaken());
  leave[1]!(); // leaves the line
  leave[0]!();
  leave[0]!();
  t.same(order, ['a', 'c'], 'it goes to the next, and is not free between');
  t.ok(terminalTaken());
  leave[2]!();
  t.same(order, ['a', 'c', 'free']);
  t.notOk(terminalTaken());
  stop();
  enterTerminal(() => {})();
  t.same(order, ['a', 'c', 'free']);
});

t.test('who is told that it is free may stop listening, or take it', async (t) => {
  const seen: string[] = [];
  const stop = onTerminalFree(() => {
    seen.push('first');
    stop();
  });
  const other = onTerminalFree(() => seen.push('second'));
  enterTerminal(() => {})();
  enterTerminal(() => {})();
  t.same(seen, ['first', 'second', 'second']);
  other();
});
