// How each contestant runs things on many hosts. `place` is what fleetRig.mjs tells.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { pool } from './harness.mjs';
import { adopt, family, processes } from './fleetProcs.mjs';

export const WIDTH = 32;

/** Asks the rig's process. */
export function askRig({ control }, request) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection(control, () => socket.write(`${request}\n`));
    socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    socket.on('error', reject).on('end', () => {
      const answer = JSON.parse(text);
      if (answer.error === undefined) resolve(answer);
      else reject(new Error(answer.error));
    });
  });
}

// --- ssh2 -------------------------------------------------------------------------------------------------------------------

/** Logs in; the host's key is checked as ssh does it. */
export async function connect({ identity }, { address, port, key }, more = {}) {
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  await new Promise((resolve, reject) => {
    client.on('ready', resolve).on('error', reject);
    client.connect({
      host: address,
      port,
      username: userInfo().username,
      privateKey: readFileSync(identity),
      hostVerifier: (found) => key === undefined || found.toString('base64') === key.split(' ')[1],
      algorithms: { kex: ['curve25519-sha256'] },
      ...more,
    });
  });
  client.setNoDelay(true);
  return client;
}

/** Runs a command: what it wrote. */
export function exec(client, command, input) {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let out = '';
      let code;
      channel.setEncoding('utf8').on('data', (text) => (out += text));
      channel.stderr.resume();
      channel.on('exit', (given) => (code = given));
      channel.on('close', () => (code === 0 ? resolve(out) : reject(new Error(`${command}: exit code ${code}`))));
      channel.end(input);
    });
  });
}

export const each = (hosts, work) => pool(hosts.length, WIDTH, (index) => work(hosts[index]));

export async function close(clients) {
  await Promise.all(clients.map((client) => new Promise((resolve) => client.on('close', resolve).end())));
}

// --- programs ---------------------------------------------------------------------------------------------------------------

/** A folder for the run's own files, removed at its end. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program's output; it must end well. */
export function output([file, ...args], { env = {}, any = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 || any) resolve(out);
      else reject(new Error(`${file}: exit code ${code}: ${(err || out).trim().slice(-500)}`));
    });
  });
}

/** The configuration of ssh with connections that are shared, and kept. */
function multiplexed({ config }, folder) {
  const path = join(folder, 'ssh_config');
  const lines = ['ControlMaster auto', `ControlPath ${folder}/%n`, 'ControlPersist 600', `Include ${config}`];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** `body(config, folder)` with the masters that it starts, which end behind it; `ready`: hosts whose masters are there before. */
export async function withMasters(place, ready, body) {
  adopt();
  const folder = scratch();
  const config = multiplexed(place, folder);
  try {
    await startMasters(config, ready);
    return await body(config, folder);
  } finally {
    await endMasters();
  }
}

/** One for each host; there when it has logged in. */
export async function startMasters(config, hosts) {
  await each(hosts, ({ name }) => output(['ssh', '-F', config, '-f', '-N', name]));
}

/** Ends the masters that this process has adopted, and waits until they have. */
async function endMasters() {
  for (;;) {
    const all = processes();
    const living = family(process.pid, all).filter((pid) => all.get(pid).state !== 'Z');
    if (living.length === 0) return;
    for (const pid of living) {
      try {
        process.kill(pid, 'SIGTERM');
      } catch {
        // It has ended by itself.
      }
    }
    await new Promise((next) => setTimeout(next, 5));
  }
}

const BASH = `c=$1 p=$2; shift 2; n=0; e=0
for h; do [ $((n++)) -lt ${WIDTH} ] || wait -n || e=1; ssh -F "$c" "$h" "$p" & done
while [ $n -gt 0 ]; do wait -n; s=$?; [ $s != 127 ] || break; [ $s = 0 ] || e=1; done; exit $e`;

/**
 * Programs that run one command on many hosts: `words(config, names, command, folder)`. `limit`: seconds for a host.
 */
export const programs = {
  bash: {
    needs: 'bash',
    words: (config, names, command) => ({ argv: ['bash', '-c', BASH, 'bash', config, command, ...names] }),
  },
  pssh: {
    needs: 'parallel-ssh',
    words: (config, names, command, folder, limit = 0) => ({
      argv: [
        'parallel-ssh',
        '-h',
        list(folder, names),
        '-p',
        String(WIDTH),
        '-i',
        '-t',
        String(limit),
        '-x',
        `-F ${config}`,
        command,
      ],
    }),
  },
  pdsh: {
    needs: 'pdsh',
    words: (config, names, command, folder, limit = 0) => ({
      argv: [
        'pdsh',
        '-S',
        '-R',
        'ssh',
        '-f',
        String(WIDTH),
        '-u',
        String(limit),
        '-w',
        `^${list(folder, names)}`,
        command,
      ],
      env: { PDSH_SSH_ARGS_APPEND: `-F ${config}` },
    }),
  },
  clush: {
    needs: 'clush',
    words: (config, names, command, _folder, limit = 0) => ({
      argv: [
        'clush',
        '-S',
        '-f',
        String(WIDTH),
        '-o',
        `-F ${config}`,
        ...(limit > 0 ? ['-u', String(limit)] : []),
        '-w',
        names.join(','),
        command,
      ],
    }),
  },
  'GNU parallel': {
    needs: 'parallel',
    words: (config, names, command, folder) => ({
      argv: [
        'parallel',
        '--will-cite',
        '--nonall',
        '--ssh',
        `ssh -F ${config}`,
        '-j',
        String(WIDTH),
        '--slf',
        list(folder, names),
        command,
      ],
      env: { PARALLEL_HOME: folder },
    }),
  },
  'Ansible raw': {
    needs: 'ansible',
    words: (config, names, command, folder, limit) => ({
      argv: [
        'ansible',
        'all',
        '-i',
        list(folder, names),
        '-m',
        'raw',
        '-a',
        command,
        '-f',
        String(WIDTH),
        ...(limit > 0 ? ['-T', String(limit)] : []),
      ],
      env: ansible(config, folder),
    }),
  },
};

/** Neither connections of its own nor waiting for what is not asked. */
export function ansible(config, folder) {
  return {
    ANSIBLE_HOME: folder,
    ANSIBLE_LOCAL_TEMP: folder,
    ANSIBLE_SSH_ARGS: `-F ${config}`,
    ANSIBLE_NOCOLOR: '1',
    ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
  };
}

/** The job as a playbook, and what its users set to make it fast. */
export function playbook(config, names, folder) {
  const path = join(folder, 'play.yml');
  const tasks = [
    { wait_for_connection: {} },
    { copy: { src: content(folder), dest: '{{ ansible_env_home.stdout }}/data', mode: '0644' } },
    ...STEPS.map((step) => ({ shell: step })),
    { stat: { path: '{{ ansible_env_home.stdout }}/data', checksum_algorithm: 'sha256' }, register: 'found' },
    { assert: { that: `found.stat.checksum == "${SUM}"` } },
  ];
  tasks.splice(1, 0, { raw: 'printf %s "$HOME"', register: 'ansible_env_home' });
  const play = [{ hosts: 'all', gather_facts: false, strategy: 'free', tasks }];
  writeFileSync(path, JSON.stringify(play)); // which is YAML too
  return {
    argv: ['ansible-playbook', '-i', list(folder, names), '-f', String(WIDTH), path],
    env: { ...ansible(config, folder), ANSIBLE_PIPELINING: 'True', ANSIBLE_STDOUT_CALLBACK: 'minimal' },
  };
}

function list(folder, names) {
  const path = join(folder, 'hosts');
  writeFileSync(path, names.map((name) => `${name}\n`).join(''));
  return path;
}

// --- the job ----------------------------------------------------------------------------------------------------------------

export const DATA = Buffer.alloc(100_000, (index) => index).map((byte, index) => byte ^ (index >> 8));
export const SUM = createHash('sha256').update(DATA).digest('hex');
export const STEPS = ['mkdir -p "$HOME/app"', 'uname -s', 'id -u', 'test -f "$HOME/data"', 'echo started'];

/** The job of one host, by a shared connection. */
export const BASH_JOB = `c=$1 f=$2 s=$3 w=$4; shift 4; n=0; e=0; r() { ssh -F "$c" "$h" "$1" >/dev/null; }
job() { r true && r 'cat >"$HOME/data"' <"$f" && ${STEPS.map((step) => `r '${step}'`).join(' && ')} &&
  case $(ssh -F "$c" "$h" 'sha256sum <"$HOME/data"') in "$s"*) ;; *) false ;; esac; }
for h; do [ $((n++)) -lt "$w" ] || wait -n || e=1; job & done
while wait -n; s=$?; [ $s != 127 ]; do [ $s = 0 ] || e=1; done; exit $e`;

/** The file that is copied. */
export function content(folder) {
  const path = join(folder, 'content');
  writeFileSync(path, DATA);
  return path;
}
