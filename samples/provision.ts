// Brings up a cluster: waits until ssh is up on all machines, copies a file to each, starts something, tries again where that
// failed, and tears the cluster down if some machine can't be had. The machines are sshds on loopback addresses that the sample
// starts itself, so it needs `sshd` (Debian: openssh-server):
//
//   npx sluice run samples/provision.ts -- 5        five machines
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import {
  all,
  each,
  host,
  note,
  program,
  promise,
  put,
  retry,
  shield,
  spawn,
  ssh,
  type Host,
  type SshSettings,
} from 'sluice';

const count = Number(process.argv[2] ?? 3);

// --- the machines: what a cloud would do ------------------------------------------------------------------------------------

function* create(machine: Host, folder: string) {
  const key = join(folder, `${machine.name}.key`);
  yield* program(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const config = join(folder, `${machine.name}.conf`);
  const lines = [
    `ListenAddress ${machine.address}`,
    `Port ${machine.port}`,
    `HostKey ${key}`,
    `AuthorizedKeysFile ${folder}/user.pub`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const { stdout } = yield* program(['cat', `${key}.pub`]);
  return { config, knownHost: `[${machine.address}]:${machine.port} ${stdout}` };
}

// --- what is done with them -------------------------------------------------------------------------------------------------

function* provision(machine: Host, settings: SshSettings, home: string) {
  const at = join(home, machine.name);
  yield* ssh.ready(machine, { within: '1m', ...settings });
  yield* ssh(machine, ['mkdir', '-p', at], settings);
  yield* put(machine, `name=${machine.name}\n`, join(at, 'node.conf'), settings);
  // The first try fails on one of them, as first tries do.
  yield* ssh(machine, `test -e tried || { touch tried; test ${machine.name} != node2; }`, {
    cwd: at,
    ...settings,
  }).with(retry({ count: 3, backoff: '50ms' }));
  const { stdout } = yield* ssh(machine, ['cat', 'node.conf'], { cwd: at, ...settings });
  return stdout;
}

function* tearDown(names: string[]) {
  yield* note(`torn down: ${names.join(' ')}`);
}

export default function* main() {
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'));
  try {
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true }); // sshd wants it as root
    const port = yield* promise(freePort);
    const machines = Array.from({ length: count }, (_, i) =>
      host({ name: `node${i + 1}`, address: `127.0.1.${i + 1}`, port }),
    );
    yield* program(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'user')]);
    const created = yield* all(machines.map((machine) => create(machine, folder)));
    // Programs that nobody waits for: they run until this generator ends.
    for (const { config } of created) yield* spawn(program([sshd, '-D', '-e', '-f', config], { stderr: 'ignore' }));
    const settings = { identity: join(folder, 'user'), knownHosts: created.map(({ knownHost }) => knownHost) };

    const result = yield* each(machines, (machine) => provision(machine, settings, folder));
    for (const [machine, line] of result.ok) console.log(`${machine.name} has ${line}`);
    result.orThrow();
    console.log(`${result.ok.size} machines are up`);
  } catch (error) {
    yield* shield(tearDown(Array.from({ length: count }, (_, i) => `node${i + 1}`)));
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find(existsSync) ?? 'sshd';

/** A port that nobody listens at. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
