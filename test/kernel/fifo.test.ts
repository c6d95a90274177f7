import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { Fifo } from '../../lib/kernel/fifo.ts';

t.test('first in, first out, like an array', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ arbitrary: fc.integer(), weight: 2 }, fc.constantFrom('shift', 'clear'))),
      (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === 'shift') {
            if (fifo.shift() !== model.shift()) return false;
          } else if (step === 'clear') {
            fifo.clear();
            model.length = 0;
          } else {
            fifo.push(step as number);
            model.push(step as number);
          }
          if (fifo.length !== model.length || fifo.first !== model[0]) return false;
        }
        return [...fifo].join() === model.join();
      },
    ),
  );
});

t.test('undefined is an item as any other', async (t) => {
  const fifo = new Fifo<undefined>();
  fifo.push(undefined);
  t.equal(fifo.length, 1);
  t.equal(fifo.shift(), undefined);
  t.equal(fifo.length, 0);
});

t.test('what has left is let go of, however much still waits', async (t) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const fifo = new Fifo<object>();
  let freed = 0;
  const registry = new FinalizationRegistry(() => freed++);
  for (let i = 0; i < 1000; i++) {
    const item = { i };
    if (i < 10) registry.register(item, undefined);
    fifo.push(item);
  }
  for (let i = 0; i < 10; i++) fifo.shift();
  for (let round = 0; round < 20 && freed < 10; round++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(freed, 10);
  t.equal(fifo.length, 990);
});
