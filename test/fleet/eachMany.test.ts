import { readdirSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { each } from '../../lib/fleet/each.ts';
import { ssh } from '../../lib/fleet/ssh.ts';
import { folder } from '../../lib/ssh/folder.ts';
import { descendants, isAlive, isSshd, until } from '../ssh/rig/procs.ts';
import { sshdMissing, startRig } from '../ssh/rig/rig.ts';
import '../support.ts';

/** As many sshds as it takes for none to be busy; each is many hosts. */
const SSHDS = 10;
const HOSTS = 200;
const SLOTS = 32;

/** Sockets and pipes that this process has open. */
function open(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the one of the folder itself
    }
  });
  return links.filter((link) => /^(socket|pipe):/.test(link)).length;
}

/** Processes of ours: those of the sshds, which are below this one too, end when they notice. */
function processes(): number[] {
  const all = descendants(process.pid);
  const theirs = new Set(all.filter(isSshd).flatMap((pid) => [pid, ...descendants(pid)]));
  return all.filter((pid) => !theirs.has(pid) && isAlive(pid));
}

t.test('200 hosts, 32 at once', { skip: sshdMissing() ?? false, timeout: 40_000 }, async (t) => {
  const rig = await startRig({ hosts: SSHDS, config: ['MaxStartups 100'] });
  t.teardown(() => rig.stop());
  for (let i = 0; i < HOSTS; i++) {
    const { address, port, publicKey } = rig.hosts[i % SSHDS]!;
    rig.entry({ name: `n${i + 1}`, address, port, publicKey });
  }
  // What stays to the end of the process: the reaper, and what ssh is configured with.
  await ssh('h1', ['true'], { config: rig.config, kex: 'classical' }).run();
  const before = { names: readdirSync(folder()), processes: processes(), open: open() };
  let [now, most] = [0, 0];
  const began = performance.now();
  const result = await each(`n[1-${HOSTS}]`, function* (host) {
    most = Math.max(most, ++now);
    try {
      const { stdout } = yield* ssh(host, 'echo $SSH_CONNECTION', { config: rig.config, kex: 'classical' });
      return stdout;
    } finally {
      now--;
    }
  }).run();
  t.comment(`${Math.round(performance.now() - began)} ms`);
  t.equal(result.ok.size, HOSTS);
  t.same([result.failed.size, result.unreachable.size, result.skipped.size], [0, 0, 0]);
  const said = [...result.ok.values()].map((line) => line.split(' '));
  t.same(
    said.map((words) => words[2]),
    Array.from({ length: HOSTS }, (_, i) => rig.hosts[i % SSHDS]!.address),
  );
  t.equal(new Set(said.map((words) => `${words[1]} ${words[2]}`)).size, HOSTS, 'a connection each');
  t.equal(most, SLOTS);
  t.equal(now, 0);

  t.same(processes(), before.processes, 'no ssh is left');
  t.same(readdirSync(folder()), before.names, 'nor a socket or a configuration');
  await until('what it had open is closed', () => open() <= before.open);
  await until('the servers have noticed', () => rig.hosts.every((host) => host.sessions().length === 0));
  t.same(
    rig.hosts.flatMap((host) => host.commands()),
    [],
  );
});
