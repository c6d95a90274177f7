import assert from 'node:assert/strict';
import { Transform } from 'node:stream';
import t from 'tap';
import fc from 'fast-check';
import split2 from 'split2';
import { TransformSplitter } from '../../lib/runners/split.ts';
import type { Split } from '../../lib/runners/split.ts';

type Told = { items: unknown[]; batches: number; drains: number; error?: Error };

/** A splitter whose `over` resolves with all it told, when it has told its end or its error. */
function splitting(split: Split) {
  const told: Told = { items: [], batches: 0, drains: 0 };
  const { promise: over, resolve } = resolvers<Told>();
  const waiting: (() => void)[] = [];
  const splitter = new TransformSplitter(split, {
    items(items) {
      told.items.push(...items);
      told.batches++;
    },
    drain() {
      told.drains++;
      waiting.shift()?.();
    },
    error(error) {
      told.error = error;
      resolve(told);
    },
    end: () => resolve(told),
  });
  const drained = () => new Promise<void>((then) => waiting.push(then));
  return { splitter, told, over, drained };
}

function resolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((then) => (resolve = then));
  return { promise, resolve };
}

async function all(split: Split, chunks: readonly (string | Uint8Array)[]): Promise<Told> {
  const { splitter, over, drained } = splitting(split);
  for (const chunk of chunks) {
    if (!splitter.write(Buffer.from(chunk as string))) await drained();
  }
  splitter.end();
  return over;
}

t.test('custom separators and mappers, in order, with what flush brings', async (t) => {
  t.same((await all(split2(/\0/), ['a\0b', 'c\0d'])).items, ['a', 'bc', 'd']);
  t.same((await all(split2(JSON.parse), ['{"a":1}\n[', '2]\n"x"'])).items, [{ a: 1 }, [2], 'x']);
  t.same((await all(() => split2(/,/), [])).items, [], 'no bytes');
  const upper = new Transform({ transform: (chunk, _, then) => then(null, String(chunk).toUpperCase()) });
  t.same(String((await all(upper, ['ab', 'c'])).items), 'AB,C', 'one that gives bytes');
});

t.test('like writing to the Transform itself', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 30 }), async (chunks) => {
      const alone = split2(/[,\n]/);
      for (const chunk of chunks) alone.write(Buffer.from(chunk));
      alone.end();
      assert.deepEqual((await all(split2(/[,\n]/), chunks)).items, await alone.toArray());
    }),
  );
  t.pass();
});

t.test('what a chunk makes travels together', async (t) => {
  const { splitter, told, over, drained } = splitting(split2());
  const chunk = Buffer.from('line\n'.repeat(1000));
  for (let i = 0; i < 50; i++) if (!splitter.write(chunk)) await drained();
  splitter.end();
  await over;
  t.equal(told.items.length, 50_000);
  t.ok(told.batches <= 60, `${told.batches} batches`);
});

t.test('back-pressure', async (t) => {
  const calls: (() => void)[] = [];
  const slow = new Transform({
    readableObjectMode: true,
    transform(chunk, _, then) {
      calls.push(() => then(null, String(chunk)));
    },
  });
  const { splitter, told, over, drained } = splitting(slow);
  t.ok(splitter.write(Buffer.from('1')), 'one is on its way');
  t.notOk(splitter.write(Buffer.from('2')), 'the second waits');
  t.notOk(splitter.write(Buffer.from('3')));
  t.equal(calls.length, 1, 'the Transform gets one at a time');
  const room = drained();
  calls.shift()!();
  calls.shift()!();
  t.equal(told.drains, 0);
  calls.shift()!();
  await room;
  t.equal(told.drains, 1);
  splitter.write(Buffer.from('4'));
  splitter.write(Buffer.from('5'));
  splitter.end();
  splitter.end();
  calls.shift()!();
  calls.shift()!();
  await over;
  t.same(told.items, ['1', '2', '3', '4', '5'], 'what waited goes before the end');
});

t.test('pause and play', async (t) => {
  const { splitter, told, over } = splitting(split2());
  splitter.pause();
  let taken = 0;
  const many = Buffer.from('line\n'.repeat(20));
  while (taken < 100 && splitter.write(many)) {
    taken++;
    await new Promise(setImmediate);
  }
  t.ok(taken < 100, 'a paused one asks for a pause');
  t.same(told.items, []);
  splitter.end();
  splitter.play();
  await over;
  t.equal(told.items.length, (taken + 1) * 20);
});

t.test('its failures are told once, with the items before', async (t) => {
  const parse = await all(split2(JSON.parse), ['1\n{\n2\n']);
  t.match(parse.error, { name: 'SyntaxError' });
  t.same(parse.items, [1]);

  const throwing = () =>
    new Transform({
      readableObjectMode: true,
      transform(chunk, _, then) {
        if (String(chunk) === 'x') throw new RangeError('no x');
        then(null, String(chunk));
      },
    });
  const { splitter, over } = splitting(throwing);
  for (const chunk of ['a', 'b', 'x', 'c']) splitter.write(Buffer.from(chunk));
  splitter.end();
  const told = await over;
  t.same(told.items, ['a', 'b'], 'a throw in the middle of waiting chunks');
  t.match(told.error, { name: 'RangeError', message: 'no x' });
  t.equal(told.drains, 1, 'nobody waits for it any more');
  t.ok(splitter.write(Buffer.from('d')), 'what comes later is dropped');

  const flush = new Transform({
    transform: (_chunk, _, then) => then(),
    flush() {
      throw new Error('in flush');
    },
  });
  t.match((await all(flush, ['a'])).error, { message: 'in flush' });

  const odd = new Transform({
    transform() {
      throw 'a string';
    },
  });
  t.match((await all(odd, ['a'])).error, { message: 'non-error thrown: a string' });

  const closing = split2();
  const closed = splitting(closing);
  closing.destroy();
  t.match((await closed.over).error, { message: /closed before its end/ });
});

t.test('one that ends early', async (t) => {
  const first = new Transform({
    readableObjectMode: true,
    transform(chunk, _, then) {
      this.push(String(chunk));
      this.push(null);
      then();
    },
  });
  const { splitter, over } = splitting(first);
  splitter.write(Buffer.from('a'));
  const told = await over;
  t.same(told.items, ['a']);
  t.equal(told.error, undefined);
  t.ok(splitter.write(Buffer.from('b')));
  t.ok(splitter.write(Buffer.from('c')), 'the rest is dropped');
  splitter.end();
});

t.test('destroyed, it tells nothing more', async (t) => {
  const transform = split2();
  const { splitter, told } = splitting(transform);
  splitter.write(Buffer.from('a\nb\n'));
  const closed = new Promise((resolve) => transform.once('close', resolve));
  const { items } = told;
  const before = [...items];
  splitter.destroy();
  await closed;
  await new Promise(setImmediate);
  t.same(told.items, before);
  t.equal(told.error, undefined);
  splitter.write(Buffer.from('c'));
  splitter.end();
});

t.test('a Transform serves one run, a function any number', async (t) => {
  const factory = () => split2(/;/);
  t.same((await all(factory, ['a;b'])).items, ['a', 'b']);
  t.same((await all(factory, ['c;d'])).items, ['c', 'd']);
  const one = split2(/;/);
  await all(one, ['a']);
  const again = { message: /was used before.*split: \(\) => split2/ };
  t.throws(() => splitting(one), again);
  const ended = split2();
  ended.end();
  t.throws(() => splitting(ended), again);
  const running = split2();
  splitting(running).splitter.end();
  t.throws(() => splitting(running), again, 'also while the first is under way');
  t.throws(() => splitting(() => running), again, 'a function that gives the same one');
});

t.test('anything else is refused', async (t) => {
  for (const [wrong, named] of [
    [/,/, /not \/,\/ \(split2\(\/,\/\) is one\)/],
    ['x', /not string/],
    [undefined, /not undefined/],
    [null, /not null/],
    [() => 5, /not number/],
    [{ write() {} }, /not object/],
  ] as const) {
    t.throws(() => splitting(wrong as unknown as Split), { name: 'TypeError', message: named });
  }
});
