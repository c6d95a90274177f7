import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import '../support.ts';
import { spawn } from '../../lib/compose/spawn.ts';
import { within } from '../../lib/compose/within.ts';
import { ssh } from '../../lib/fleet/ssh.ts';
import { tunnel, type Listening, type TunnelOptions } from '../../lib/fleet/tunnel.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { promise } from '../../lib/runners/promise.ts';
import { socket, type SocketAddress } from '../../lib/runners/socket.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import { Record } from '../../lib/testing/record.ts';
import { like } from '../support.ts';
import { until } from '../ssh/rig/procs.ts';
import * as rigs from '../ssh/rig/rig.ts';

const skip = rigs.sshdMissing() ?? false;

async function rigOf(t: Test, options: rigs.RigOptions = {}): Promise<rigs.Rig> {
  const rig = await rigs.startRig(options);
  t.teardown(() => rig.stop());
  return rig;
}

/** Sends back what it is sent, and says first where it is. */
async function echo(t: Test, path?: string): Promise<{ port: number; path: string }> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  t.teardown(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: path === undefined ? (server.address() as AddressInfo).port : 0, path: path ?? '' };
}

const at = ({ address, port }: Listening): SocketAddress => (port === 0 ? { path: address } : { host: address, port });

function* said(listening: Listening) {
  return (yield* socket(at(listening), { input: 'hello' })).text;
}

/** Whether somebody listens. */
async function answers(where: Listening): Promise<boolean> {
  const socket = where.port === 0 ? connect(where.address) : connect(where.port, where.address);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

t.test('from here to there, for as long as the body runs', { skip }, async (t) => {
  const { config } = await rigOf(t);
  const { port } = await echo(t);
  const seen: Listening[] = [];
  const body = function* (listening: Listening) {
    seen.push(listening);
    return yield* said(listening);
  };
  const record = new Record();
  for (const remote of [port, `127.0.0.1:${port}`, `localhost:${port}`])
    t.equal(await tunnel('h1', { config, remote }, body).run({ onEvent: record.see }), 'hello');
  for (const listening of seen) {
    t.match(listening, { address: '127.0.0.1', port: Number });
    t.notOk(await answers(listening));
  }
  t.ok(record.events.some((event) => event.type === 'note' && event.text.startsWith('listens at 127.0.0.1:')));
});

t.test('unix sockets, a given port', { skip }, async (t) => {
  const { config } = await rigOf(t);
  const folder = t.testdir();
  const { path } = await echo(t, join(folder, 'a:b'));
  t.equal(await tunnel('h1', { config, remote: path }, said).run(), 'hello');
  const local = within({ cwd: folder }, tunnel('h1', { config, remote: path, local: './it' }, said));
  t.equal(await local.run(), 'hello');
  t.notOk(existsSync(join(folder, 'it')), 'nothing is left');
  const { port } = await echo(t);
  const taken = tunnel('h1', { config, remote: path, local: port }, said).run();
  await t.rejects(taken, like({ reason: { type: 'connection', phase: 'session', sent: 'no' }, message: /forward/i }));
  const free = await tunnel('h1', { config, remote: path }, function* (listening) {
    return listening;
  }).run();
  t.equal(await tunnel('h1', { config, remote: path, local: `127.0.0.1:${free.port}` }, said).run(), 'hello');
});

t.test('from there to here', { skip }, async (t) => {
  const rig = await rigOf(t);
  const { config } = rig;
  const { port } = await echo(t);
  const seen: Listening[] = [];
  const body = function* (listening: Listening) {
    seen.push(listening);
    t.match(listening, { address: 'localhost', port: Number });
    return (yield* socket({ host: '127.0.0.1', port: listening.port }, { input: 'hello' })).text;
  };
  t.equal(await tunnel('h1', { config, local: port, reverse: true }, body).run(), 'hello');
  t.notOk(await answers({ ...seen[0]!, address: '127.0.0.1' }));
  const path = join(rig.hosts[0]!.home, 'there');
  t.equal(await tunnel('h1', { config, local: port, remote: path, reverse: true }, said).run(), 'hello');
  t.notOk(existsSync(path));
});

t.test('the same twice at a time: the first to leave takes it from nobody', { skip }, async (t) => {
  const { config } = await rigOf(t);
  const { port } = await echo(t);
  const both = function* () {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const options = { config, local: port, reverse: true };
    const first = yield* spawn(
      tunnel('h1', options, function* () {
        yield* promise(() => opened);
      }),
    );
    return yield* tunnel('h1', options, function* (listening) {
      open();
      yield* first.join();
      return (yield* socket({ host: '127.0.0.1', port: listening.port }, { input: 'hello' })).text;
    });
  };
  t.same(await runCommandGens([both]), ['hello']);
});

t.test('a SOCKS proxy', { skip }, async (t) => {
  const { config } = await rigOf(t);
  const { port } = await echo(t);
  const text = await tunnel('h1', { config, socks: true }, function* (proxy) {
    return yield* promise(async () => {
      const client = connect(proxy.port, proxy.address);
      client.write(Buffer.from([4, 1, port >> 8, port & 255, 127, 0, 0, 1, 0]));
      const [reply] = (await once(client, 'data')) as [Buffer];
      t.equal(reply[1], 0x5a, 'granted');
      client.write('hello');
      const [answer] = (await once(client, 'data')) as [Buffer];
      client.destroy();
      return String(answer);
    });
  }).run();
  t.equal(text, 'hello');
});

t.test('without a body it is there until it is killed, and says where', { skip }, async (t) => {
  const { config } = await rigOf(t);
  const { port } = await echo(t);
  let listening: Listening | undefined;
  const main = function* () {
    const run = yield* spawn<void, Listening>(tunnel('h1', { config, remote: port }));
    listening = ((yield* run.next()) as { item: Listening }).item;
    return yield* said(listening);
  };
  t.same(await runCommandGens([main]), ['hello']);
  t.notOk(await answers(listening!), 'it ends with its task');
});

t.test('killed, also while it is opened; the body first', { skip }, async (t) => {
  const rig = await rigOf(t);
  const { config } = rig;
  await rigs.stalls(rig);
  const { port } = await echo(t);
  let cleaned = '';
  let listening: Listening | undefined;
  const loop = runCommandGens([
    tunnel('h1', { config, remote: port }, function* (given) {
      try {
        listening = given;
        yield* sleep(Infinity);
      } finally {
        cleaned = 'yes';
      }
    }),
  ]);
  await until('it listens', () => listening !== undefined);
  loop.kill('test');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  t.equal(cleaned, 'yes');
  t.notOk(await answers(listening!));
  const opening = runCommandGens([tunnel('stalls', { config, remote: port })]);
  await until('it connects', () => opening.list().length > 0);
  opening.kill('test');
  await t.rejects(opening, like({ reason: { type: 'killed', by: 'test' } }));
});

t.test('the body fails, the host is out of reach, the connection is lost', { skip }, async (t) => {
  const rig = await rigOf(t);
  rigs.refuses(rig);
  const { config } = rig;
  const { port } = await echo(t);
  const failing = tunnel('h1', { config, remote: port }, function* () {
    throw new Error('the body fails');
  }).run();
  await t.rejects(failing, /the body fails/);
  const away = tunnel('refuses', { config, remote: port }, said).run();
  await t.rejects(away, like({ reason: { type: 'connection', phase: 'connect', sent: 'no' } }));

  let up = false;
  const lost = tunnel('h1', { config, remote: port }, function* () {
    up = true;
    yield* sleep(Infinity);
  }).run();
  const ended = t.rejects(lost, like({ reason: { type: 'connection', phase: 'lost', sent: 'maybe' } }));
  await until('it is up', () => up);
  rig.hosts[0]!.killSessions();
  await ended;
});

t.test('beside commands on the same connection', { skip }, async (t) => {
  const rig = await rigOf(t);
  const { config } = rig;
  const { port } = await echo(t);
  const result = await runCommandGens([
    function* () {
      yield* ssh('h1', 'true', { config });
      return yield* tunnel('h1', { config, remote: port }, function* (listening) {
        const { stdout } = yield* ssh('h1', 'echo beside', { config });
        return [stdout, yield* said(listening)];
      });
    },
  ]);
  t.same(result, [['beside', 'hello']]);
  t.equal(rig.hosts[0]!.log().match(/Accepted publickey/g)?.length, 1);
});

t.test('what it is, in a dry run too, and what is wrong', async (t) => {
  const body = function* (listening: Listening) {
    yield* sleep('1h');
    return listening;
  };
  t.match(tunnel('web', { remote: 'db:5432' }), {
    label: 'tunnel web',
    spec: { type: 'tunnel', host: 'web', remote: 'db:5432' },
  });
  t.same(await tunnel('nowhere.invalid', { local: 8080, remote: 80 }, body).run({ dryRun: true }), {
    address: '127.0.0.1',
    port: 8080,
  });
  await tunnel('nowhere.invalid', { socks: true }).run({ dryRun: true });
  for (const [options, message] of [
    [{}, /give remote, where it leads to/],
    [{ remote: 0 }, /tunnel: remote: 0 is no port \(1 to 65535\)/],
    [{ remote: 65_536 }, /65536 is no port/],
    [{ remote: 'db' }, /remote is a port, 'host:port' or the path/],
    [{ remote: 'db:99999' }, /99999 is no port/],
    [{ remote: './here' }, /is no absolute path/],
    [{ remote: '-oProxyCommand=x:1' }, /remote is a port/],
    [{ reverse: true, remote: 80 }, /give local, where it leads to/],
    [{ socks: true, remote: 80 }, /neither remote nor reverse/],
    [{ socks: true, local: '/a/path' }, /listens at a port, not at a path/],
    [{ remote: 80, transport: 'client' }, /it needs the connection of the transport 'mux'|unknown option transport/],
    [{ remote: 80, revers: true }, /unknown option revers/],
  ] as const)
    t.throws(() => tunnel('web', options as TunnelOptions), message, JSON.stringify(options));
  t.throws(() => tunnel('web', { remote: 80 }, 'x' as never), /the body is a generator function/);
});
