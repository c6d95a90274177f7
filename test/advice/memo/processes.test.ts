import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { lives, start, type Living } from '../../cli/support.ts';

const fixture = fileURLToPath(new URL('../../fixtures/memoBuild.mjs', import.meta.url));
const build = [process.execPath, fixture, 'alone'];

/** How often; a hundred times is what they have to bear. */
const ROUNDS = Number(process.env['SLUICE_ROUNDS'] ?? 10);
const KILLS = 30;

/** A folder to build in, with so many inputs. */
function project(t: Test, count: number): string {
  const cwd = t.testdir({ 'package.json': '{}', in: {}, out: {} });
  for (let n = 0; n < count; n++) writeFileSync(join(cwd, 'in', String(n)), `${n}\n`);
  return cwd;
}

/** What it has to have made of them. */
function right(t: Test, cwd: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const before = n < 10 ? '' : read(cwd, `out/${n - 10}`);
    t.equal(read(cwd, `out/${n}`), `${n}\n${before}${n}\n`, `out/${n}`);
  }
}

const read = (cwd: string, name: string): string => readFileSync(join(cwd, name), 'utf8');

/** What the steps have said: 'begin N PID', 'end N PID'. */
const ran = (cwd: string): string[] => (existsSync(join(cwd, 'ran')) ? read(cwd, 'ran').split('\n').slice(0, -1) : []);
const counted = (cwd: string, what: string): number => ran(cwd).filter((line) => line.startsWith(what)).length;

/** Numbers of the steps that the store has an entry of. */
function storedIn(cwd: string): ReadonlySet<string> {
  const folder = join(cwd, '.sluice/steps');
  const steps = readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(join(folder, name), 'utf8').split('\n')[1]!) as { label: string; entries: [] },
  );
  return new Set(steps.filter(({ entries }) => entries.length > 0).map(({ label }) => label.replace('step ', '')));
}

/** Files of locks that are there. */
const locksIn = (cwd: string): string[] =>
  existsSync(join(cwd, '.sluice/locks')) ? readdirSync(join(cwd, '.sluice/locks')) : [];

/** Until something is so. */
async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!what()) {
    if (Date.now() > end) throw new Error(`it never was so: ${String(what)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function ended(...children: Living[]): Promise<string> {
  let said = '';
  for (const child of children) {
    const { status, signal, stdout, stderr } = await child.ended;
    if (status !== 0) throw new Error(`${status} ${signal}\n${stdout}\n${stderr}`);
    said += stdout;
  }
  return said;
}

t.test('two at once never do one step twice', async (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    const cwd = project(t, 4);
    const delay = Math.floor(Math.random() * 11);
    const first = start(['4'], { cwd }, build);
    if (delay > 0) spawnSync('sleep', [String(delay / 1000)]);
    const second = start(['4'], { cwd }, build);
    await ended(first, second);
    right(t, cwd, 4);
    t.equal(counted(cwd, 'begin'), 4);
    t.same(locksIn(cwd), []);
  }
});

t.test('sluice run twice at once', async (t) => {
  for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
    const cwd = project(t, 12);
    const args = ['run', '--report', 'quiet', fixture, '--', 'run', '12', '2', '0.05'];
    const both = [1, 2].map(() => start(args, { cwd }));
    await ended(...both);
    right(t, cwd, 12);
    t.equal(counted(cwd, 'begin'), 12);
  }
});

t.test('the first is killed in the middle of a step, and the second, which waits, does it', async (t) => {
  const cwd = project(t, 1);
  const first = start(['1', '1', '30'], { cwd }, build);
  await until(() => counted(cwd, 'begin') === 1 && read(cwd, 'out/0') === '0\n');
  const [, , pid] = ran(cwd)[0]!.split(' ');
  const second = start(['1', '1', '0.01'], { cwd }, build);
  const note = await second.says(/waits for process (\d+), which is at the same step/);
  t.equal(Number(note[1]), first.pid);
  t.equal(counted(cwd, 'begin'), 1);
  first.signal('SIGKILL');
  await first.ended;
  const said = await ended(second);
  t.notOk(lives(Number(pid)), 'L6: its program is not left behind');
  t.match(said, new RegExp(`process ${first.pid} died while it made out/0: what it left is in .*failed`));
  const [failed] = readdirSync(join(cwd, '.sluice/failed'));
  t.equal(read(cwd, `.sluice/failed/${failed}/out/0`), '0\n', 'what it had written');
  right(t, cwd, 1);
  t.equal(counted(cwd, 'begin'), 2);
  t.equal(counted(cwd, 'end'), 1);
  t.same(
    locksIn(cwd).filter((name) => !name.endsWith('.owner')),
    [],
  );
});

t.test(
  'killed at random again and again, then a whole run: all is right, nothing that was finished is lost',
  async (t) => {
    const cwd = project(t, 30);
    for (let round = 0; round < KILLS; round++) {
      const child = start(['30'], { cwd }, build);
      const enough = ran(cwd).length + 1 + Math.floor(Math.random() * 8);
      let over = false;
      void child.ended.then(() => (over = true));
      await until(() => over || ran(cwd).length >= enough);
      child.signal('SIGKILL');
      await child.ended;
      // Sometimes somebody changes an input, and much is to be done again.
      if (round % 4 === 3) writeFileSync(join(cwd, 'in', String(round % 10)), `${round % 10}\n`);
    }
    const stored = storedIn(cwd);
    const before = ran(cwd).length;
    const said = await ended(start(['30'], { cwd }, build));
    right(t, cwd, 30);
    // What had ended and was not written down yet when it was killed is done again, and may be lost so several times in a row.
    const again = ran(cwd)
      .slice(before)
      .filter((line) => line.startsWith('begin'))
      .map((line) => line.split(' ')[1]!);
    t.equal(new Set(again).size, again.length, 'nothing twice');
    t.same(
      again.filter((n) => stored.has(n)),
      [],
      'nothing that was written down',
    );
    t.equal(again.length + stored.size, 30, 'the rest');
    t.notMatch(said, /warning|changed by hand/);
    const last = ran(cwd).length;
    await ended(start(['30'], { cwd }, build));
    t.equal(ran(cwd).length, last, 'and now nothing is done');
    // The reaper ends what is left of the killed.
    const pids = new Set(ran(cwd).map((line) => Number(line.split(' ')[2])));
    await until(() => [...pids].every((pid) => !lives(pid)));
  },
);

t.test('who waits is killed by a signal, and leaves nothing', async (t) => {
  const cwd = project(t, 1);
  const first = start(['1', '1', '30'], { cwd }, build);
  await until(() => counted(cwd, 'begin') === 1);
  const second = start(['1', '1', '30'], { cwd }, build);
  await second.says(/waits for process/);
  const held = locksIn(cwd);
  second.signal('SIGINT');
  t.equal((await second.ended).signal, 'SIGINT');
  t.equal(locksIn(cwd).length, held.length - 1, 'its own file is gone');
  t.ok(
    locksIn(cwd).some((name) => /^[0-9a-f]{64}$/.test(name)),
    'the lock is the other one’s',
  );
  first.signal('SIGTERM');
  t.equal((await first.ended).signal, 'SIGTERM');
  t.same(locksIn(cwd), []);
  t.notOk(existsSync(join(cwd, 'out/0')), 'what it left of its output is out of the way');
  rmSync(join(cwd, '.sluice'), { recursive: true });
  mkdirSync(join(cwd, '.sluice'));
});
