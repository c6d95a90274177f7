import fs, {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { sha256 } from '../../lib/store/digest.ts';
import { Files, MISSING } from '../../lib/store/files.ts';
import { atOnce, atOnceInPlace } from '../../lib/store/paced.ts';
import { readSealed, seal } from '../../lib/store/sealed.ts';
import { lacking } from '../missing.ts';
import { settled } from './support.ts';

const filesIn = (folder: string): Files => new Files(join(folder, '.digests'), join(folder, '.aside'));
const NUL = '\0';

t.test('what is at a path, in one text', async (t) => {
  const folder = t.testdir({ a: 'a', run: 'a', empty: {}, tree: { b: 'b', sub: { c: 'c' } } });
  const files = filesIn(folder);
  const digest = (name: string, how = {}): string =>
    atOnceInPlace(files.digest(join(folder, name), { ...how, inPlace: true }));
  chmodSync(join(folder, 'run'), 0o755);
  symlinkSync('a', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  symlinkSync('tree', join(folder, 'linked'));
  t.equal(digest('a'), `f${sha256('a')}`);
  t.equal(digest('run'), `x${sha256('a')}`);
  t.equal(digest('nothing'), MISSING);
  t.equal(digest('a/below'), MISSING);
  t.equal(digest('empty'), `d${sha256('')}`);
  const sub = `f${sha256('c')} c${NUL}`;
  const tree = `d${sha256(`f${sha256('b')} b${NUL}d${sha256(sub)} sub${NUL}`)}`;
  t.equal(digest('tree'), tree);
  t.equal(digest('link'), `l${sha256('a')}`);
  t.equal(digest('link', { follow: true }), `f${sha256('a')}`);
  t.equal(digest('linked', { follow: true }), tree);
  t.equal(digest('dangling', { follow: true }), MISSING);
  t.equal(digest('dangling'), `l${sha256('nowhere')}`);
  const heard: string[] = [];
  digest('tree', { each: (path: string) => void heard.push(path) });
  t.same(heard, ['b', 'sub/c', 'sub']);
  t.equal(digest('tree', { skip: join(folder, 'tree/sub') }), `d${sha256(`f${sha256('b')} b${NUL}`)}`);
});

t.test('links in a folder are what they are, be it followed or not; a circle is no trap', async (t) => {
  const folder = t.testdir({ tree: {} });
  symlinkSync('.', join(folder, 'tree', 'round'));
  const files = filesIn(folder);
  for (const follow of [false, true])
    t.equal(await atOnce(files.digest(join(folder, 'tree'), { follow })), `d${sha256(`l${sha256('.')} round${NUL}`)}`);
});

t.test('what is neither file, folder nor link is refused, and not read', async (t) => {
  const folder = t.testdir();
  spawnSync('mkfifo', [join(folder, 'fifo')]);
  t.throws(() => atOnceInPlace(filesIn(folder).digest(join(folder, 'fifo'))), {
    message: /fifo is neither a file nor/,
  });
  t.throws(() => atOnceInPlace(filesIn(folder).digest('/dev/null')), { message: /\/dev\/null is neither/ });
});

/** Timestamps as most kernels make them, by ticks of 10 ms; newer ones make finer ones for files that are looked at. */
function coarseClock(t: Test): void {
  const real = { statSync: fs.statSync, lstatSync: fs.lstatSync };
  for (const name of ['statSync', 'lstatSync'] as const)
    (fs as Record<string, unknown>)[name] = (path: string, options?: { bigint?: boolean }) => {
      const stats = real[name](path, options);
      if (options?.bigint !== true || stats === undefined) return stats;
      const { mtimeNs, ctimeNs } = stats as unknown as fs.BigIntStats;
      const tick = 10_000_000n;
      return Object.assign(stats, { mtimeNs: mtimeNs - (mtimeNs % tick), ctimeNs: ctimeNs - (ctimeNs % tick) });
    };
  syncBuiltinESMExports();
  t.teardown(() => {
    Object.assign(fs, real);
    syncBuiltinESMExports();
  });
}

/** What can happen to a file of three bytes that is written over and over, faster than the clock ticks. */
const change = fc.oneof(
  fc.record({ type: fc.constant('write' as const), text: fc.constantFrom('aaa', 'bbb', 'ccc') }),
  fc.record({ type: fc.constant('replace' as const), text: fc.constantFrom('aaa', 'bbb', 'ccc') }),
  fc.record({ type: fc.constant('writeThroughLink' as const), text: fc.constantFrom('aaa', 'bbb') }),
  fc.record({ type: fc.constant('setBack' as const), seconds: fc.constantFrom(0, 1_000_000_000, 1_000_000_000.5) }),
  fc.record({ type: fc.constant('swap' as const) }),
  fc.record({ type: fc.constant('wait' as const) }),
  fc.record({ type: fc.constant('newProcess' as const) }),
  fc.record({ type: fc.constant('look' as const) }),
);

t.test('never a wrong digest, however fast a file of the same size changes', async (t) => {
  const folder = t.testdir();
  coarseClock(t);
  let run = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 3, maxLength: 25 }), (changes) => {
      const at = join(folder, String(run++));
      mkdirSync(at);
      const [path, other, hard] = [join(at, 'a'), join(at, 'b'), join(at, 'hard')];
      let files = filesIn(at);
      const look = (name: string): void => {
        const found = atOnceInPlace(files.digest(name));
        const wanted = `f${createHash('sha256').update(readFileSync(name)).digest('hex')}`;
        if (found !== wanted) throw new Error(`${name} has ${wanted}, not ${found}`);
      };
      writeFileSync(path, 'aaa');
      writeFileSync(other, 'bbb');
      linkSync(path, hard);
      for (const step of changes) {
        switch (step.type) {
          case 'write':
            writeFileSync(path, step.text);
            break;
          case 'replace':
            writeFileSync(`${path}.new`, step.text);
            renameSync(`${path}.new`, path);
            break;
          case 'writeThroughLink':
            writeFileSync(hard, step.text);
            break;
          case 'setBack':
            utimesSync(path, step.seconds, step.seconds);
            utimesSync(other, step.seconds, step.seconds);
            break;
          case 'swap':
            renameSync(path, `${path}.old`);
            renameSync(other, path);
            renameSync(`${path}.old`, other);
            break;
          case 'wait':
            settled(path);
            break;
          case 'newProcess':
            files.save();
            files = filesIn(at);
        }
        for (const name of [path, other, hard]) look(name);
      }
      files.save();
    }),
    { numRuns: 150 },
  );
});

t.test('a digest that is remembered is not read again; the racy are', async (t) => {
  const folder = t.testdir({ a: 'old' });
  const path = join(folder, 'a');
  settled(path);
  const files = filesIn(folder);
  const digest = (of = files): string => atOnceInPlace(of.digest(path));
  files.keep();
  t.equal(digest(), `f${sha256('old')}`);
  files.save();
  // Whoever can write what is remembered is believed: so it is seen whether it is used.
  const saved = readSealed('digests', join(folder, '.digests')) as { text: string };
  writeFileSync(join(folder, '.digests'), seal('digests', saved.text.replace(sha256('old'), '0'.repeat(64))));
  t.equal(digest(filesIn(folder)), `f${'0'.repeat(64)}`, 'it was remembered');
  writeFileSync(join(folder, '.digests'), saved.text);
  t.equal(digest(filesIn(folder)), `f${sha256('old')}`, 'what is damaged is read anew');

  writeFileSync(path, 'new');
  const fresh = filesIn(folder);
  fresh.keep();
  t.equal(digest(fresh), `f${sha256('new')}`);
  fresh.save();
  const again = readSealed('digests', join(folder, '.digests'));
  t.notMatch(JSON.stringify(again), sha256('new'), 'written in this tick: not remembered');
});

const uptime = '/proc/uptime';
const noProc = existsSync(uptime) ? false : lacking('there is no /proc here');

t.test('a file that tells no size, as those of /proc, is read each time', { skip: noProc }, async (t) => {
  const files = filesIn(t.testdir());
  const first = atOnceInPlace(files.digest(uptime));
  const text = readFileSync(uptime, 'utf8');
  while (readFileSync(uptime, 'utf8') === text);
  t.not(atOnceInPlace(files.digest(uptime)), first);
});

t.test('times without fractions of seconds are not trusted for two seconds', async (t) => {
  const folder = t.testdir({ a: 'a' });
  const path = join(folder, 'a');
  const files = filesIn(folder);
  // As it is where a file system has no more: both times are whole seconds.
  const now = Math.floor(Date.now() / 1000);
  const real = statSync(path, { bigint: true });
  const coarse = {
    ...real,
    isFile: () => true,
    mtimeNs: BigInt(now) * 1_000_000_000n,
    ctimeNs: BigInt(now) * 1_000_000_000n,
  };
  const { isSettled } = await import('../../lib/store/files.ts');
  t.equal(isSettled(coarse as never, now * 1000 + 1500), false);
  t.equal(isSettled(coarse as never, now * 1000 + 2200), true);
  t.equal(isSettled({ ...coarse, ctimeNs: coarse.ctimeNs + 1_000_000n } as never, now * 1000 + 500), true);
  t.equal(isSettled({ ...coarse, ctimeNs: coarse.ctimeNs + 1_000_000n } as never, now * 1000 + 15), false);
  t.equal(isSettled({ ...coarse, mtimeNs: coarse.mtimeNs + 3_600_000_000_001n } as never, now * 1000 + 9999), false);
  t.equal(atOnceInPlace(files.digest(path)), `f${sha256('a')}`);
});

t.test('a large file is read beside everything else, once for all who ask', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'large');
  const bytes = Buffer.alloc(200 * 1024 * 1024, 'x');
  writeFileSync(path, bytes);
  const files = filesIn(folder);
  let turns = 0;
  let over = false;
  const watch = (): void => {
    turns++;
    if (!over) setImmediate(watch);
  };
  watch();
  const before = process.resourceUsage().fsRead;
  const digests = await Promise.all(Array.from({ length: 10 }, () => atOnce(files.digest(path))));
  over = true;
  t.ok(process.resourceUsage().fsRead - before < 2 * (bytes.length / 512));
  t.same([...new Set(digests)], [`f${createHash('sha256').update(bytes).digest('hex')}`]);
  t.ok(turns > 50, `${turns} turns meanwhile`);
  t.equal(atOnceInPlace(files.digest(path)), digests[0], 'it is remembered');
});

t.test('a large file in place, and one that is gone before it is read', async (t) => {
  const folder = t.testdir({ large: 'x'.repeat(3_000_000) });
  const path = join(folder, 'large');
  const files = filesIn(folder);
  t.equal(atOnceInPlace(files.digest(path, { inPlace: true })), `f${sha256('x'.repeat(3_000_000))}`);
  writeFileSync(path, 'y'.repeat(3_000_000));
  const reading = atOnce(files.digest(path));
  rmSync(path);
  await t.rejects(reading, { code: 'ENOENT' });
  t.equal(atOnceInPlace(files.digest(path)), MISSING);
});

t.test('what is remembered is written down by itself', async (t) => {
  const folder = t.testdir({ a: 'a' });
  settled(join(folder, 'a'));
  const url = (name: string): string => JSON.stringify(new URL(`../../lib/store/${name}.ts`, import.meta.url).href);
  const code = `
    const { Files } = await import(${url('files')});
    const { atOnceInPlace } = await import(${url('paced')});
    const files = new Files('.digests', '.aside');
    files.keep();
    atOnceInPlace(files.digest(process.cwd() + '/a'));`;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const { status, stderr } = spawnSync(process.execPath, ['--import', loader, '--input-type=module', '-e', code], {
    cwd: folder,
    encoding: 'utf8',
  });
  t.equal(status, 0, stderr);
  t.match(readSealed('digests', join(folder, '.digests')), { text: new RegExp(sha256('a')) });
});

t.test('a large file whose times lie ahead is not waited for', async (t) => {
  const folder = t.testdir({ large: 'x'.repeat(300_000) });
  const path = join(folder, 'large');
  utimesSync(path, new Date(), new Date(Date.now() + 3_600_000));
  t.equal(await atOnce(filesIn(folder).digest(path)), `f${sha256('x'.repeat(300_000))}`);
});
