import assert from 'node:assert/strict';
import { spawn as spawnProcess } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { RunError, runCommandGens, type Event, type Runner, type SeedRunner } from '../../lib/kernel/index.ts';
import { seed } from '../../lib/runners/seed.ts';
import { contract } from '../../lib/testing/contract.ts';
import { Record } from '../../lib/testing/record.ts';

type OnLine = ((line: string) => void) | null;
const bytes = (text: string): Readable => Readable.from([Buffer.from(text)], { objectMode: false });

contract<unknown>(t, 'seed', () => ({
  runner: () => seed(() => 'complete', [[bytes('one\ntwo\n'), () => {}]]),
  endless: () => seed(() => {}, [[new PassThrough(), null]]),
  failing: () =>
    seed(() => {
      throw new Error('broken');
    }, []),
  check: (value) => assert.equal(value, 'complete'),
}));

const SHAPES: [string, (onComplete: () => unknown, streams: [NodeJS.ReadableStream, OnLine][]) => SeedRunner][] = [
  ['an object', (onComplete, streams) => () => ({ streams, onComplete })],
  ['a pair', (onComplete, streams) => () => [onComplete, streams]],
];

/** How a generator fares that yields something. */
async function fate(yielded: unknown, record = new Record()): Promise<any> {
  const [outcome] = await runCommandGens(
    [
      function* () {
        try {
          return [yield yielded as Runner];
        } catch (error) {
          return error;
        }
      },
    ],
    { onEvent: record.see },
  );
  record.wellFormed();
  return outcome;
}

for (const [shape, make] of SHAPES) {
  t.test(`${shape}: reads the streams, then calls onComplete, and gives what that returns`, async (t) => {
    const said: string[] = [];
    const last = new PassThrough();
    const streams: [Readable, OnLine][] = [
      [bytes('a\nb'), (line) => said.push(`0 ${line}`)],
      [bytes('dropped'), null],
      [last, (line) => said.push(`2 ${line}`)],
    ];
    const record = new Record();
    record.heard = (event) => {
      if (event.type === 'line' && event.line === 'b') last.end('z\n');
    };
    const complete = (): number => said.push('complete');
    t.same(await fate(make(complete, streams), record), [4]);
    t.same(said, ['0 a', '0 b', '2 z', 'complete']);
    const lines = record.events.filter((event) => event.type === 'line');
    t.same(
      lines.map(({ stream, line }) => `${stream} ${line}`),
      ['0 a', '0 b', '2 z'],
    );
  });

  t.test(`${shape}: what onComplete throws`, async (t) => {
    const mine = new RangeError('mine');
    const error = await fate(
      make(() => {
        throw mine;
      }, []),
    );
    t.match(error, {
      reason: { type: 'callback', name: 'onComplete' },
      message: /^seed: onComplete threw\ncause: mine/,
    });
    t.equal(error.cause, mine);
    const own = new RunError({ reason: { type: 'exit', exitCode: 3 } });
    t.equal(
      await fate(
        make(() => {
          throw own;
        }, []),
      ),
      own,
      'a RunError is given as it is',
    );
  });

  t.test(`${shape}: a promise of onComplete's is waited for`, async (t) => {
    t.same(await fate(make(async () => 'late', [])), ['late']);
    t.match(await fate(make(() => Promise.reject(new Error('late')), [])), {
      reason: { type: 'callback', name: 'onComplete' },
      cause: { message: 'late' },
    });
  });

  t.test(`${shape}: a line function that throws, a stream that fails`, async (t) => {
    let completed = false;
    const complete = (): void => void (completed = true);
    const throws = (): void => {
      throw new Error('mine');
    };
    t.match(await fate(make(complete, [[bytes('a'), throws]])), {
      reason: { type: 'callback', name: 'the line callback of 0' },
    });
    const broken = new PassThrough();
    const callable = make(complete, [
      [bytes('a'), null],
      [broken, null],
    ]);
    const breaking = (): unknown => {
      setImmediate(() => broken.destroy(new Error('broken')));
      return callable();
    };
    t.match(await fate(breaking), { reason: { type: 'stream', stream: '1' }, cause: { message: 'broken' } });
    t.notOk(completed);
  });

  t.test(`${shape}: what is wrong is thrown at the yield`, async (t) => {
    const wrong: [unknown, string][] = [
      [5, `a callable's streams: expected a list of [stream, function] pairs, got the number 5`],
      [null, `a callable's streams: expected a list of [stream, function] pairs, got null`],
      [[bytes('')], `a callable's streams: entry 0: expected [stream, function], got a Readable`],
      [
        [
          [bytes(''), null],
          [null, null],
        ],
        `a callable's streams: entry 1: expected a readable stream or an iterable, got null`,
      ],
      [
        [[bytes(''), 'x']],
        `a callable's streams: entry 0: what is called with the lines is a function or null, got the string "x"`,
      ],
    ];
    for (const [streams, message] of wrong) {
      const error = await fate(make(() => {}, streams as never));
      t.match(error, { name: 'TypeError', message });
    }
  });

  t.test(`${shape}: a kill destroys the streams, and onComplete isn't called`, async (t) => {
    const source = new PassThrough();
    let completed = false;
    const callable = make(() => (completed = true), [[source, null]]);
    const record = new Record();
    const loop = runCommandGens([callable], { onEvent: record.see });
    record.heard = (event) => {
      if (event.type === 'start' && event.spec.type === 'streams') loop.kill('me');
    };
    await t.rejects(Promise.resolve(loop), { name: 'RunError', message: /killed by me/ });
    t.ok(source.destroyed);
    t.notOk(completed);
    record.wellFormed();
  });
}

t.test('an object without onComplete; streams from a generator; `this` is the object', async (t) => {
  t.same(await fate(() => ({ streams: [] })), [undefined]);
  const object = {
    lines: 0,
    *streams(): Generator<[Readable, OnLine]> {
      yield [bytes('a\nb\n'), () => this.lines++];
    },
    onComplete(): number {
      return this.lines;
    },
  };
  t.same(await fate(() => ({ ...object, streams: object.streams(), onComplete: () => object.onComplete() })), [2]);
  const bound = {
    streams: [],
    seven: 7,
    onComplete() {
      return this.seven;
    },
  };
  t.same(await fate(() => bound), [7]);
});

t.test('onComplete is called after the lines, however late a pause lets them come', async (t) => {
  const said: string[] = [];
  const record = new Record();
  const loop = runCommandGens(
    [
      () => ({
        streams: [[bytes('a\nb\n'), (line: string) => said.push(line)]],
        onComplete: () => said.push('complete'),
      }),
    ] as SeedRunner[],
    { onEvent: record.see },
  );
  record.heard = (event) => {
    if (event.type === 'pause' || event.type === 'play' || event.type === 'settle') return;
    loop.pause();
    setImmediate(() => loop.play());
  };
  t.same(await loop, [3]);
  t.same(said, ['a', 'b', 'complete']);
  t.same(record.delivered, []);
});

t.test('lines carry the label of the callable', async (t) => {
  const labels = async (callable: SeedRunner): Promise<string | undefined> => {
    const record = new Record();
    await runCommandGens([callable], { onEvent: record.see });
    const line = record.events.find((event) => event.type === 'line');
    const start = record.events.find((event) => event.type === 'start' && event.run === line?.run);
    return (start as Extract<Event, { type: 'start' }>).label;
  };
  const date: SeedRunner = () => ({ streams: [[bytes('now'), () => {}]], onComplete: () => {} });
  t.equal(await labels(date), 'date');
  t.equal(await labels((() => date)()), 'date');
  t.equal(
    await labels(
      [date].map(
        (made): SeedRunner =>
          () =>
            made(),
      )[0]!,
    ),
    'seed',
  );
});

t.test(
  'a dry run calls the callable, as nothing else can tell what it is, but reads nothing and completes nothing',
  async (t) => {
    const source = new PassThrough();
    const calls: string[] = [];
    const callable: SeedRunner = () => {
      calls.push('called');
      return { streams: [[source, (line) => calls.push(line)]], onComplete: () => calls.push('complete') };
    };
    await runCommandGens([callable], { dryRun: true });
    t.same(calls, ['called']);
    t.ok(source.readableFlowing, 'whoever writes to it is not blocked');
  },
);

t.test('programs of one’s own, side by side', async (t: Test) => {
  const said: string[] = [];
  const run = (command: string): SeedRunner => {
    return () => {
      const child = spawnProcess('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
      const exited = new Promise((resolve) => child.on('close', resolve));
      return [
        () => exited,
        [
          [child.stdout, (line) => said.push(line)],
          [child.stderr, (line) => said.push(`! ${line}`)],
        ],
      ];
    };
  };
  const codes = await runCommandGens([
    function* (): Generator<SeedRunner, unknown[], unknown> {
      return [yield run('echo a; echo b'), yield run('echo c >&2; exit 3')];
    },
    function* (): Generator<SeedRunner, unknown[], unknown> {
      return [yield run('printf d')];
    },
  ]);
  t.same(codes, [[0, 3], [0]]);
  t.same([...said].sort(), ['! c', 'a', 'b', 'd']);
  t.ok(said.indexOf('a') < said.indexOf('b') && said.indexOf('b') < said.indexOf('! c'));
});
