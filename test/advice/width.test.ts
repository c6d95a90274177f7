import t from 'tap';
import { clipMiddle, displayWidth } from '../../lib/advice/width.ts';

t.test('the columns of a text', async (t) => {
  const widths: Record<string, number> = {
    '': 0,
    make: 4,
    grün: 4,
    'gru\u0308n': 4,
    编译: 4,
    ｆｕｌｌ: 8,
    한국어: 6,
    '👍': 2,
    '👍🏽': 2,
    '👩‍👩‍👧': 2,
    '🇩🇪': 2,
    '❤️': 2,
    '1️⃣': 2,
    '…': 1,
    'a\u200bb': 2,
  };
  for (const [text, width] of Object.entries(widths)) t.equal(displayWidth(text), width, JSON.stringify(text));
});

t.test('what is too long loses its middle', async (t) => {
  t.equal(clipMiddle('abcdefghij', 10), 'abcdefghij');
  t.equal(clipMiddle('abcdefghij', 9), 'abcd…ghij');
  t.equal(clipMiddle('abcdefghij', 2), 'a…');
  t.equal(clipMiddle('编译编译编译', 8), '编译…译');
  t.equal(clipMiddle('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 5), '👩‍👩‍👧…👩‍👩‍👧');
});
