// The hosts of the fleet bench, in a process of their own, whose CPU is not the client's: the test's rig of real sshds.
//   node --import dist/lib/cli/load/register.js bench/fleetRig.mjs '{"hosts": 50}'
// Prints where they are as a line of JSON and ends with its stdin. `askRig` talks to its control socket.
import { createServer } from 'node:net';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { relay, silent, startRig } from '../test/ssh/rig/rig.ts';
import { adopt, bury, family, processes, spentBy } from './fleetProcs.mjs';

const { hosts, delay } = JSON.parse(process.argv[2]);

// The watchers beside sluice's commands leave their sessions: here they are waited for, and counted.
adopt();
const rig = await startRig({
  hosts,
  // Nobody is turned away: peers log in to a host once, but some of them twice a second.
  config: ['MaxStartups 100', 'MaxSessions 100'],
  ssh: ['KexAlgorithms curve25519-sha256'],
});
const far = await relay(rig, rig.hosts[0], { name: 'far', delay: delay / 2 });
const hanging = await silent(rig, 'hangs');
const listeners = () => rig.hosts.map((host) => host.pid);

/** What commands that are to be counted sleep for. */
const seconds = 90_000 + (process.pid % 1000);
const sleepers = () =>
  [...processes()]
    .filter(([pid, { state }]) => state !== 'Z' && words(pid).join(' ') === `sleep ${seconds}`)
    .map(([pid]) => pid);
function words(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return []; // it has ended meanwhile
  }
}

const told = (host) => ({ name: host.name, address: host.address, port: host.port });
const place = {
  control: join(rig.folder, 'control'),
  config: rig.config,
  identity: rig.identity,
  delay,
  seconds,
  hosts: rig.hosts.map((host) => ({ ...told(host), key: host.publicKey, home: host.home })),
  far: { ...told(far), key: rig.hosts[0].publicKey, home: rig.hosts[0].home },
  hangs: told(hanging),
};

/** What has been spent on the hosts so far, in ms: sshd, sessions and commands. Not this process: it has the relay. */
function spent() {
  const all = processes();
  bury(all, new Set(listeners()));
  const { reaped } = processes().get(process.pid);
  return listeners().reduce((sum, pid) => sum + spentBy(pid, all), reaped);
}

const requests = {
  sleeping: async () => ({ count: sleepers().length }),
  async wake() {
    for (const pid of sleepers()) process.kill(pid, 'SIGKILL');
    return {};
  },

  /** Waits until no session is left, removes what was copied and tells what was spent. */
  async quiet() {
    const ended = performance.now() + 20_000;
    for (;;) {
      const all = processes();
      const left = listeners().flatMap((pid) => family(pid, all));
      if (left.length === 0) break;
      if (performance.now() > ended) throw new Error(`sessions are left on the hosts: ${left}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const { home } of rig.hosts) rmSync(join(home, 'data'), { force: true });
    return { cpu: spent() };
  },
};

const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.setEncoding('utf8').once('data', async (request) => {
    const answer = await requests[request.trim()]().catch((error) => ({ error: error.message }));
    socket.end(`${JSON.stringify(answer)}\n`);
  });
});
server.listen(place.control, () => process.stdout.write(`${JSON.stringify(place)}\n`));
process.stdin.resume().on('end', async () => {
  server.close();
  await rig.stop();
  process.exit();
});
