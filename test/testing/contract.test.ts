import t from 'tap';
import { createRunner } from '../../lib/kernel/index.ts';
import { contract } from '../../lib/testing/contract.ts';

contract(t, 'a runner that says things', () => ({
  runner: () =>
    createRunner<string, number>({
      spec: { type: 'talk' },
      leaf: true,
      start(sink) {
        const steps = [
          () => sink.lines('stdout', ['one', 'two']),
          () => sink.item(3),
          () => sink.lines('stderr', ['four']),
          () => sink.settle({ type: 'finished', value: 'said' }),
        ];
        let next: NodeJS.Immediate | undefined;
        const step = (): void => {
          steps.shift()?.();
          next = steps.length > 0 ? setImmediate(step) : undefined;
        };
        next = setImmediate(step);
        return {
          pause: () => clearImmediate(next),
          play: () => (next = setImmediate(step)),
          kill(by) {
            clearImmediate(next);
            sink.settle({ type: 'killed', by });
          },
        };
      },
    }),
  check: (value) => t.equal(value, 'said'),
}));

contract(t, 'a runner that settles at once', () => ({
  runner: () =>
    createRunner<number>({
      spec: { type: 'at-once' },
      start(sink) {
        sink.settle({ type: 'finished', value: 1 });
        return { pause() {}, play() {}, kill() {} };
      },
    }),
  check: (value) => t.equal(value, 1),
}));
