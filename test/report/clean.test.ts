import t from 'tap';
import fc from 'fast-check';
import { endColors, forTerminal, plain } from '../../lib/report/clean.ts';

t.test('plain text is left alone, tabs and other scripts too', async (t) => {
  for (const text of ['', 'hello', 'a\tb', 'grüße 编译 👩‍👧 \u2028']) t.equal(forTerminal(text), text);
});

t.test('colours are kept and end with the line', async (t) => {
  t.equal(forTerminal('\x1b[1;31mred\x1b[m plain'), '\x1b[1;31mred\x1b[m plain\x1b[0m');
  t.equal(forTerminal('\x1b[38:2::1:2:3mtrue colour'), '\x1b[38:2::1:2:3mtrue colour\x1b[0m');
  t.equal(endColors('\x1b[31mred'), '\x1b[31mred\x1b[0m');
  t.equal(endColors('plain'), 'plain');
});

t.test('of what was overwritten the last that was seen is left', async (t) => {
  t.equal(forTerminal('10 %\r50 %\r100 %'), '100 %');
  t.equal(forTerminal('100 %\r'), '100 %');
  t.equal(forTerminal('\r\r'), '');
  t.equal(forTerminal('|\b/\b-\bdone'), 'done');
  t.equal(forTerminal('b\bbo\bol\bld\bd'), 'bold');
  t.equal(forTerminal('\b\bx'), 'x');
});

t.test('nothing else that a terminal acts upon is left', async (t) => {
  const cases = {
    'cursor up': ['a\x1b[2Ab', 'ab'],
    'erase line': ['\x1b[2K\x1b[1Gb', 'b'],
    'alternate screen': ['\x1b[?1049hb', 'b'],
    'a private m is no colour': ['\x1b[>4;2mb', 'b'],
    'save and restore': ['\x1b7a\x1b8b', 'ab'],
    'reset of the terminal': ['\x1bcb', 'b'],
    'character set': ['\x1b(0b', 'b'],
    title: ['\x1b]0;title\x07b', 'b'],
    link: ['\x1b]8;;https://x\x1b\\text\x1b]8;;\x1b\\', 'text'],
    'device string': ['\x1bPq#0\x1b\\b', 'b'],
    'eight-bit CSI': ['\x9b2Ab', 'b'],
    'bell, NUL, DEL': ['\x07a\0\x7fb', 'ab'],
    'shift out': ['\x0ea\x0fb', 'ab'],
    'cut off': ['a\x1b[12', 'a12'],
    'lone escape': ['a\x1b', 'a'],
  };
  for (const [name, [given, shown]] of Object.entries(cases)) t.equal(forTerminal(given!), shown!, name);
});

t.test('a backspace goes over characters, not over what is between them', async (t) => {
  const reset = '\x1b[0m';
  for (const [given, shown] of [
    ['\x1b[m\b', `\x1b[m${reset}`],
    ['a\x1b[1m\bb', `\x1b[1mb${reset}`],
    ['ab\x1b[1mc\b\b\b\bd', `\x1b[1md${reset}`],
    ['a\u{1f600}\bb', 'ab'],
    ['\b\ba', 'a'],
    ['|\b/\b-', '-'],
  ])
    t.equal(forTerminal(given!), shown!);
});

t.test('whatever is written, only colours are left to act on', async () => {
  const unit = fc.oneof(
    fc.constantFrom('\x1b', '[', ']', ';', '3', '1', 'm', 'A', '\r', '\b', '\x07', '\\', '\x9b', '\x9c', '(', ' '),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
      const shown = forTerminal(units.join('').replaceAll('\n', ''));
      return !/[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(shown.replace(/\x1b\[[\d;:]*m/g, ''));
    }),
    { numRuns: 2000 },
  );
});

t.test('long lines of nothing but such take no quadratic time', async (t) => {
  for (const part of ['\x1b[', '\x1b]', '\r', 'a\b', '\x1b', '\x9b1']) {
    const before = performance.now();
    forTerminal(part.repeat(200_000));
    t.ok(performance.now() - before < 10_000, JSON.stringify(part));
  }
});

t.test('a label is one line of text', async (t) => {
  t.equal(plain(' sh -c\n\t\x1b[31mexit 3\x1b[0m '), 'sh -c exit 3');
});
