import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import '../support.ts';
import { reboot, type RebootOptions } from '../../lib/fleet/reboot.ts';
import { ssh } from '../../lib/fleet/ssh.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { like } from '../support.ts';
import { until } from '../ssh/rig/procs.ts';
import * as rigs from '../ssh/rig/rig.ts';

const skip = rigs.sshdMissing() ?? false;

/** Whatever of the loop keeps Node alive has gone, or soon goes. */
function nothingMore(before: readonly string[]): Promise<void> {
  const count = (kinds: readonly string[]): number => kinds.filter((kind) => kind !== 'Immediate').length;
  return until('nothing is left', () => count(process.getActiveResourcesInfo()) <= count(before));
}

interface Machine {
  readonly config: string;
  readonly host: rigs.RigHost;
  /** The boot that it says it is in. */
  boot(id: string): void;
  /** The command to reboot has been run. */
  going(): Promise<void>;
}

/** All hosts of the rig share the boot id of this machine, so one that can be rebooted has it in a file. */
async function machine(t: Test): Promise<Machine> {
  const rig = await rigs.startRig();
  t.teardown(() => rig.stop());
  const host = rig.hosts[0]!;
  const boot = (id: string): void => writeFileSync(join(host.home, 'boot'), `${id}\n`);
  boot('one');
  return {
    ...{ config: rig.config, host, boot },
    going: () => until('it is to reboot', () => existsSync(join(host.home, 'going'))),
  };
}

const fake = { bootId: 'cat boot', command: 'touch going' } satisfies RebootOptions;

t.test('waits for another boot, and goes on with it', { skip }, async (t) => {
  const { config, host, boot, going } = await machine(t);
  const before = process.getActiveResourcesInfo();
  const loop = runCommandGens([
    function* () {
      yield* reboot('h1', { config, ...fake, within: '1m' });
      return (yield* ssh('h1', 'cat boot', { config })).stdout;
    },
  ]);
  await going();
  await host.stop();
  boot('two');
  await host.boot();
  t.same(await loop, ['two']);
  await nothingMore(before);
});

t.test('one that is faster than we look', { skip }, async (t) => {
  const { config } = await machine(t);
  await reboot('h1', { config, bootId: 'cat boot', command: 'echo two > boot' }).run();
});

t.test('a connection that hangs is given up', { skip }, async (t) => {
  const { config, host, boot, going } = await machine(t);
  const clock = fakeClock();
  const loop = reboot('h1', { config, bootId: 'cat boot', command: 'touch going; sleep 1000' }).run({ clock });
  await going();
  host.freeze();
  let over = false;
  void loop.then(() => (over = true));
  await clock.advance('5s');
  await host.stop();
  boot('two');
  await host.boot();
  await until('it is up', () => (void clock.advance('1s'), over));
});

t.test('the same boot is not another one', { skip }, async (t) => {
  const { config, host } = await machine(t);
  const notes: string[] = [];
  const onEvent = (event: Event): void => {
    if (event.type === 'note') notes.push(event.text);
  };
  const late = (hint: RegExp): Error => like({ reason: { type: 'timeout', ms: 6000 }, message: hint });
  await t.rejects(reboot('h1', { config, ...fake, within: '6s' }).run({ onEvent }), late(/it has not gone down yet/));
  const loop = reboot('h1', { config, ...fake, within: '6s' }).run({ onEvent });
  const ended = t.rejects(loop, late(/still in the boot from before/));
  await until('it looks', () => notes.filter((note) => note.includes('not gone down')).length === 2);
  await host.stop();
  await until('it is gone', () => notes.includes('the connection was lost, as it should be'));
  await host.boot();
  await ended;
});

t.test('what fails', { skip }, async (t) => {
  const { config } = await machine(t);
  const refused = reboot('h1', { config, bootId: 'cat boot', command: 'echo not you >&2; exit 3' }).run();
  await t.rejects(refused, like({ reason: { type: 'exit', exitCode: 3 }, message: /reboot h1.*\nnot you/ }));
  const mute = reboot('h1', { config, bootId: 'echo what >&2', command: 'touch going' }).run();
  await t.rejects(mute, like({ reason: { type: 'reply' }, message: /give a command that does as bootId/ }));
  const away = reboot('h1', { config, port: 1 }).run();
  await t.rejects(away, like({ reason: { type: 'connection', phase: 'connect', sent: 'no' } }));
});

t.test('the boot id of this machine', { skip }, async (t) => {
  const { config } = await machine(t);
  const loop = reboot('h1', { config, command: 'touch going', within: 500 }).run();
  await t.rejects(loop, like({ reason: { type: 'timeout' } }));
});

t.test('killed while it waits', { skip }, async (t) => {
  const { config, host, going } = await machine(t);
  const before = process.getActiveResourcesInfo();
  const loop = runCommandGens([reboot('h1', { config, ...fake })]);
  await going();
  await host.stop();
  loop.kill('test');
  await t.rejects(loop, like({ reason: { type: 'killed', by: 'test' } }));
  await nothingMore(before);
});

t.test('what it is, in a dry run too, and what is wrong', async (t) => {
  t.match(reboot('web', { within: '5m' }), {
    label: 'reboot web',
    spec: { type: 'reboot', host: 'web', within: 300_000 },
  });
  await reboot('nowhere.invalid').run({ dryRun: true });
  t.throws(() => reboot('web', { comand: 'x' } as RebootOptions), /reboot: unknown option comand/);
  t.throws(() => reboot('web', { command: ' ' }), /reboot: command is a command/);
  t.throws(() => reboot('web', { within: 'soon' }), /reboot: within/);
});
