import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { look, release, renote, take, takeOver } from '../../lib/store/locks.ts';
import { self } from '../../lib/store/owner.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
const module = JSON.stringify(new URL('../../lib/store/locks.ts', import.meta.url).href);

/** Another process that does something with locks; it lives until its stdin ends. */
async function other(t: Test, code: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      `--import=${loader}`,
      '--input-type=module',
      '-e',
      `import * as locks from ${module}; ${code}; console.log('ready'); process.stdin.resume()`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

t.test('one holds it, until he lets go', async (t) => {
  const path = join(t.testdir(), 'locks', 'a');
  t.equal(look(path), undefined);
  t.equal(take(path, { n: 1 }), undefined);
  t.match(take(path, { n: 2 }), { alive: true, owner: { pid: process.pid } });
  t.equal(take(`${path}b`, null), undefined, 'another lock is another');
  release(path);
  t.equal(look(path), undefined);
  release(path);
  t.equal(take(path, 1), undefined);
  release(path);
  release(`${path}b`);
});

t.test('another process: it lives, dies, and leaves its note', async (t) => {
  const path = join(t.testdir(), 'a');
  const p = JSON.stringify(path);
  const child = await other(
    t,
    `locks.take(${p}, {n: 1}); locks.take(${p} + 2, 'other'); locks.renote(${p}, {n: 'é"\\n'})`,
  );
  const held = take(path, 'mine');
  t.match(held, { alive: true, owner: { pid: child.pid } });
  await killed(child);
  const dead = take(path, 'mine')!;
  t.match(dead, { alive: false, owner: { pid: child.pid }, note: { n: 'é"\n' } });
  t.equal(takeOver(path, dead, 'mine'), true);
  t.match(look(path), { alive: true, owner: { pid: process.pid } });
  t.equal(takeOver(path, dead, 'mine'), false, 'it is his no more');
  release(path);
  t.match(look(`${path}2`), { note: 'other' });
});

t.test('who ends takes his file away', async (t) => {
  const folder = t.testdir();
  const p = JSON.stringify(join(folder, 'a'));
  const child = await other(t, `locks.take(${p}, 1); locks.release(${p})`);
  t.equal(readdirSync(folder).length, 1, 'its own file');
  child.stdin!.end();
  await once(child, 'exit');
  t.same(readdirSync(folder), []);
});

t.test('a pid that was given to another, another machine, another boot', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  const as = (change: object): unknown => {
    writeFileSync(path, `${JSON.stringify({ owner: { ...self(), ...change }, nonce: 1 })}\n{"lock":"a","note":7}\n`);
    return take(path, 1);
  };
  t.match(as({ started: '1' }), { alive: false, note: 7 });
  t.match(as({ boot: 'other' }), { alive: false });
  t.match(as({ host: 'other' }), { alive: undefined, owner: { host: 'other' }, note: 7 });
  t.match(as({ pids: 'other' }), { alive: undefined });
  utimesSync(path, 1000, 1000);
  t.ok(look(path)!.age > 86_400_000);
});

t.test('a file that is no lock counts as one that is just being written, and then as dead', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  for (const text of ['', 'garbage', '{"owner":{"pid"', 'null\n', '{"owner":1}\n', '\0'.repeat(4096)]) {
    writeFileSync(path, text);
    t.match(take(path, 1), { alive: true, owner: undefined, note: undefined });
    utimesSync(path, 1000, 1000);
    const dead = take(path, 1)!;
    t.match(dead, { alive: false, owner: undefined });
    t.equal(takeOver(path, dead, 1), true);
    t.match(look(path), { alive: true, owner: { pid: process.pid } });
    release(path);
  }
});

t.test('he who was taking over has died too', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  const child = await other(t, `locks.take(${JSON.stringify(path)}, 1)`);
  await killed(child);
  const dead = take(path, 2)!;
  const claim = `${path}.${dead.token.slice(0, 16)}.claim`;
  const claimer = await other(
    t,
    `locks.take(${JSON.stringify(claim)}, 1); locks.take(${JSON.stringify(`${path}.next`)}, 1)`,
  );
  t.equal(takeOver(path, dead, 3), false, 'he may be about to');
  await killed(claimer);
  t.equal(takeOver(path, dead, 3), false, 'first the claim is cleared away');
  t.equal(takeOver(path, dead, 3), true);
  release(path);
  t.notOk(readdirSync(folder).some((name) => /claim|next/.test(name)));
});

t.test('a store that is deleted while it is used', async (t) => {
  const folder = join(t.testdir(), 'locks');
  const path = join(folder, 'a');
  t.equal(take(path, 1), undefined);
  rmSync(folder, { recursive: true });
  const child = await other(t, `locks.take(${JSON.stringify(path)}, 1)`);
  release(path);
  t.match(look(path), { alive: true, owner: { pid: child.pid } }, 'it is another one’s now');
  t.equal(take(`${path}2`, 1), undefined);
  release(`${path}2`);
  await killed(child);
});

t.test('where links are not supported', async (t) => {
  const folder = t.testdir();
  const real = fs.linkSync;
  t.teardown(() => {
    fs.linkSync = real;
    syncBuiltinESMExports();
  });
  for (const code of ['EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS']) {
    fs.linkSync = () => {
      throw Object.assign(new Error(code), { code });
    };
    syncBuiltinESMExports();
    const path = join(folder, code);
    t.equal(take(path, { n: 1 }), undefined);
    t.match(take(path, { n: 2 }), { alive: true, owner: { pid: process.pid } });
    renote(path, { n: 3 });
    // As if it were a dead one’s: the note is the last that he left.
    const text = readFileSync(path, 'utf8').replace(`"started":"${self().started}"`, '"started":"1"');
    writeFileSync(path, text);
    const dead = look(path)!;
    t.match(dead, { alive: false, note: { n: 3 } });
    t.equal(takeOver(path, dead, { n: 4 }), true);
    t.match(readFileSync(path, 'utf8'), `{"lock":"${code}","note":{"n":4}}`);
    release(path);
    t.notOk(existsSync(path));
  }
  fs.linkSync = () => {
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
  t.throws(() => take(join(folder, 'full'), 1), { code: 'ENOSPC' });
});

t.test('more locks than a file may have links', async (t) => {
  const folder = t.testdir();
  const real = fs.linkSync;
  let links = 0;
  fs.linkSync = (from, to) => {
    if (++links > 3) throw Object.assign(new Error('too many links'), { code: 'EMLINK' });
    real(from, to);
  };
  syncBuiltinESMExports();
  t.teardown(() => {
    fs.linkSync = real;
    syncBuiltinESMExports();
  });
  const paths = Array.from({ length: 6 }, (_, n) => join(folder, `lock${n}`));
  for (const path of paths) t.equal(take(path, 1), undefined);
  for (const path of paths) t.match(look(path), { alive: true, owner: { pid: process.pid } });
  for (const path of paths) release(path);
  t.notOk(readdirSync(folder).some((name) => name.startsWith('lock')));
});

t.test('what was said of locks does not grow for ever', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  let most = 0;
  for (let round = 0; round < 2000; round++) {
    take(path, 'x'.repeat(500));
    most = Math.max(most, statSync(path).size);
    if (round === 1999) t.match(look(path), { alive: true });
    release(path);
  }
  t.ok(most < 400_000, `${most} bytes`);
});

t.test('never two at once: 8 processes, of which many are killed', async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, 'locks'));
  const fixture = fileURLToPath(new URL('../fixtures/locking.ts', import.meta.url));
  const working = new Set<ChildProcess>();
  const said: string[] = [];
  let kills = 0;
  const timer = setInterval(() => {
    const all = [...working];
    if (kills < 15 && all.length > 0 && all[Math.floor(Math.random() * all.length)]!.kill('SIGKILL')) kills++;
  }, 40);
  const worker = async (): Promise<void> => {
    for (;;) {
      const args = [`--import=${loader}`, fixture, join(folder, 'locks', 'a'), join(folder, 'marker'), '100'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.on('data', (text) => {
        working.add(child);
        said.push(
          ...String(text)
            .split('\n')
            .filter((line) => line !== '' && line !== 'begins'),
        );
      });
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      working.delete(child);
      if (signal !== 'SIGKILL') return void t.equal(code, 0);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  clearInterval(timer);
  t.same(said, []);
  t.ok(kills > 5, `${kills} were killed`);
  t.notOk(existsSync(join(folder, 'locks', 'a')), 'the last one let go');
});

t.test('a dead one’s lock goes to exactly one of many', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'a');
  for (let round = 0; round < 3; round++) {
    const p = JSON.stringify(path);
    await killed(await other(t, `locks.take(${p}, 1)`));
    // All of them have seen it dead before the first begins.
    const children = await Promise.all(
      Array.from({ length: 4 }, () =>
        other(
          t,
          `const dead = locks.look(${p});
           process.stdin.once('data', () => console.log(String(locks.takeOver(${p}, dead, 2))))`,
        ),
      ),
    );
    const answers = children.map(async (child) => String((await once(child.stdout!, 'data'))[0]).trim());
    for (const child of children) child.stdin!.write('go\n');
    const won = (await Promise.all(answers)).filter((answer) => answer === 'true');
    t.ok(won.length <= 1);
    if (won.length === 1) t.match(look(path), { alive: true });
    for (const child of children) await killed(child);
    rmSync(path);
  }
});

t.test('a file where the folder would be', async (t) => {
  const folder = t.testdir({ file: '' });
  t.throws(() => take(join(folder, 'file', 'a'), 1), { code: 'ENOTDIR' });
});
