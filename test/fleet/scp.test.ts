import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { scp, type CopyProgress } from '../../lib/fleet/scp.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { host } from '../../lib/ssh/host.ts';
import '../support.ts';
import { relay, sshdMissing, startRig, type Rig } from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';

const skip = sshdMissing() ?? false;
/** Small file systems are root's to make, where that is allowed. */
const full = canMount() ? false : 'file systems can not be mounted here';
const text = (...parts: string[]): string => fs.readFileSync(join(...parts), 'utf8');
const mode = (...parts: string[]): number => fs.statSync(join(...parts)).mode & 0o7777;

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => scp([], 'h:f'), /scp: there is nothing to be copied/],
    [() => scp('', 'h:f'), /scp: from: the path is empty/],
    [
      () => scp(['a', 5 as never], 'h:f'),
      /scp: source 2: expected a path, 'host:path' or host.path\(…\), got the number 5/,
    ],
    [() => scp('f', 'scp://h:x/f'), /is not of the form scp:\/\/user@host:port\/path/],
    [() => scp('f', 'h:f', { preserve: 'times' as never }), /scp: preserve is true, 'mode' or false/],
    [() => scp('f', 'h:f', { recursiv: true } as never), /scp: unknown option recursiv/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

t.test('scp', { skip }, async (t) => {
  const rig: Rig = await startRig({ hosts: [{}, {}, { config: ['ForceCommand internal-sftp'] }] });
  t.teardown(() => rig.stop());
  const [h1, h2] = rig.hosts.map(({ home }) => home) as [string, string];
  const config = { config: rig.config };
  const here = join(rig.folder, 'here');
  fs.mkdirSync(here);
  const big = randomBytes(5_000_123);
  const left = () =>
    [h1, h2, here].flatMap((folder) =>
      fs.readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('.sluice-')),
    );
  t.afterEach(() => t.same(left(), [], 'no hidden files are left'));

  t.test('files of all names, up, down and across', async (t) => {
    const names = [
      'plain',
      'a b',
      "it's",
      'new\nline',
      'ends\n',
      '-rf',
      '$(x)`y`\\',
      '☃ é',
      '*',
      'a[1]',
      ' ',
      'a:b',
      'empty',
    ];
    await runCommandGens([
      (function* () {
        for (const name of names) {
          const content = name === 'empty' ? '' : `in ${name}`;
          fs.writeFileSync(join(here, name), content);
          const up = yield* scp(join(here, name), host({ name: 'h1' }).path(name), config);
          t.match(up, { files: 1, bytes: Buffer.byteLength(content) });
          yield* scp(host({ name: 'h1' }).path(name), host({ name: 'h2' }).path(name), config);
          yield* scp(host({ name: 'h2' }).path(name), join(here, 'back'), config);
          t.equal(text(here, 'back'), content, JSON.stringify(name));
          t.equal(text(h1, name) + text(h2, name), content + content);
        }
        fs.mkdirSync(join(here, 'several'));
        t.match(
          yield* scp(
            names.map((name) => host({ name: 'h1' }).path(name)),
            join(here, 'several'),
            config,
          ),
          { files: names.length },
        );
        t.equal(text(here, 'several/new\nline'), 'in new\nline');
      })(),
    ]);
  });

  t.test('5 MB, both ways and across, with progress', async (t) => {
    fs.writeFileSync(join(here, 'big'), big);
    const items: CopyProgress[] = [];
    const onEvent = (event: Event) => event.type === 'item' && items.push(event.item as CopyProgress);
    const [up] = await runCommandGens([scp(join(here, 'big'), 'h1:big', config)], { onEvent });
    t.match(up, { files: 1, bytes: big.length });
    t.match(items.at(-1), { file: join(here, 'big'), bytes: big.length, total: big.length });
    t.ok(fs.readFileSync(join(h1, 'big')).equals(big));
    await scp('h1:big', 'h2:', config).run();
    await scp('h2:big', join(here, 'big2'), config).run();
    t.ok(fs.readFileSync(join(here, 'big2')).equals(big));
  });

  t.test('modes and times', async (t) => {
    for (const [name, content] of [
      ['little', Buffer.from('x')],
      ['large', big],
    ] as const) {
      const path = join(here, name);
      fs.writeFileSync(path, content);
      fs.chmodSync(path, 0o4751);
      fs.utimesSync(path, 1_000_000_001, 1_000_000_002);
      await scp(path, 'h1:', config).run();
      t.equal(mode(h1, name), 0o751);
      t.not(fs.statSync(join(h1, name)).mtimeMs, 1_000_000_002_000);
      await scp(path, `h1:${name}`, { ...config, preserve: true }).run();
      t.equal(mode(h1, name), 0o4751);
      t.equal(fs.statSync(join(h1, name)).mtimeMs, 1_000_000_002_000);
      await scp(`h1:${name}`, join(here, `${name}2`), { ...config, preserve: true }).run();
      t.equal(mode(here, `${name}2`), 0o4751);
      t.equal(fs.statSync(join(here, `${name}2`)).mtimeMs, 1_000_000_002_000);
      await scp(path, `h1:${name}3`, { ...config, preserve: false }).run();
      t.equal(mode(h1, `${name}3`), 0o666 & ~process.umask());
      fs.chmodSync(join(h1, `${name}3`), 0o604);
      await scp(path, `h1:${name}3`, { ...config, preserve: false }).run();
      t.equal(mode(h1, `${name}3`), 0o604, 'what is replaced keeps it');
      // SFTP knows no time before 1970.
      fs.utimesSync(path, new Date(-1e12), new Date(-1e12));
      const early = name === 'large' ? 0 : -1e12;
      await scp(path, `h1:${name}`, { ...config, preserve: true }).run();
      t.equal(fs.statSync(join(h1, name)).mtimeMs, early);
      await scp(`h1:${name}`, join(here, `${name}2`), { ...config, preserve: true }).run();
      t.equal(fs.statSync(join(here, `${name}2`)).mtimeMs, early);
    }
  });

  t.test('folders', async (t) => {
    fs.mkdirSync(join(here, 'tree/in/empty'), { recursive: true });
    for (let i = 0; i < 60; i++) fs.writeFileSync(join(here, 'tree/in', `f ${i}\n`), `${i}`);
    fs.writeFileSync(join(here, 'tree/.hidden'), 'h');
    fs.symlinkSync('in/f 1\n', join(here, 'tree/link'));
    fs.chmodSync(join(here, 'tree/in'), 0o500);
    const recursive = { ...config, recursive: true };
    await t.rejects(scp(join(here, 'tree'), 'h1:', config).run(), {
      name: 'RunError',
      reason: { type: 'file', path: join(here, 'tree') },
      message: /it is a folder; pass { recursive: true }/,
    });
    t.match(await scp(join(here, 'tree'), 'h1:new', recursive).run(), { files: 62 }, 'as the target');
    t.equal(text(h1, 'new/in/f 7\n') + text(h1, 'new/.hidden') + text(h1, 'new/link'), '7h1');
    t.equal(mode(h1, 'new/in'), 0o500);
    t.ok(fs.statSync(join(h1, 'new/in/empty')).isDirectory());
    await scp('h1:new/', 'h2:new', recursive).run();
    await scp('h2:new', here, recursive).run();
    t.equal(text(here, 'new/in/f 59\n'), '59', 'into one that is there, under its name');
    await scp('h2:new/.', here, recursive).run();
    t.equal(text(here, '.hidden'), 'h', 'what is in it');
    await t.rejects(scp('h2:new', here, config).run(), {
      name: 'RunError',
      reason: { type: 'exit' },
      message: /it is a folder/,
    });
    fs.symlinkSync('..', join(here, 'tree/loop'));
    await t.rejects(scp(join(here, 'tree'), 'h1:loop', recursive).run(), { message: /it leads back/ });
    fs.chmodSync(join(here, 'tree/in'), 0o700);
    fs.rmSync(join(here, 'tree/loop'));
  });

  t.test('wildcards of a typed path, and the home', async (t) => {
    fs.mkdirSync(join(h1, 'logs'));
    for (const name of ['a.log', 'b.log', 'c.txt', '.d.log', 'x*.log']) fs.writeFileSync(join(h1, 'logs', name), name);
    const into = join(here, 'logs');
    fs.mkdirSync(into);
    const got = () => fs.readdirSync(into).sort();
    await scp('h1:lo?s/[!c]*.log', into, config).run();
    t.same(got(), ['a.log', 'b.log', 'x*.log']);
    await scp('h1:logs/x\\*.log', join(into, 'one'), config).run();
    t.same(text(into, 'one'), 'x*.log');
    await t.rejects(scp('h1:logs/*.none', into, config).run(), { message: /h1:logs\/\*\.none: no such file/ });
    await t.rejects(scp(host({ name: 'h1' }).path('logs/*.log'), into, config).run(), { message: /no such file/ });
    await t.rejects(scp('h1:logs/*.log', join(here, 'none'), config).run(), {
      reason: { type: 'file' },
      message: /no such folder/,
    } as never);
    await scp('h1:~/logs/c.txt', join(here, 'c'), config).run();
    t.equal(text(here, 'c'), 'c.txt');
  });

  t.test('a host without a shell', async (t) => {
    fs.writeFileSync(join(here, 's'), 'small');
    const place = join(here, 'by-sftp');
    t.match(await scp(join(here, 's'), `h3:${place}`, config).run(), { files: 1, bytes: 5 });
    t.equal(text(place), 'small');
    await scp(`h3:${place}`, join(here, 'by-sftp2'), config).run();
    t.equal(text(here, 'by-sftp2'), 'small');
  });

  t.test('what fails', async (t) => {
    fs.writeFileSync(join(here, 'f'), 'f');
    const { accepted } = await counted(rig);
    const before = accepted();
    const file = (path: string) => ({ name: 'RunError', reason: { type: 'file', path } });
    await t.rejects(scp(join(here, 'none'), 'counted:f', config).run(), file(join(here, 'none')));
    await t.rejects(scp([join(here, 'f'), '/dev/null'], 'counted:', config).run(), file('/dev/null'));
    await t.rejects(scp('counted:f', join(here, 'none/f'), config).run(), file(join(here, 'none/f')));
    await t.rejects(scp(['counted:f', 'counted:g'], join(here, 'f'), config).run(), file(join(here, 'f')));
    t.equal(accepted(), before, 'nothing was connected');
    const exit = (message: RegExp) => ({ name: 'RunError', reason: { type: 'exit', exitCode: 1 }, message });
    await t.rejects(scp('h1:none', here, config).run(), exit(/h1:none: no such file/));
    await t.rejects(scp(join(here, 'f'), 'h1:none/f', config).run(), exit(/h1:none\/f: none\/: no such folder/));
    await t.rejects(scp(join(here, 'big'), 'h1:none/f', config).run(), exit(/h1:none\/f: No such file or directory/));
    await t.rejects(
      scp([join(here, 'f'), join(here, 'big')], 'h1:none', config).run(),
      exit(/no such folder, for several/),
    );
    await t.rejects(
      scp([join(here, 'f'), join(here, 'f')], 'h1:', config).run(),
      exit(/both .*f and .*f would be copied there/),
    );
    for (const name of ['f', 'big']) {
      await t.rejects(scp(join(here, name), 'h1:/proc/f', config).run(), exit(/h1:\/proc\/f: /));
      await t.rejects(scp(join(here, name), 'h1:/dev/null', config).run(), exit(/it is no regular file/));
    }
    await t.rejects(scp('h1:none', '/proc/f', config).run(), exit(/no such file/));
    await t.rejects(scp('h1:big', '/proc/f', config).run(), file('/proc/f'));
    await t.rejects(scp('h1:~nobody-here/f', here, config).run(), exit(/h1:~nobody-here: No such file/));
    const client = { ...config, transport: 'client' as const };
    await t.rejects(scp(join(here, 'f'), 'h1:/proc/f', client).run(), exit(/h1:\/proc\/f: it could not be written/));
    fs.writeFileSync(Buffer.concat([Buffer.from(join(here, 'tree/in/')), Buffer.from([0x66, 0xff])]), '');
    await t.rejects(scp(join(here, 'tree'), 'h1:no-utf8', { ...config, recursive: true }).run(), {
      reason: { type: 'file', path: join(here, 'tree/in') },
      message: /the name "f\u00ff" is no UTF-8/,
    });
  });

  t.test(
    'a full disk, there and here: what was there stays, and the error names the file',
    { skip: full },
    async (t) => {
      fs.writeFileSync(join(here, 'some'), Buffer.alloc(600_000, 1));
      for (const [folder, from, to, reason] of [
        [join(h1, 'full'), join(here, 'some'), 'h1:full/f', { type: 'exit', exitCode: 1 }],
        [join(here, 'full'), join(here, 'some'), join(here, 'full/f'), undefined],
        [join(here, 'full'), `h1:${join(here, 'some')}`, join(here, 'full/f'), undefined],
      ] as const) {
        fs.mkdirSync(folder, { recursive: true });
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'none', folder]);
        try {
          fs.writeFileSync(join(folder, 'f'), 'precious');
          const path = join(folder, 'f');
          await t.rejects(scp(from, to, config).run(), {
            reason: reason ?? { type: 'file', path },
            message: reason === undefined ? /full\/f \(no space left on device\)/ : /h1:full\/f: Failure/,
          });
          t.equal(text(path), 'precious');
          await until('nothing is left', () => fs.readdirSync(folder).length === 1);
        } finally {
          execFileSync('umount', [folder]);
        }
      }
    },
  );

  for (const way of ['up', 'down', 'across'] as const) {
    t.test(`killed and cut half-way ${way}`, async (t) => {
      const slow = await relay(rig, rig.hosts[0]!, { name: `slow-${way}`, delay: 15 });
      fs.writeFileSync(join(here, 'huge'), Buffer.alloc(20_000_000, 'x'));
      fs.writeFileSync(join(h1, 'huge'), Buffer.alloc(20_000_000, 'x'));
      const [from, to, path] = {
        up: [join(here, 'huge'), `${slow.name}:cut`, join(h1, 'cut')],
        down: [`${slow.name}:huge`, join(here, 'cut'), join(here, 'cut')],
        across: [`${slow.name}:huge`, `h2:cut`, join(h2, 'cut')],
      }[way] as [string, string, string];
      const begin = async () => {
        const loop = runCommandGens([scp(from, to, config)], { failFast: true });
        loop.catch(() => {});
        await until('it has begun', () => left().length === 1);
        return { loop };
      };
      const { loop: killed } = await begin();
      killed
        .list()
        .find(({ spec }) => spec.type === 'scp')!
        .kill('me');
      await t.rejects(killed);
      t.same(left(), [], 'removed at once');
      const { loop: ended } = await begin();
      ended.kill('me');
      await t.rejects(ended, { name: 'RunError', reason: { type: 'killed', by: 'me' } });
      await until('nothing is left', () => left().length === 0);
      const { loop: cut } = await begin();
      slow.drop();
      const { errors } = (await cut.then(
        () => ({}),
        (error: unknown) => error,
      )) as AggregateError;
      t.match(errors, [{ name: 'RunError', reason: { type: 'connection', phase: 'lost', sent: 'maybe' } }]);
      await until('nothing is left', () => left().length === 0);
      t.notOk(fs.existsSync(path));
    });
  }
});

/** A host of which is known how often it was connected to. */
async function counted(rig: Rig) {
  const one = await relay(rig, rig.hosts[0]!, { name: 'counted' });
  return { accepted: () => one.accepted };
}

function canMount(): boolean {
  const folder = fs.mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'none', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    fs.rmdirSync(folder);
  }
}
