import t from 'tap';
import { createRunner, runCommandGens } from '../../../lib/kernel/index.ts';
import { Record } from '../tools.ts';

const quiet = { pause() {}, play() {}, kill() {} };

t.test('what a runner says inside its own start is in order with the rest', async (t) => {
  const record = new Record();
  const says = createRunner<number>({
    spec: { type: 'says' },
    start(sink) {
      sink.lines('stdout', ['1']);
      sink.note('2');
      sink.item(3);
      sink.lines('stdout', []);
      setImmediate(() => {
        sink.lines('stdout', ['4']);
        sink.settle({ type: 'finished', value: 5 });
      });
      return quiet;
    },
  });
  t.same(await runCommandGens([says], { onEvent: record.see }), [5]);
  t.same(record.types('1'), ['start', 'line', 'note', 'item', 'line', 'settle']);
});

t.test("the runner's own callbacks get each report of lines before it is announced", async (t) => {
  const order: string[] = [];
  const delivers = createRunner<void>({
    spec: { type: 'delivers' },
    start(sink) {
      sink.lines('stdout', ['a', 'b']);
      sink.item('i');
      setImmediate(() => sink.settle({ type: 'finished', value: undefined }));
      return {
        ...quiet,
        deliver: (stream, lines) => void order.push(`${stream} ${lines.join()}`),
        deliverItem: (item) => void order.push(`item ${String(item)}`),
      };
    },
  });
  await runCommandGens([delivers], {
    onEvent(event) {
      if (event.type === 'line') order.push(`event ${event.line}`);
      if (event.type === 'item') order.push('event item');
    },
  });
  t.same(order, ['stdout a,b', 'event a', 'event b', 'item i', 'event item']);
});
