import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { sha256, sha256of } from '../../lib/store/digest.ts';

t.test('of bytes, and of text as UTF-8', async (t) => {
  t.equal(sha256(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  fc.assert(
    fc.property(fc.uint8Array({ size: 'large' }), (bytes) => {
      t.equal(sha256(bytes), createHash('sha256').update(bytes).digest('hex'));
    }),
  );
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => sha256(text) === sha256(Buffer.from(text, 'utf8'))));
});

t.test('of lists: no two lists have the same', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
      return (sha256of(a) === sha256of(b)) === (JSON.stringify(a) === JSON.stringify(b));
    }),
  );
  t.not(sha256of(['ab', 'c']), sha256of(['a', 'bc']));
  t.not(sha256of(['a', '']), sha256of(['a']));
});
