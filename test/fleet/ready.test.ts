import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import '../support.ts';
import { within } from '../../lib/compose/within.ts';
import { all } from '../../lib/compose/all.ts';
import { ready, type ReadyOptions } from '../../lib/fleet/ready.ts';
import { via } from '../../lib/fleet/via.ts';
import { runCommandGens, type Clock, type Event } from '../../lib/kernel/index.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { Record } from '../../lib/testing/record.ts';
import { like, settleDown } from '../support.ts';
import * as rigs from '../ssh/rig/rig.ts';
import { until } from '../ssh/rig/procs.ts';
import { wrappedSsh } from '../ssh/rig/wrappedSsh.ts';

const skip = rigs.sshdMissing() ?? false;

/** Whatever of the loop keeps Node alive has gone, or soon goes. */
function nothingMore(before: readonly string[]): Promise<void> {
  const count = (kinds: readonly string[]): number => kinds.filter((kind) => kind !== 'Immediate').length;
  return until('nothing is left', () => count(process.getActiveResourcesInfo()) <= count(before));
}

async function rigOf(t: Test, options: rigs.RigOptions = {}): Promise<rigs.Rig> {
  const rig = await rigs.startRig(options);
  t.teardown(() => rig.stop());
  return rig;
}

const failed = (phase: string): Error => like({ reason: { type: 'connection', phase, sent: 'no' } });

t.test('a host that is up, with what comes next on the same connection', { skip }, async (t) => {
  const rig = await rigOf(t);
  const host = rig.hosts[0]!;
  await runCommandGens([
    function* () {
      yield* ready('h1', { config: rig.config });
      yield* ready('h1', { config: rig.config });
    },
  ]);
  t.equal(host.log().match(/Accepted publickey/g)?.length, 1);
});

t.test('a host that boots late', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ down: true }] });
  const record = new Record();
  let told = false;
  record.heard = (event) => (told ||= event.type === 'note' && event.text.includes('refused'));
  const before = process.getActiveResourcesInfo();
  const up = ready('h1', { config: rig.config, within: '1m' }).run({ onEvent: record.see });
  await until('it was refused', () => told);
  await rig.hosts[0]!.boot();
  await up;
  const notes = record.events.filter((event) => event.type === 'note').map((event) => (event as { text: string }).text);
  t.ok(notes.length > 0);
  t.same(notes, [...new Set(notes)], 'a reason is told once');
  record.wellFormed();
  await nothingMore(before);
});

t.test('the deadline names the last reason', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ name: 'closed', config: ['ForceCommand echo no shells today; exit 1'] }] });
  rigs.refuses(rig);
  await Promise.all([rigs.silent(rig), rigs.hangsUp(rig), rigs.stalls(rig)]);
  const { config } = rig;
  const before = process.getActiveResourcesInfo();
  const late = [
    ['refuses', 500, /^ready refuses: timed out after 500 ms \(the last reason: .*: connection refused\)$/],
    ['silent', 500, /timed out/],
    ['hangsUp', 6000, /closed|reset/],
    ['closed', 2000, /\(the last reason: logged in, but no command can be run: no shells today\)/],
    ['stalls', 6000, /an sshd answers, logging in/],
  ] as const;
  await Promise.all(
    late.map(async ([name, within, message]) => {
      const error = like({ reason: { type: 'timeout', ms: within }, message });
      await t.rejects(ready(name, { config, within }).run(), error, name);
    }),
  );
  await nothingMore(before);
});

t.test('a clock that is told to go on', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: 0 });
  rigs.refuses(rig);
  await rigs.silent(rig);
  const clock = fakeClock();
  const refused: unknown[] = [];
  const both = ['refuses', 'silent'].map((name) =>
    ready(name, { config: rig.config, within: '1h' })
      .run({ clock })
      .catch((error: unknown) => refused.push(error)),
  );
  let over = false;
  void Promise.all(both).then(() => (over = true));
  while (!over) await clock.advance('10m');
  t.match(refused, [{ reason: { type: 'timeout', ms: 3_600_000 } }, { reason: { type: 'timeout' } }]);
  t.equal(clock.pending, 0);
});

t.test('what no waiting helps ends it at once', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ known: 'other' }, { known: 'none' }] });
  const { config } = rig;
  await t.rejects(ready('h1', { config }).run(), failed('host key'));
  await t.rejects(ready('h2', { config }).run(), failed('host key'));
  rig.entry({ name: 'unknown', address: 'no-such-host.invalid', port: 22 });
  await t.rejects(ready('unknown', { config }).run(), failed('resolve'));
  writeFileSync(`${config}.bad`, 'NoSuchOption yes\n');
  const error: unknown = await ready('h1', { config: `${config}.bad` })
    .run()
    .catch((error: unknown) => error);
  t.match(error, { reason: { type: 'connection', phase: 'session' }, message: /nosuchoption/i });
});

t.test('a key that is refused is tried again within bootWindow', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ identity: 'other' }] });
  const { config } = rig;
  await t.rejects(ready('h1', { config, bootWindow: 0 }).run(), failed('auth'));

  const clock = fakeClock();
  const waits: number[] = [];
  const now = (): number => clock.now();
  const after: Clock['after'] = (ms, then) => {
    waits.push(ms);
    return clock.after(ms, then);
  };
  let tries = 0;
  // What ssh says of each.
  const onEvent = (event: Event): void => {
    if (event.type === 'note' && /^ssh h1: .*Permission denied/.test(event.text)) tries++;
  };
  const loop = ready('h1', { config, bootWindow: '20s', within: '5m' }).run({ clock: { now, after }, onEvent });
  const ended = t.rejects(loop, failed('auth'));
  for (const [index, wait] of [2000, 4000, 8000, 6000].entries()) {
    await until(`it waits for ${wait} ms`, () => waits.includes(wait));
    await clock.advance(wait - 1);
    t.equal(tries, index + 1, `not before ${wait} ms`);
    await clock.advance(1);
  }
  await ended;
  t.equal(tries, 5);
  t.equal(clock.pending, 0);
});

t.test('a key that comes later', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ identity: 'other' }] });
  const record = new Record();
  record.heard = (event) => {
    if (event.type !== 'note' || !event.text.startsWith('auth:')) return;
    appendFileSync(rig.authorizedKeys, publicKeyOf(readFileSync(rig.otherIdentity, 'utf8')));
  };
  await ready('h1', { config: rig.config }).run({ onEvent: record.see });
  t.match(rig.hosts[0]!.log(), 'Accepted publickey');
});

/** Out of an OpenSSH private key, which begins with it. */
function publicKeyOf(pem: string): string {
  const bytes = Buffer.from(pem.replace(/-----.*-----|\n/g, ''), 'base64');
  const at = bytes.indexOf(Buffer.from('\0\0\0\x0bssh-ed25519', 'latin1'));
  return `ssh-ed25519 ${bytes.subarray(at, at + 51).toString('base64')}\n`;
}

t.test('through a jump, in both ways, and within another host', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{}, { ssh: ['ProxyJump h1'] }, {}] });
  const { config } = rig;
  await ready('h2', { config, within: '20s' }).run();
  await ready('h3', { config, jump: 'h1', within: '20s' }).run();
  await within({ via: via.ssh('h1', { config }) }, ready('h3', { config, within: '20s' })).run();
  t.match(rig.hosts[2]!.log(), /Accepted publickey for \S+ from 127\.0\.0\.1 [^]*Accepted publickey/);
});

t.test('no more than a login where the host is up', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ config: ['LogLevel VERBOSE'] }, { ssh: ['ProxyJump h1'] }] });
  const [one] = rig.hosts;
  const before = connectionsOf(one!);
  const started = await wrappedSsh(rig, {}, () =>
    // However slow this machine is, no time goes by.
    ready('h1', { config: rig.config }).run({ clock: fakeClock() }),
  );
  t.equal(connectionsOf(one!), before + 1);
  t.same(
    started.map((words) => words.split(' ')[0]),
    // The entry of the other host in the configuration has a ProxyJump: so ssh is asked whether this one has.
    ['-G', '-M'],
  );
});

t.test('behind a jump it is looked at through the connection there', { skip }, async (t) => {
  for (const how of ['jump', 'ProxyJump', 'within'] as const) {
    const ssh = how === 'ProxyJump' ? ['ProxyJump h1'] : [];
    const rig = await rigOf(t, { hosts: [{}, { down: true, ssh }] });
    const { config } = rig;
    const refused = /port \d+ from h1: connection refused$/;
    let told = false;
    const onEvent = (event: Event): void => void (told ||= event.type === 'note' && refused.test(event.text));
    const started = await wrappedSsh(rig, {}, async () => {
      const one = ready('h2', { config, within: '20s', ...(how === 'jump' && { jump: 'h1' }) });
      const up = (how === 'within' ? within({ via: via.ssh('h1', { config }) }, one) : one).run({ onEvent });
      await until('it was refused', () => told);
      const misses = (): number => rig.hosts[0]!.log().match(/failed\.$/gm)?.length ?? 0;
      await until('it was looked at often', () => misses() > 5);
      await rig.hosts[1]!.boot();
      await up;
    });
    const logins = started.filter((words) => words.startsWith('-M'));
    t.equal(logins.length, 3, `${how}: to the jump, in vain, and at the banner`);
    t.equal(rig.hosts[0]!.log().match(/Accepted publickey/g)?.length, 1);
  }
});

t.test('a machine that drops packets while it boots', { skip }, async (t) => {
  for (const transport of ['mux', 'client'] as const) {
    const rig = await rigOf(t, { hosts: [{ down: true }] });
    const [one] = rig.hosts;
    const dropping = await rigs.drops(rig, one!);
    let told = false;
    const onEvent = (event: Event): void => void (told ||= event.type === 'note' && event.text.endsWith('no answer'));
    const started = await wrappedSsh(rig, {}, async () => {
      const up = ready('h1', { config: rig.config, within: '20s', transport }).run({ onEvent });
      await until('a look has found nothing', () => told);
      await dropping.stop();
      await one!.boot();
      await up;
    });
    t.equal(started.filter((words) => !words.startsWith('-G')).length, 2, `${transport}: that login began anew`);
  }
});

/** How many connections sshd has been told of, where it logs them. */
function connectionsOf(host: rigs.RigHost): number {
  return host.log().match(/^Connection from/gm)?.length ?? 0;
}

t.test('killed while it waits, whatever for', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{ identity: 'other' }] });
  rigs.refuses(rig);
  await Promise.all([rigs.silent(rig), rigs.stalls(rig)]);
  const before = process.getActiveResourcesInfo();
  for (const [name, said] of [
    ['refuses', 'refused'],
    ['silent', undefined],
    ['stalls', 'logging in'],
    ['h1', 'auth:'],
  ] as const) {
    const record = new Record();
    let told = said === undefined;
    record.heard = (event) => (told ||= event.type === 'note' && event.text.includes(said!));
    const loop = runCommandGens([ready(name, { config: rig.config })], { onEvent: record.see });
    await until(`${name} waits`, () => told);
    loop.kill('test');
    await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }), name);
    t.equal(record.types('1').at(-1), 'settle');
  }
  await nothingMore(before);
});

t.test('paused it does nothing more, and its time stands still', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: 0 });
  rigs.refuses(rig);
  const clock = fakeClock();
  let told = false;
  const onEvent = (event: Event): void => void (told ||= event.type === 'note');
  const loop = runCommandGens([ready('refuses', { config: rig.config, within: '10s' })], { clock, onEvent });
  const ended = t.rejects(loop, /timed out/);
  await until('it waits', () => told);
  await settleDown();
  loop.pause();
  await clock.advance('1h');
  t.match(loop.find('1')?.state, { type: 'paused' });
  loop.play();
  await clock.advance('10s');
  await ended;
});

t.test('fifty hosts that boot late cost little', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: Array.from({ length: 50 }, () => ({ down: true })) });
  const refused = new Set<string>();
  const onEvent = (event: Event): void => {
    if (event.type === 'note' && event.text.endsWith('connection refused')) refused.add(event.run);
  };
  const up = all(rig.hosts.map(({ name }) => ready(name, { config: rig.config, within: '2m', kex: 'classical' })));
  const loop = up.run({ onEvent });
  await until('all were refused', () => refused.size === 50, 30_000);
  await Promise.all(rig.hosts.map((host) => host.boot()));
  await loop;
  t.equal(rig.hosts.filter((host) => host.log().includes('Accepted publickey')).length, 50);
});

t.test('what it is, in a dry run too, and what is wrong', async (t) => {
  t.match(ready('me@web', { within: '5m' }), {
    label: 'ready web',
    spec: { type: 'ready', host: 'web', within: 300_000 },
  });
  await ready('nowhere.invalid').run({ dryRun: true });
  t.throws(() => ready('web', { whithin: 1 } as ReadyOptions), /ready: unknown option whithin/);
  t.throws(() => ready('web', { within: 'soon' }), /ready: within: 'soon' is no duration/);
  t.throws(() => ready('web', { bootWindow: -1 }), /ready: bootWindow/);
  t.throws(() => ready('web', { options: { StrictHostKeyChecking: 'no' } }), /host keys are checked always/);
  t.throws(() => ready(''), TypeError);
});
