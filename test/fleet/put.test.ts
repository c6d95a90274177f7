import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { put } from '../../lib/fleet/put.ts';
import { get } from '../../lib/fleet/get.ts';
import { isRunError, runCommandGens } from '../../lib/kernel/index.ts';
import '../support.ts';
import { refuses, relay, rigMissing, sshdMissing, startRig, type Rig } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';

const skip = rigMissing() ?? false;
const noSshd = sshdMissing() ?? false;

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => put('h', 5 as never, 'f'), /put: the content is a string or bytes, not the number 5/],
    [() => put('h', '', ''), /put: the path is the string ""/],
    [() => put('h', '', 'a\0b'), /put: the path has a NUL/],
    [() => put('h', '', 'f', { mode: 0o10000 }), /put: mode is a number like 0o644/],
    [() => put('h', '', 'f', { mod: 1 } as never), /put: unknown option mod/],
    [() => put('-h', '', 'f'), /is no name/],
    [() => get('h', ''), /get: the path is the string ""/],
    [() => get('h', 'f', { encoding: 'latin1' as never }), /get: encoding is 'utf8' or 'buffer', not "latin1"/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

t.test('put', { skip }, async (t) => {
  const rig: Rig = await startRig({
    hosts: [{}, ...(noSshd === false ? [{ config: ['ForceCommand internal-sftp'] }] : [])],
  });
  t.teardown(() => rig.stop());
  const { home } = rig.hosts[0]!;
  const config = { config: rig.config };
  const left = () => readdirSync(home, { recursive: true }).filter((name) => String(name).includes('.sluice-'));

  t.test('content under all sorts of names', async (t) => {
    const names = [
      'plain',
      'a b',
      "it's",
      '"quoted"',
      'new\nline',
      'ends\n',
      '-rf',
      '$(x)`y`\\',
      '☃ é',
      '*',
      '~',
      ' ',
      '!a',
      '=',
      'a=b',
    ];
    await runCommandGens([
      (function* () {
        for (const name of names) {
          yield* put('h1', `in ${name}`, name, config);
          t.equal(yield* get('h1', name, config), `in ${name}`, name);
          t.equal(readFileSync(join(home, name), 'utf8'), `in ${name}`);
        }
        mkdirSync(join(home, '-d\n'));
        yield* put('h1', 'x', '-d\n/-f', config);
        yield* put('h1', 'y', join(home, 'absolute'), config);
        t.equal(readFileSync(join(home, '-d\n/-f'), 'utf8') + readFileSync(join(home, 'absolute'), 'utf8'), 'xy');
      })(),
    ]);
    t.same(left(), []);
  });

  t.test('any bytes, there and back', async (t) => {
    await runCommandGens([
      (async function* () {
        const run = async (bytes: Uint8Array) => {
          await put('h1', bytes, 'any', config).run();
          t.ok((await get('h1', 'any', { ...config, encoding: 'buffer' }).run()).equals(bytes));
        };
        await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), run), { numRuns: 20 });
        await run(new Uint8Array(0));
        await run(randomBytes(5_000_000));
      })(),
    ]);
  });

  t.test('what is replaced keeps its mode, a link is followed', async (t) => {
    const path = join(home, 'old');
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    symlinkSync('old', join(home, 'link'));
    await put('h1', 'new', 'link', config).run();
    t.equal(readFileSync(path, 'utf8'), 'new');
    t.ok(lstatSync(join(home, 'link')).isSymbolicLink());
    t.equal(statSync(path).mode & 0o7777, 0o640);
    await put('h1', 'new', 'old', { ...config, mode: 0o4711 }).run();
    t.equal(statSync(path).mode & 0o7777, 0o4711);
    await put('h1', 'new', 'fresh', config).run();
    t.equal(statSync(join(home, 'fresh')).mode & 0o777, 0o666 & ~process.umask());
    await put('h1', 'new', 'secret', { ...config, mode: 0o600 }).run();
    t.equal(statSync(join(home, 'secret')).mode & 0o777, 0o600);
  });

  t.test('what fails says why and leaves nothing', async (t) => {
    mkdirSync(join(home, 'folder'));
    const cases: [string, RegExp][] = [
      ['folder', /put h1:folder: failed with exit code 1 \(h1:folder: it is a folder\)/],
      ['none/f', /h1:none\/f: none\/: no such folder/],
      ['fresh/f', /h1:fresh\/f: fresh\/: no such folder/],
      ['none/', /no such folder/],
      ['/dev/null', /it is no regular file/],
      ['/proc/f', /could not be written/],
    ];
    for (const [path, message] of cases)
      await t.rejects(put('h1', 'x', path, config).run(), {
        name: 'RunError',
        message,
        reason: { type: 'exit', exitCode: 1 },
      });
    await t.rejects(get('h1', 'none', config).run(), { reason: { type: 'exit' }, message: /none/ });
    await t.rejects(get('h1', 'folder', config).run(), { reason: { type: 'exit' }, message: /folder: it is a folder/ });
    t.same(left(), []);
  });

  t.test('a host without a shell', { skip: noSshd }, async (t) => {
    await t.rejects(put('h2', 'x', 'f', config).run(), { message: /the host runs no shell for us/ });
  });

  t.test('no connection', async (t) => {
    const none = refuses(rig);
    await t.rejects(put(none.name, 'x', 'f', config).run(), {
      name: 'RunError',
      reason: { type: 'connection', phase: 'connect', sent: 'no' },
    });
  });

  t.test('cut half-way', async (t) => {
    // Nothing is read by the host while its window is full, and little passes before it is cut.
    const cutting = await relay(rig, rig.hosts[0]!, { delay: 20 });
    await runCommandGens([
      (async function* () {
        await put(cutting.name, 'whole', 'cut', config).run();
        const from = cutting.bytes.toHost;
        const putting = put(cutting.name, randomBytes(20_000_000), 'cut', config).run();
        const some = () => cutting.bytes.toHost > from + 500_000 && left().length === 1;
        await until('some has passed, under another name', some);
        cutting.drop();
        const error = await putting.catch((error: unknown) => error);
        t.ok(isRunError(error, 'connection') && error.reason.phase === 'lost' && error.reason.sent === 'maybe');
        await until('nothing is left', () => left().length === 0);
        t.equal(readFileSync(join(home, 'cut'), 'utf8'), 'whole');
      })(),
    ]);
  });

  t.test('killed half-way', async (t) => {
    const slow = await relay(rig, rig.hosts[0]!, { name: 'slow', delay: 20 });
    const loop = runCommandGens([put(slow.name, randomBytes(20_000_000), 'killed', config)]);
    loop.catch(() => {});
    await until('it has begun', () => left().length === 1);
    loop.kill('me');
    await t.rejects(loop, { name: 'RunError', reason: { type: 'killed', by: 'me' } });
    await until('nothing is left', () => left().length === 0);
    t.notOk(readdirSync(home).includes('killed'));
  });
});
