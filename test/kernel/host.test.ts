// The ends of the Node process, by scripts that are processes of their own.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { start, type Living } from '../cli/support.ts';
import { missing } from '../missing.ts';
import { gone, lives } from '../runners/tools.ts';

t.setTimeout(300_000); // each starts a Node or two

const loader = fileURLToPath(new URL('../../dist/lib/cli/load/register.js', import.meta.url));
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/hosts/${name}.ts`, import.meta.url));
const command = (name: string): string[] => [process.execPath, '--import', loader, fixture(name)];
const host = (name: string, ...args: string[]): Living => start(args, {}, command(name));
const pidsOf = async (living: Living): Promise<number[]> => {
  const [, text] = await living.says(/^pids ([\d ]+)$/m);
  return text!.split(' ').map(Number);
};
const count = (text: string, what: string): number => text.split(what).length - 1;

for (const [how, status] of [
  ['exit', 7],
  ['throw', 1],
  ['reject', 1],
] as const) {
  t.test(`${how}: no child is left`, async (t) => {
    const living = host('ending', how);
    const pids = await pidsOf(living);
    t.equal((await living.ended).status, status);
    t.ok(await gone(...pids));
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal}: no child is left, and it ends by it`, async (t) => {
    const living = host('ending', 'wait');
    const pids = await pidsOf(living);
    living.signal(signal);
    t.match(await living.ended, { status: null, signal });
    t.same(pids.filter(lives), []);
  });

  t.test(`${signal}: each program gets it once, clean-up runs to its end`, async (t) => {
    const living = host('cleaning');
    await living.says(/ready/);
    living.signal(signal);
    const ended = await living.ended;
    t.equal(ended.signal, signal);
    t.match(ended.stdout, `program got ${signal.slice(3)}`);
    t.equal(count(ended.stdout, 'program got'), 1);
    t.match(ended.stdout, /program cleaned\ntask cleaned\nloop: .*killed by SIG[A-Z]+\nafter the loop\n$/);
  });
}

t.test('a shell sees 130', async (t) => {
  const living = start([], {}, ['sh', '-c', `${command('cleaning').join(' ')}; echo status $?`]);
  const [, pid] = await living.says(/ready (\d+)/);
  const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[1]!;
  process.kill(Number(parent), 'SIGINT');
  t.match((await living.ended).stdout, /status 130/);
});

t.test('with a listener of the user’s own it is not raised again', async (t) => {
  const living = host('cleaning', 'listens');
  await living.says(/ready/);
  living.signal('SIGINT');
  const ended = await living.ended;
  t.match(ended, { status: 0, signal: null });
  t.match(ended.stdout, /heard it[^]*after the loop/);
});

t.test('a stubborn one gets SIGKILL after its grace', async (t) => {
  const living = host('ending', 'wait', '300ms');
  const pids = await pidsOf(living);
  const before = performance.now();
  living.signal('SIGINT');
  await living.ended;
  t.ok(performance.now() - before >= 290);
  t.same(pids.filter(lives), []);
});

t.test('a second Ctrl-C kills at once, pipes and those left behind too', async (t) => {
  const living = host('ending', 'wait', '1h');
  const pids = await pidsOf(living);
  living.signal('SIGINT');
  const [, quick] = pids;
  await gone(quick!); // the first has been heard
  living.signal('SIGINT');
  t.match(await living.ended, { signal: 'SIGINT' });
  t.ok(await gone(...pids));
});

t.test('a second Ctrl-C ends clean-up too', async (t) => {
  const living = host('cleaning', 'slow');
  await living.says(/ready/);
  living.signal('SIGINT');
  const [, pid] = await living.says(/cleaning (\d+)/);
  living.signal('SIGINT');
  t.match(await living.ended, { signal: 'SIGINT' });
  t.ok(await gone(Number(pid)));
});

// --- a terminal -------------------------------------------------------------------------------------------------------------------

const words = (list: readonly string[]): string => list.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
const terminal = (...scripts: string[]): Living =>
  start([], {}, ['script', '-qefc', words([...command('terminal'), ...scripts]), '/dev/null']);
const skip = missing('script');

t.test('a program owns the keyboard', { skip }, async (t) => {
  const living = terminal('tty; stty -echo; echo ready; read x; echo got $x');
  await living.says(/ready/);
  living.stdin.write('hello\n');
  const { stdout } = await living.ended;
  t.match(stdout, /\/dev\/pts\/\d+\r\nready\r\n(\^J)?got hello/);
});

t.test('Ctrl-C from the terminal reaches it once, and ends the loop', { skip }, async (t) => {
  const living = terminal(
    `trap 'echo got INT; ended=1' INT; trap 'echo got TERM' TERM; echo ready; while [ -z "$ended" ]; do sleep 0.01; done; sleep 0.3; echo cleaned`,
  );
  await living.says(/ready/);
  living.stdin.write('\x03');
  const { stdout, status } = await living.ended;
  t.equal(count(stdout, 'got INT'), 1);
  t.notMatch(stdout, /got TERM/);
  t.match(stdout, /cleaned\r\nloop: .*killed by SIGINT/);
  t.equal(status, 130);
});

t.test('several take turns', { skip }, async (t) => {
  const living = terminal('echo first; read x; echo one $x', 'echo second; read x; echo two $x');
  await living.says(/first/);
  living.stdin.write('a\n');
  await living.says(/second/);
  living.stdin.write('b\n');
  const { stdout } = await living.ended;
  t.match(stdout, /first[^]*one a[^]*second[^]*two b/);
});

t.test('what it has is a terminal', { skip }, async (t) => {
  const living = terminal('test -t 0 && echo it is one');
  t.match((await living.ended).stdout, 'it is one');
});
