import assert from 'node:assert/strict';
import t from 'tap';
import fc from 'fast-check';
import { Capture } from '../../lib/runners/tail.ts';

function captured(limit: number, ...chunks: (string | Buffer)[]): Capture {
  const capture = new Capture(limit);
  for (const chunk of chunks) capture.push(Buffer.from(chunk));
  return capture;
}

t.test('keeps the end and counts the rest', async (t) => {
  fc.assert(
    fc.property(fc.nat(40), fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (limit, chunks) => {
      const capture = new Capture(limit);
      let whole = Buffer.alloc(0);
      for (const chunk of chunks) {
        capture.push(Buffer.from(chunk));
        whole = Buffer.concat([whole, chunk]);
        const kept = Math.min(limit, whole.length);
        assert.deepEqual(capture.bytes(), whole.subarray(whole.length - kept));
        assert.equal(capture.size, kept);
        assert.equal(capture.truncated, whole.length - kept);
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

t.test('grows as it fills', async (t) => {
  const whole = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
  const capture = new Capture(64_000);
  for (let at = 0; at < whole.length; at += 77) capture.push(whole.subarray(at, at + 77));
  t.ok(capture.bytes().equals(whole.subarray(36_000)));
  t.equal(capture.truncated, 36_000);
  const unlimited = new Capture(Infinity);
  for (let at = 0; at < whole.length; at += 77) unlimited.push(whole.subarray(at, at + 77));
  t.ok(unlimited.bytes().equals(whole));
  t.equal(unlimited.truncated, 0);
});

t.test('keeps nothing of the caller’s', async (t) => {
  const chunk = Buffer.from('abc');
  const capture = new Capture(10);
  capture.push(chunk);
  chunk.fill('x');
  t.equal(capture.text(), 'abc');
  capture.bytes().fill('y');
  t.equal(capture.text(), 'abc');
});

t.test('text', async (t) => {
  t.equal(captured(10).text(), '');
  t.equal(captured(0, 'abc').text(), '');
  t.equal(captured(0, 'abc').truncated, 3);
  t.equal(captured(10, '\uFEFFa\0b\n').text(), '\uFEFFa\0b\n', 'BOM and NUL stay');
  t.equal(captured(10, Buffer.from([0xc3]), Buffer.from([0xa9])).text(), 'é', 'a character in two chunks');
  t.equal(captured(10, Buffer.from([0xff, 0xe9])).text('latin1'), 'ÿé');
  t.equal(captured(10, Buffer.from([0xff, 0x61])).text(), '\uFFFDa');

  for (const [whole, stripped] of [
    ['a\n', 'a'],
    ['a\r\n', 'a'],
    ['a\n\n', 'a\n'],
    ['a\r', 'a\r'],
    ['\n', ''],
    ['\r\n', ''],
    ['a', 'a'],
    ['', ''],
  ] as const) {
    t.equal(captured(10, whole).text('utf8', true), stripped, `final newline of ${JSON.stringify(whole)}`);
    t.equal(captured(10, whole).text('utf8', false), whole);
  }
});

t.test('what is truncated begins with a whole character', async (t) => {
  t.equal(captured(3, '💩a').text(), 'a');
  t.equal(captured(4, '💩').text(), '💩');
  t.equal(captured(3, '💩').text(), '', 'nothing whole is left');
  t.equal(captured(3, 'aéé').text(), 'é');
  t.equal(captured(2, Buffer.from([0xe9, 0xa9, 0xa9])).text('latin1'), '\u00a9\u00a9');
  t.equal(captured(9, Buffer.from([0xa9, 0x61])).text(), '\uFFFDa', 'untouched where nothing was truncated');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 20 }), (whole, limit) => {
      const text = captured(limit, whole).text();
      assert.ok(Buffer.from(whole).toString().endsWith(text));
      assert.ok(Buffer.byteLength(text) >= Math.min(limit, Buffer.byteLength(whole)) - 3);
    }),
    { numRuns: 1000 },
  );
});

t.test('last lines', async (t) => {
  t.equal(captured(100).lastLines(), '');
  t.equal(captured(100, 'a\nb\n').lastLines(), 'a\nb');
  t.equal(captured(100, 'a\nb').lastLines(), 'a\nb');
  t.equal(captured(100, 'one\ntwo\nthree\n').lastLines(9), 'three', 'the line cut by the limit goes');
  t.equal(captured(100, 'one\ntwo\nthree\n').lastLines(100), 'one\ntwo\nthree');
  t.equal(captured(100, 'one\ntwo\nthree\n').lastLines(10), 'two\nthree', 'the whole first one stays');
  t.equal(captured(12, 'one\ntwo\nthree\n').lastLines(), 'two\nthree', 'so does the one cut by the capture');
  t.equal(captured(100, 'a long line').lastLines(4), 'line', 'an only line is cut');
  t.equal(captured(100, 'a long line\n').lastLines(5), 'line');
  t.equal(captured(100, 'a\n').lastLines(1), '');
  t.equal(captured(100, 'a long é').lastLines(1), '', 'not within a character');
  t.equal(captured(100, Buffer.from([0x61, 0x0a, 0xe9])).lastLines(8192, 'latin1'), 'a\né');
});

t.test('many small chunks take their bytes and no objects', async (t) => {
  const capture = new Capture(4_000_000);
  const piece = Buffer.from('0123');
  const before = process.memoryUsage();
  for (let i = 0; i < 1_500_000; i++) capture.push(piece);
  const after = process.memoryUsage();
  t.equal(capture.size, 4_000_000);
  t.equal(capture.truncated, 2_000_000);
  t.ok(after.heapUsed - before.heapUsed < 50_000_000, 'an object each would be 100 MB');
});
