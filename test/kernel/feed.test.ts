import t from 'tap';
import { runCommandGens, type Event, type Loop, type Run } from '../../lib/kernel/index.ts';
import { hand, rounds, until, type Hand } from './tools.ts';

async function started(): Promise<{ h: Hand; loop: Loop<unknown[]>; run: Run }> {
  const h = hand();
  const loop = runCommandGens([h.runner]);
  await until(() => h.starts.length === 1);
  return { h, loop, run: loop.find('1')! };
}

async function all(run: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of run) events.push(event);
  return events;
}

const lines = (events: Event[]): string[] => events.flatMap((event) => (event.type === 'line' ? [event.line] : []));

t.test('a late listener begins with the kept lines; then what comes', async (t) => {
  const { h, loop, run } = await started();
  h.last.sink.lines('stdout', ['a', 'b']);
  await rounds();
  const events = all(run);
  await rounds();
  h.last.sink.lines('stdout', ['c']);
  h.last.finish();
  await loop;
  t.same(lines(await events), ['a', 'b', 'c']);
  t.same(lines(await all(run)), ['a', 'b', 'c'], 'also after the end');
});

t.test('past 64 KiB the oldest go, and a note tells how many lines are missing', async (t) => {
  const { h, loop, run } = await started();
  const line = 'x'.repeat(1023);
  for (let i = 0; i < 100; i++) h.last.sink.lines('stdout', [line, `${i}`.padStart(1023)], 2048);
  await rounds();
  t.same(h.last.calls, [], 'a program never waits for a listener that is not there');
  h.last.finish();
  await loop;
  const events = await all(run);
  t.match(events[0], { type: 'note', text: /^136 earlier lines are gone$/, data: { missing: 136 } });
  t.equal(lines(events).length, 64);
  t.equal(lines(events).at(-1)!.trim(), '99');
});

t.test('one chunk that is larger is kept until something else comes; one past all measure is not', async (t) => {
  for (const [size, kept] of [
    [100 * 1024, true],
    [300 * 1024, false],
  ] as const) {
    const { h, loop, run } = await started();
    h.last.sink.lines('stdout', ['x'.repeat(size)]);
    await rounds();
    const { value } = await run[Symbol.asyncIterator]().next();
    t.equal((value as Event).type, kept ? 'line' : 'note');
    h.last.finish();
    await loop;
    t.match((await all(run))[0], { type: 'note', data: { missing: 1 } });
  }
});

t.test('small entries are bounded too', async (t) => {
  const { h, loop, run } = await started();
  for (let i = 0; i < 5000; i++) h.last.sink.lines('stdout', [String(i)]);
  await rounds();
  h.last.finish();
  await loop;
  const events = await all(run);
  t.ok(events.length <= 1025, `${events.length}`);
  t.equal(lines(events).at(-1), '4999');
  const [note] = events;
  const { missing } = (note as unknown as { data: { missing: number } }).data;
  t.equal(missing + lines(events).length, 5000);
});

t.test('readers that come while it is written see the same', async (t) => {
  const { h, loop, run } = await started();
  const readers = [all(run)];
  for (let i = 0; i < 20; i++) {
    h.last.sink.lines('stdout', [`${i}a`, `${i}b`]);
    if (i % 5 === 0) readers.push(all(run));
    await rounds(1);
  }
  h.last.finish();
  await loop;
  const [first, ...others] = (await Promise.all(readers)).map(lines);
  t.equal(first!.length, 40);
  for (const other of others) t.same(other, first);
});
