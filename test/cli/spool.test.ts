import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { Spool } from '../../lib/cli/spool.ts';

async function all(reader: AsyncGenerator<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of reader) pieces.push(piece);
  return Buffer.concat(pieces);
}

t.test('each gets all of it, whenever it begins, also what is too much for the memory', async (t) => {
  for (const size of [0, 1, 100_000, 20_000_000]) {
    const text = Buffer.alloc(size, 'abcdefg');
    const spool = new Spool(Readable.from(size === 0 ? [] : [text.subarray(0, size / 2), text.subarray(size / 2)]));
    const [one, two] = await Promise.all([all(spool.reader()), all(spool.reader())]);
    const three = await all(spool.reader());
    for (const got of [one, two, three]) t.ok(got.equals(text), String(size));
    spool.close();
  }
});

t.test('nothing is taken that nobody asks for', async (t) => {
  const source = new PassThrough();
  source.write('one');
  const spool = new Spool(source);
  t.equal(source.readableLength, 3);
  const reader = spool.reader();
  t.equal(String((await reader.next()).value), 'one');
  const next = reader.next();
  source.write('two');
  t.equal(String((await next).value), 'two');
  const last = reader.next();
  spool.close();
  t.same(await last, { value: undefined, done: true });
});

t.test('a source that fails', async (t) => {
  const source = new PassThrough();
  const spool = new Spool(source);
  const reader = spool.reader();
  source.write('one');
  t.equal(String((await reader.next()).value), 'one');
  source.destroy(new Error('torn'));
  await t.rejects(reader.next(), /torn/);
});
