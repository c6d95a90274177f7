import assert from 'node:assert/strict';
import t from 'tap';
import fc from 'fast-check';
import split2 from 'split2';
import { LineSplitter } from '../../lib/runners/lines.ts';
import type { LineOptions } from '../../lib/runners/lines.ts';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

/** The lines that a chunk ends; made once more they are the same. */
function pushed(splitter: LineSplitter, chunk: Buffer): string[] {
  const found: string[] = [];
  splitter.push(chunk, (given) => {
    const lines = typeof given === 'function' ? given() : given;
    assert.ok(lines.length > 0);
    if (typeof given === 'function') assert.deepEqual(given(), lines);
    found.push(...lines);
  });
  return found;
}

function lines(chunks: readonly (Buffer | string)[], options?: LineOptions): string[] {
  const splitter = new LineSplitter(options);
  return [...chunks.flatMap((chunk) => pushed(splitter, Buffer.from(chunk))), ...splitter.end()];
}

/** What the whole stream says, decoded at once. */
function expected(whole: Buffer): string[] {
  const found = new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole).split(/\r?\n/);
  if (found.at(-1) === '') found.pop();
  return found;
}

async function bySplit2(chunks: readonly Buffer[]): Promise<string[]> {
  const stream = split2();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return (await stream.toArray()) as string[];
}

/** Cuts at every place asked for. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((start, i) => whole.subarray(start, sorted[i] ?? whole.length));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
// Bytes that matter, far more often than chance would bring them.
const tricky = fc.constantFrom(
  [10],
  [13],
  [13, 10],
  [0],
  [97],
  [98, 99],
  [0xef, 0xbb, 0xbf], // BOM
  [0xe2, 0x80, 0xa8], // U+2028
  [0xf0, 0x9f, 0x92, 0xa9],
  [0xc3, 0xa9],
  [0xc3],
  [0xa9],
  [0xe2, 0x82],
  [0xf0, 0x9f],
  [0xed, 0xa0, 0x80], // a surrogate
  [0xff],
);
const noise = fc
  .array(fc.oneof(tricky, fc.array(fc.nat(255), { maxLength: 4 })), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.flat()));
const text = fc
  .array(
    fc.oneof(fc.constantFrom('\n', '\r', '\r\n', '\u2028', '\0', '\uFEFF', '💩', 'é'), fc.string({ unit: 'binary' })),
    {
      maxLength: 40,
    },
  )
  .map((parts) => Buffer.from(parts.join('')));

t.test('what ends a line', async (t) => {
  const cases: [string, Buffer, string[]][] = [
    ['nothing', bytes(), []],
    ['a newline alone', bytes('\n'), ['']],
    ['a last line with its newline', bytes('a\nb\n'), ['a', 'b']],
    ['a last line without', bytes('a\nb'), ['a', 'b']],
    ['empty lines', bytes('\n\na\n\n'), ['', '', 'a', '']],
    ['CRLF', bytes('a\r\nb\r\n\r\n'), ['a', 'b', '']],
    ['a lone CR does not', bytes('10 %\r20 %\rdone\n'), ['10 %\r20 %\rdone']],
    ['one CR of two goes', bytes('a\r\r\n'), ['a\r']],
    ['one CR of two goes, and lines follow', bytes('a\r\r\nb\r\nc\n'), ['a\r', 'b', 'c']],
    ['a last CR stays', bytes('a\r'), ['a\r']],
    [
      'U+2028, U+2029, U+0085, VT and FF do not',
      bytes('a\u2028b\u2029c\u0085d\ve\ff\n'),
      ['a\u2028b\u2029c\u0085d\ve\ff'],
    ],
    ['BOM and NUL stay', bytes('\uFEFFa\0b\n\uFEFF\n'), ['\uFEFFa\0b', '\uFEFF']],
    [
      'invalid bytes are replaced',
      bytes('a', [0xff], 'b\n', [0xe2, 0x82], '\n', [0xc3]),
      ['a\uFFFDb', '\uFFFD', '\uFFFD'],
    ],
  ];
  for (const [name, whole, found] of cases) {
    t.same(lines([whole]), found, name);
    t.same(lines(cut(whole, [...whole.keys()])), found, `${name}, byte by byte`);
    for (const at of whole.keys()) assert.deepEqual(lines(cut(whole, [at])), found, `${name}, cut at ${at}`);
  }
});

t.test('cuts make no difference, valid or not', async (t) => {
  fc.assert(
    fc.property(noise, places, (whole, at) => {
      assert.deepEqual(lines(cut(whole, at)), expected(whole));
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

t.test('says what split2 says', async (t) => {
  await fc.assert(
    fc.asyncProperty(text, places, async (whole, at) => {
      const chunks = cut(whole, at);
      assert.deepEqual(lines(chunks), await bySplit2(chunks));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('latin1 gives every byte', async (t) => {
  fc.assert(
    fc.property(noise, places, (whole, at) => {
      const found = whole.toString('latin1').split(/\r?\n/);
      if (found.at(-1) === '') found.pop();
      assert.deepEqual(lines(cut(whole, at), { encoding: 'latin1' }), found);
    }),
  );
  t.pass();
});

t.test('chunks larger than a block, and of every size', async (t) => {
  const parts: string[] = [];
  for (let i = 0; i < 40_000; i++) parts.push(`line ${i} ${'é'.repeat(i % 50)}`, i % 7 === 0 ? '\r\n' : '\n');
  parts.push('x'.repeat(100_000), '\n', 'é'.repeat(1_500_000), '\n', 'last');
  const whole = Buffer.from(parts.join(''));
  const found = expected(whole);
  t.same(lines([whole]), found, 'one chunk');
  for (const size of [1000, 16 * 1024, 64 * 1024 - 1, 300_000]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
    t.same(lines(chunks), found, `chunks of ${size}`);
  }
});

t.test('the memory of a chunk may be used again', async (t) => {
  const splitter = new LineSplitter();
  const chunk = Buffer.from('half');
  pushed(splitter, chunk);
  chunk.fill('x');
  t.same(pushed(splitter, Buffer.from(' done\n')), ['half done']);
});

t.test('the unfinished line is there for who asks', async (t) => {
  const splitter = new LineSplitter();
  t.equal(splitter.partial(), '');
  pushed(splitter, bytes('done\n 50 %'));
  t.equal(splitter.partial(), ' 50 %');
  t.equal(splitter.resting, 5);
  pushed(splitter, bytes('\r100 %\r'));
  t.equal(splitter.partial(), ' 50 %\r100 %\r');
  pushed(splitter, bytes([0xf0, 0x9f, 0x92]));
  t.equal(splitter.partial(), ' 50 %\r100 %\r', 'not half a character');
  pushed(splitter, bytes([0xa9]));
  t.equal(splitter.partial(), ' 50 %\r100 %\r💩');
  t.same(pushed(splitter, bytes('\n')), [' 50 %\r100 %\r💩'], 'the whole line follows');
  t.equal(splitter.partial(), '');
  t.equal(splitter.resting, 0);
  pushed(splitter, bytes('a', [0xa9, 0xa9, 0xa9, 0xa9]));
  t.equal(splitter.partial(), 'a\uFFFD\uFFFD\uFFFD\uFFFD', 'what can never be completed is shown');
  t.same(splitter.end(), ['a\uFFFD\uFFFD\uFFFD\uFFFD']);
  t.same(splitter.end(), [], 'once');
  t.equal(splitter.partial(), '');
});

t.test('a line that is too long', async (t) => {
  /** The lines before the first that is longer than `maxLine` bytes, and whether there is one. */
  const limited = (whole: Buffer, maxLine: number): [string[], boolean] => {
    const all = whole.toString('latin1').split(/\r?\n/);
    const fitting = all.findIndex((line) => line.length > maxLine);
    const found = expected(whole);
    return fitting === -1 ? [found, false] : [found.slice(0, fitting), true];
  };
  const run = (chunks: readonly Buffer[], maxLine: number): [string[], boolean] => {
    const splitter = new LineSplitter({ maxLine });
    const found = [...chunks.flatMap((chunk) => pushed(splitter, chunk)), ...splitter.end()];
    return [found, splitter.overflow];
  };
  const cases: [string, string[], boolean][] = [
    ['1234\n12345\nabc', ['1234', '12345', 'abc'], false],
    ['1234\n123456\nabc', ['1234'], true],
    ['12345\r\nabc', ['12345', 'abc'], false],
    ['12345\r', [], true],
    ['12345\rx\n', [], true],
    ['123456', [], true],
    ['ééé\n', [], true],
    ['éé\n', ['éé'], false],
  ];
  for (const [whole, found, overflow] of cases) {
    t.same(run([bytes(whole)], 5), [found, overflow], JSON.stringify(whole));
    t.same(
      run(cut(bytes(whole), [...bytes(whole).keys()]), 5),
      [found, overflow],
      `${JSON.stringify(whole)}, byte by byte`,
    );
  }
  fc.assert(
    fc.property(noise, places, fc.nat(12), (whole, at, maxLine) => {
      assert.deepEqual(run(cut(whole, at), maxLine), limited(whole, maxLine));
    }),
    { numRuns: 1000 },
  );

  const splitter = new LineSplitter({ maxLine: 1000 });
  pushed(splitter, Buffer.alloc(900));
  t.equal(splitter.resting, 900);
  pushed(splitter, Buffer.alloc(900));
  t.ok(splitter.overflow);
  t.equal(splitter.resting, 0, 'keeps nothing');
  t.same(pushed(splitter, bytes('a\nb\n')), [], 'gives nothing more');
  t.same(splitter.end(), []);
});

t.test('a long line in many small chunks takes its bytes and no objects', async (t) => {
  const splitter = new LineSplitter();
  const piece = Buffer.from('0123');
  const before = process.memoryUsage().heapUsed;
  const none = (): void => assert.fail('no line ends');
  for (let i = 0; i < 1_000_000; i++) splitter.push(piece, none);
  const grown = process.memoryUsage().heapUsed - before;
  t.equal(splitter.resting, 4_000_000);
  t.ok(grown < 50_000_000, `the heap grew by ${grown} bytes; an object each would be 100 MB`);
  const [line] = pushed(splitter, Buffer.from('\n'));
  t.ok(line === '0123'.repeat(1_000_000));
});
