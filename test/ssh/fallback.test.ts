import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { all, each, hosts, put, runCommandGens, ssh, tunnel, type Event } from '../../lib/index.ts';
import { like } from '../support.ts';
import { sshdMissing, startRig, type Rig, type RigOptions } from './rig/rig.ts';
import { wrappedSsh } from './rig/wrappedSsh.ts';

const skip = sshdMissing() ?? false;

async function rigOf(t: Test, options: RigOptions): Promise<Rig> {
  const rig = await startRig(options);
  t.teardown(() => rig.stop());
  return rig;
}

const masters = (started: readonly string[]): number => started.filter((words) => words.startsWith('-M')).length;

t.test('an OpenSSH without proxy mode: an ssh for each command', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: 3 });
  const options = { config: rig.config, kex: 'classical' } as const;
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const started = await wrappedSsh(rig, { old: true }, async () => {
    const [results] = await runCommandGens(
      [
        function* () {
          const first = yield* all(
            [1, 2, 3].map((n) => ssh('h1', `cat; echo ${n}; exit 3`, { ...options, stdin: 'in ', unchecked: true })),
          );
          yield* put('h1', 'content', 'copied', options);
          const { ok } = yield* each(hosts('h[2-3]'), function* (host) {
            return (yield* ssh(host, ['echo', host.name], options)).stdout;
          });
          return [first.map(({ stdout, exitCode }) => `${stdout} ${exitCode}`), [...ok.values()]];
        },
      ],
      { onEvent },
    );
    t.same(results, [
      ['in 1 3', 'in 2 3', 'in 3 3'],
      ['h2', 'h3'],
    ]);
  });
  t.equal(readFileSync(join(rig.hosts[0]!.home, 'copied'), 'utf8'), 'content');
  t.equal(notes.filter((note) => note.includes('older than 7.4')).length, 1, 'it is told once');
  t.equal(masters(started), 1, 'no other master is tried');
});

t.test('many hosts at once, that find out at the same time', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: 4 });
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  await wrappedSsh(rig, { old: true }, async () => {
    const list = rig.hosts.map(({ name }) => ssh(name, 'echo $0', { config: rig.config, kex: 'classical' }));
    t.equal((await all(list).run({ onEvent })).length, 4);
  });
  t.equal(notes.filter((note) => note.includes('older than 7.4')).length, 1);
});

t.test('through a jump, in both ways', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{}, {}, { ssh: ['ProxyJump h1'] }] });
  const options = { config: rig.config, kex: 'classical' } as const;
  await wrappedSsh(rig, { old: true }, async () => {
    t.equal((await ssh('h2', ['echo', 'x'], { ...options, jump: 'h1' }).run()).stdout, 'x');
    t.equal((await ssh('h3', ['echo', 'y'], options).run()).stdout, 'y');
  });
});

t.test('where the transport was asked for, or is needed, it is an error that says so', { skip }, async (t) => {
  const rig = await rigOf(t, {});
  const { config } = rig;
  await wrappedSsh(rig, { old: true }, async () => {
    const reason = { type: 'connection', phase: 'session', sent: 'no' };
    const asked = ssh('h1', ['true'], { config, transport: 'mux' }).run();
    await t.rejects(asked, like({ reason, message: /transport 'mux' needs \(OpenSSH 7\.4 has it\)/ }));
    const needed = tunnel('h1', { config, remote: 22 }, function* () {}).run();
    await t.rejects(needed, like({ reason, message: /older than 7\.4/ }));
  });
});
