import { mock } from 'node:test';
import t from 'tap';
import type { Command, Exit } from '../../lib/kernel/spawner.ts';
import { execaStarter } from '../../lib/spawn/execa.ts';
import { start, type Starter } from '../../lib/spawn/start.ts';
import { fixture, run, until } from './support.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
const stdio = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const;
const command: Command = { argv: ['true'], cwd: '/', env: undefined, session: true, ...stdio };

/** A starter that never starts anything: each try fails so. */
function failing(code: string): Starter & { tries: number } {
  return {
    tries: 0,
    ready: () => undefined,
    start(_command, _places, told) {
      this.tries++;
      queueMicrotask(() => told.failed(Object.assign(new Error('no'), { code })));
    },
  };
}

t.test('200 programs at once under ulimit -n 64', async (t) => {
  const host = `ulimit -n 64; exec "$0" --import "$1" "$2" 200`;
  const program = run(['sh', '-c', host, process.execPath, loader, fixture('many-starts.ts')]);
  t.same(JSON.parse(await program.closed), { right: 200, left: 0 });
});

t.test('without any descriptor left a start waits for one', async (t) => {
  const host = `ulimit -n 64; exec "$0" --import "$1" "$2"`;
  const program = run(['sh', '-c', host, process.execPath, loader, fixture('starved.ts')]);
  t.same(JSON.parse(await program.closed), { meanwhile: 'nothing', text: 'fed\n', unheard: 0 });
});

t.test('what does not pass while nothing of ours runs is told in the end', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const starter = failing('EAGAIN');
  let exit: Exit | undefined;
  start(
    () => starter,
    command,
    () => t.fail('started'),
    (told) => {
      exit = told;
    },
  );
  for (let i = 0; i < 100 && exit === undefined; i++) {
    await new Promise(setImmediate);
    mock.timers.tick(500);
  }
  t.match(exit, { type: 'error', code: 'EAGAIN' });
  t.equal(starter.tries, 31);
});

t.test('a start that waits can be called off, and the next one goes', async (t) => {
  const starter = failing('EMFILE');
  const exit = new Promise<Exit>((resolve) => {
    const child = start(
      () => starter,
      command,
      () => t.fail('started'),
      resolve,
    );
    void until(() => starter.tries > 0).then(() => child.signal('SIGINT'));
  });
  t.same(await exit, { type: 'exit', exitCode: undefined, signal: 'SIGINT' });
  t.equal(await run(['echo', 'next']).closed, 'next\n');
});

t.test('a starter that cannot be loaded', async (t) => {
  const starter: Starter = { ready: () => Promise.reject(new Error('not installed')), start: () => t.fail() };
  const exit = await new Promise<Exit>((resolve) =>
    start(
      () => starter,
      command,
      () => t.fail('started'),
      resolve,
    ),
  );
  t.match(exit, { type: 'error', error: { message: 'not installed' } });
});

t.test('called off while its starter loads', async (t) => {
  let loaded!: () => void;
  const starter: Starter = {
    ready: () =>
      new Promise((resolve) => {
        loaded = resolve;
      }),
    start: () => t.fail(),
  };
  const exit = new Promise<Exit>((resolve) => {
    const child = start(
      () => starter,
      command,
      () => t.fail('started'),
      resolve,
    );
    setImmediate(() => child.signal('SIGTERM'));
  });
  t.match(await exit, { signal: 'SIGTERM' });
  loaded();
  t.equal(await run(['echo', 'next']).closed, 'next\n');
});

t.test('programs start in their order', async (t) => {
  // When each is told as started is another matter: several may be under way at once.
  const order: string[] = [];
  const starter: Starter = {
    ready: () => execaStarter.ready(),
    start(one, ...rest) {
      order.push(one.argv[1]!);
      execaStarter.start(one, ...rest);
    },
  };
  const numbers = Array.from({ length: 20 }, (_, index) => String(index));
  const exits = numbers.map(
    (number) =>
      new Promise<Exit>((resolve) => {
        start(
          () => starter,
          { ...command, argv: ['true', number] },
          () => {},
          resolve,
        );
      }),
  );
  for (const exit of await Promise.all(exits)) t.match(exit, { exitCode: 0 });
  t.same(order, numbers);
});
